"""Features of the texts of a data set, and of the guides that teach beside them."""

from collections.abc import Sequence

import numpy as np

from tfp_dgm.confidence import copies
from tfp_dgm.labelling.features import Features
from tfp_dgm.labelling.guides import Guides


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
