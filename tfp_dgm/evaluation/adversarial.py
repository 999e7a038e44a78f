"""How easily texts of a model are told from true ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from tfp_dgm.token_ids import END, PAD


def adversarial_evaluation(
    true_ids: np.ndarray | Sequence[np.ndarray],
    model_ids: np.ndarray | Sequence[np.ndarray],
    *,
    folds: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy of a classifier that tells true texts from a model's, above chance [1].

        adversarial error = accuracy - 1/2

    A logistic regression on counts of words and pairs of words, cross-validated; both texts of a
    pair stand in the same fold, so that a beginning that they share gives nothing away. Near 0, the
    classifier cannot tell; 1/2 at most.

    Args:
      true_ids: N rows of token ids; what follows END is not read.
      model_ids: N rows, the model's counterparts of the same pairs.
      folds: of the cross-validation; at most N.
      seed: of the folds.
    Returns:
      `adversarial_error`, `accuracy`, its `accuracy_standard_error`, `num_pairs`.
    Raises:
      ValueError: if the two are not equally many, or fewer than `folds`.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349,
        section 4.1
    """
    pairs = len(true_ids)
    if pairs != len(model_ids) or pairs < folds:
        raise ValueError(
            f"adversarial_evaluation: expected as many `true_ids` as `model_ids`, at least {folds};"
            f" received {pairs} and {len(model_ids)}"
        )
    texts = [_words(row) for rows in (true_ids, model_ids) for row in rows]
    labels = np.repeat([1, 0], pairs)
    groups = np.tile(np.arange(pairs), 2)
    classifier = make_pipeline(
        CountVectorizer(tokenizer=str.split, token_pattern=None, ngram_range=(1, 2), binary=True),
        LogisticRegression(C=0.1, max_iter=1000),
    )
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    scores = cross_val_score(classifier, texts, labels, groups=groups, cv=split)
    accuracy = float(scores.mean())
    return {
        "adversarial_error": accuracy - 0.5,
        "accuracy": accuracy,
        "accuracy_standard_error": float(np.sqrt(accuracy * (1 - accuracy) / (2 * pairs))),
        "num_pairs": pairs,
    }


def _words(row: np.ndarray) -> str:
    """Ids as words of their own; END is one, since where a text ends tells much."""
    kept = []
    for token in np.asarray(row).tolist():
        if token == PAD:
            break
        kept.append(f"t{token}")
        if token == END:
            break
    return " ".join(kept)
