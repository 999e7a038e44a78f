"""Features of the texts of a data set, and of the guides that teach beside them."""

from collections.abc import Sequence

import numpy as np

from tfp_dgm.confidence import copies
from tfp_dgm.data.data_error import listing
from tfp_dgm.data.visible_text import spelling
from tfp_dgm.labelling.features import Features
from tfp_dgm.labelling.guides import Guides

_SHOWN = 10


def unheard_warning(features: Features, guides: Guides, classes: Sequence[str]) -> list[str]:
    """A sentence, where all that is said of some classes is in words that no text has.

    As when the texts are in another language. An encoder knows such words all the same.

    Args:
      features: of the texts.
      guides: what is said of the classes.
      classes: K names.
    """
    if features.encoder is not None or not guides.texts:
        return []
    known = features.word_counts.count_matrix(guides.texts).getnnz(axis=1) > 0
    own = guides.allowed.sum(axis=1) == 1
    unheard = ~guides.allowed[known & own].any(axis=0)
    if not unheard.any():
        return []
    names = [spelling(name) for name, here in zip(classes, unheard, strict=True) if here]
    return [
        f"No word of what is said of {listing(names, limit=_SHOWN)} is known from the texts: "
        "without an encoder it teaches nothing. Describe such a class in words that texts have, or "
        "give examples."
    ]


def with_guides(
    features: Features, texts: Sequence[str], rows: np.ndarray, guides: Guides
) -> tuple[Features, Guides, np.ndarray]:
    """Features of texts and guides, of those guides that repeat no annotated text.

    A model that knows a guide has seen the label of its copy, which then could not be judged by:
    not even texts that are like such a guide are taken.

    Args:
      features: of N texts.
      texts: these.
      rows: int [n]; those that are annotated.
      guides: what is said of the classes.
    Returns:
      features: of the texts and, after them, of the guides.
      guides: those that are left, and the texts that are most like them.
      group: int [n]; copies among the annotated texts share a number.
    """
    everything, guides, group = _unrepeated(features, texts, rows, guides)
    if not guides.texts:
        return everything, guides, group
    guides = guides.with_typical(texts, everything.vectors)
    return _unrepeated(features, texts, rows, guides)


def _unrepeated(
    features: Features, texts: Sequence[str], rows: np.ndarray, guides: Guides
) -> tuple[Features, Guides, np.ndarray]:
    everything = features.followed_by(guides.texts)
    own = [*rows, *range(len(texts), len(texts) + len(guides.texts))]
    group = copies([*(texts[int(row)] for row in rows), *guides.texts], everything.words[own])
    repeated = np.isin(group[len(rows) :], group[: len(rows)])
    if repeated.any():
        guides = guides.only(~repeated)
        everything = features.followed_by(guides.texts)
    return everything, guides, np.unique(group[: len(rows)], return_inverse=True)[1]
