"""Features of the texts of a data set, and of the guides that teach beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class GuidedFeatures:
    """Features of N texts and, after them, of G guides.

    Attributes:
      features: of both.
      guides: what is said of the classes, but what repeats an annotated text, and the texts that
        are most like it.
      group: int [n]; copies among the annotated texts share a number.
      repeats: int [G]; which of the n annotated texts a guide repeats, -1 where it is none.
    """

    features: Features
    guides: Guides
    group: np.ndarray
    repeats: np.ndarray

    def seen(self, visible: np.ndarray) -> np.ndarray:
        """bool [G, F]; the models that learn from each guide.

        That a text is like what is said of a class is a guess, which gives way to an annotation: it
        teaches those models alone that do not see the annotation. So a row is judged by models that
        guess of it what they would guess without its annotation, as of the rows that have none.

        Args:
          visible: bool [n, F]; the models that see each annotation.
        """
        seen = np.ones((len(self.repeats), visible.shape[1]), bool)
        guessed = self.repeats >= 0
        seen[guessed] = ~visible[self.repeats[guessed]]
        return seen


def with_guides(
    features: Features, texts: Sequence[str], rows: np.ndarray, guides: Guides
) -> GuidedFeatures:
    """Features of texts and guides.

    A model that knows an example which a person gave has seen the label of its copy, which then
    could not be judged by: such an example is left out.

    Args:
      features: of N texts.
      texts: these.
      rows: int [n]; those that are annotated.
      guides: what is said of the classes.
    """
    found = _grouped(features, texts, rows, guides)
    if (found.repeats >= 0).any():
        found = _grouped(features, texts, rows, guides.only(found.repeats < 0))
    if not found.guides.texts:
        return found
    # Of a guide with rare words, latent dimensions know little; of close classes, an encoder.
    views = [found.features.vectors, found.features.words]
    typical = found.guides.with_typical(texts, views, from_far=features.encoder is not None)
    return _grouped(features, texts, rows, typical)


def _grouped(
    features: Features, texts: Sequence[str], rows: np.ndarray, guides: Guides
) -> GuidedFeatures:
    everything = features.followed_by(guides.texts)
    own = [*rows, *range(len(texts), len(texts) + len(guides.texts))]
    group = copies([*(texts[int(row)] for row in rows), *guides.texts], everything.words[own])
    of_guides = group[len(rows) :]
    numbers, first, annotated = np.unique(
        group[: len(rows)], return_index=True, return_inverse=True
    )
    repeats = np.full(len(of_guides), -1)
    known = np.isin(of_guides, numbers)
    repeats[known] = first[np.searchsorted(numbers, of_guides[known])]
    return GuidedFeatures(everything, guides, annotated, repeats)
