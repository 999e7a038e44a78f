"""Small outcomes for tests."""

from typing import Any

import numpy as np

from tfp_dgm.labelling.outcome import Outcome


def one_hot(observed: list[int], num_classes: int) -> np.ndarray:
    """bool [N, K]; -1 allows every class."""
    allowed = np.ones((len(observed), num_classes), bool)
    for row, k in enumerate(observed):
        if k >= 0:
            allowed[row] = np.arange(num_classes) == k
    return allowed


def hand_made(**changes: Any) -> Outcome:
    """Eight rows of two classes, whose numbers can be counted by hand.

    Rows 0-3 carry labels; row 3's looks wrong, and is with 3 : 1. Row 4 is accepted, rows 5 to 7
    are not; row 7 is the copy of row 6.
    """
    fields: dict[str, Any] = {
        "classes": ("ham", "spam"),
        "texts": [
            "see you at lunch",
            "lunch tomorrow then",
            "win a prize now",
            "claim your prize",
            "a prize for you to claim",
            "lunch or a prize",
            "call me about lunch",
            "call me about lunch",
        ],
        "allowed": one_hot([0, 0, 1, 0, -1, -1, -1, -1], 2),
        "probabilities": np.array(
            [
                [0.9, 0.1],
                [0.6, 0.4],
                [0.2, 0.8],
                [0.02, 0.98],
                [0.04, 0.96],
                [0.5, 0.5],
                [0.7, 0.3],
                [0.7, 0.3],
            ],
            np.float32,
        ),
        "weights": np.array([1, 1, 2, 1, 0, 0, 0, 0], np.float32),
        "given_probability": np.array([0.99, 0.9, 0.95, 0.25, *[np.nan] * 4], np.float32),
        "class_shares": np.array([[0.7, 0.3], [0.5, 0.5], [0.6, 0.4]]),
        "min_precision": 0.9,
        "threshold": 0.75,
        "terms": {"spam": [("prize", 2.0), ("claim", 1.0)], "ham": [("lunch", 3.0)]},
        "warnings": ["Fewer than 3 labels for 'spam' (1)."],
        "seconds": {"reading": 0.25, "training": 2.0},
    }
    return Outcome(**(fields | changes))


def drawn(num_rows: int, num_classes: int, *, seed: int = 1, **changes: Any) -> Outcome:
    """Calibrated predictions of made-up texts; every fourth row carries its true label."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(num_classes, 1 / num_classes), num_rows)
    cumulative = probabilities.cumsum(axis=1)
    truth = (rng.random((num_rows, 1)) > cumulative).sum(axis=1).clip(max=num_classes - 1)
    observed = np.where(np.arange(num_rows) % 4 == 0, truth, -1)
    words = rng.integers(0, 500, (num_rows, 12))
    fields: dict[str, Any] = {
        "classes": tuple(f"class {k:02}" for k in range(num_classes)),
        "texts": [" ".join(f"word{i}" for i in row) for row in words],
        "allowed": (observed[:, np.newaxis] < 0)
        | (observed[:, np.newaxis] == np.arange(num_classes)),
        "probabilities": probabilities.astype(np.float32),
        "weights": (observed >= 0).astype(np.float32),
        "given_probability": np.where(observed >= 0, 0.9, np.nan).astype(np.float32),
        "class_shares": probabilities[:20],
        "min_precision": 0.95,
        "threshold": 0.9,
    }
    return Outcome(**(fields | changes))
