"""What the fitting of topics and of clusters refuses."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.data import TOPIC_MODELS
from tfp_dgm.topic_modelling.amortized_models import AMORTIZED, CTM, ETM, PRIORS

LDA = "lda"


def require_counts(owner: str, counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Counts as float32 [N, V], each word once a row.

    Raises:
      ValueError: if they are not finite, below 0, or none at all.
    """
    found = scipy.sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    found.sum_duplicates()
    found.eliminate_zeros()
    if found.nnz == 0 or found.data.min() < 0 or not np.all(np.isfinite(found.data)):
        raise ValueError(
            f"{owner}: `counts` must be finite, >= 0, and not all of them 0; received "
            f"{found.shape[0]} rows of {found.shape[1]} words with {found.nnz} counts"
        )
    return found


def require_topics(
    owner: str,
    argument: str,
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
) -> None:
    """Raises a ValueError, which names the argument, unless they fit the counts and each other."""
    if num_topics < 1:
        raise ValueError(f"{owner}: `{argument}` must be >= 1; received {num_topics}")
    if seeds is not None:
        if len(seeds) != num_topics:
            raise ValueError(
                f"{owner}: `seeds` must be words of {num_topics} topics, `{argument}`; received "
                f"{len(seeds)}"
            )
        ids = [int(word) for words in seeds for word in words]
        if ids and not 0 <= min(ids) <= max(ids) < counts.shape[1]:
            raise ValueError(
                f"{owner}: `seeds` must be ids of words, from 0 to {counts.shape[1] - 1}; "
                f"received {min(ids)} to {max(ids)}"
            )
    if seeded_documents is not None:
        seeded = np.asarray(seeded_documents)
        if seeded.shape != (counts.shape[0],):
            raise ValueError(
                f"{owner}: `seeded_documents` must be of {counts.shape[0]} documents; received "
                f"shape {seeded.shape}"
            )
        if not np.all((seeded >= -1) & (seeded < num_topics)):
            raise ValueError(
                f"{owner}: `seeded_documents` must be from 0 to {num_topics - 1}, or -1; received "
                f"{seeded.min()} to {seeded.max()}"
            )


def require_parts_of_model(
    owner: str,
    counts: scipy.sparse.csr_matrix,
    model: str,
    num_topics: int,
    prior: str | None,
    vectors: NDArray[np.floating] | None,
    contexts: NDArray[np.floating] | None,
) -> None:
    """Raises a ValueError, which names the argument, unless a model is known and has its parts."""
    if model not in TOPIC_MODELS:
        raise ValueError(
            f"{owner}: `model` must be one of {', '.join(TOPIC_MODELS)}; received {model!r}"
        )
    if model in AMORTIZED and num_topics < 2:
        raise ValueError(
            f"{owner}: `num_topics` must be >= 2 of the model {model!r}; received {num_topics}"
        )
    if prior is not None and (model == LDA or prior not in PRIORS):
        expected = "no other than its own" if model == LDA else f"one of {', '.join(PRIORS)}"
        raise ValueError(
            f"{owner}: `prior` of the model {model!r} must be {expected}; received {prior!r}"
        )
    for argument, value, own, rows in (
        ("vectors", vectors, ETM, counts.shape[1]),
        ("contexts", contexts, CTM, counts.shape[0]),
    ):
        if value is None:
            if argument == "contexts" and model == CTM:
                raise ValueError(f"{owner}: the model {CTM!r} needs `contexts`; received none")
            continue
        if model != own:
            raise ValueError(f"{owner}: `{argument}` are for the model {own!r}; it is {model!r}")
        shape = np.shape(value)
        if len(shape) != 2 or shape[0] != rows or not shape[1]:
            raise ValueError(
                f"{owner}: `{argument}` must be of the shape [{rows}, any]; received {shape}"
            )
        if not np.all(np.isfinite(value)):
            raise ValueError(f"{owner}: `{argument}` must be finite numbers; received others")
