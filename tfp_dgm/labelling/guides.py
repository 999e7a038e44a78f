"""What definitions of classes say of them, as texts that teach: names, descriptions, examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import normalize

from tfp_dgm.data import ClassDefinitions

_JOINED = re.compile(r"[_./|:>-]+|(?<=[a-z])(?=[A-Z])")


# What a text of a class's own counts in training, in labels; and one that is like them.
_OWN, _LIKE_THEM = 1.0, 0.2
# Texts of the data set that are most like what is said of a class: as many at most, and none whose
# margin over the second class is below this quantile of all texts' margins.
_TYPICAL, _SURE = 20, 0.8
_FAR = 0.1  # Similarity to a class counts from what this share of the texts does not reach.


@dataclass(frozen=True)
class Guides:
    """Texts that are known, or likely, to be of a class before any label is given.

    Attributes:
      texts: G texts.
      allowed: bool [G, K]; the classes that each is of: one, or those within a group.
      counts: float [G]; what each counts in training, in labels.
    """

    texts: Sequence[str]
    allowed: np.ndarray
    counts: np.ndarray

    @classmethod
    def none(cls, num_classes: int) -> "Guides":
        """No texts."""
        return cls((), np.zeros((0, num_classes), bool), np.zeros(0))

    @classmethod
    def of(cls, definitions: ClassDefinitions) -> "Guides":
        """A text of each class's and group's name and description, and each of its examples."""
        texts, allowed = [], []
        for definition in definitions.definitions:
            name = " ".join(_JOINED.sub(" ", definition.name).split())
            within = definitions.groups.get(definition.name, (definition.name,))
            for text in (f"{name}. {definition.description}".strip(), *definition.examples):
                texts.append(text)
                allowed.append([k in within for k in definitions.classes])
        return cls(texts, np.array(allowed, bool), np.full(len(texts), _OWN))

    def only(self, kept: np.ndarray) -> "Guides":
        """Those of which `kept`, bool [G], is True."""
        texts = [text for text, keep in zip(self.texts, kept, strict=True) if keep]
        return Guides(texts, self.allowed[kept], self.counts[kept])

    def with_typical(
        self, texts: Sequence[str], views: Sequence[Any], *, from_far: bool = False
    ) -> "Guides":
        """These and, for each class, the texts of the data set that are most like its own guides.

        A name and a description say little in words of their own; what they resemble says more. Of
        the texts that are nearer to a class than to all others, by the sum of the cosine
        similarities in each view, those are taken that are the farthest nearer than to the second
        class, if they are far nearer: a class that hardly occurs is the nearest to some texts, too,
        and would else learn what is others'.

        Args:
          texts: N texts that may be taken.
          views: arrays or sparse matrices [N + G, D] of these, then of the guides.
          from_far: whether similarities count from what the texts farthest from a class have, as in
            an encoder's space, where one guide may be nearer to all texts than another.
        """
        single = self.allowed.sum(axis=1) == 1
        if not single.any():
            return self
        similarity = np.add.reduce([self._similarity(view, single) for view in views])  # [N, K]
        if from_far:
            similarity -= np.quantile(similarity, _FAR, axis=0)
        nearest = similarity.argmax(axis=1)
        two = np.sort(similarity, axis=1)[:, -2:]
        margin = two[:, 1] - two[:, 0]
        least = np.quantile(margin, _SURE)
        chosen = []
        for k in range(self.allowed.shape[1]):
            rows = np.flatnonzero((nearest == k) & (margin > 0) & (margin >= least))
            chosen.append(rows[np.argsort(-margin[rows], kind="stable")][:_TYPICAL])
        rows = np.concatenate(chosen)
        classes = np.eye(self.allowed.shape[1], dtype=bool)[nearest[rows]]
        return Guides(
            [*self.texts, *(texts[int(row)] for row in rows)],
            np.concatenate([self.allowed, classes]),
            np.concatenate([self.counts, np.full(len(rows), _LIKE_THEM)]),
        )

    def _similarity(self, view: Any, single: np.ndarray) -> np.ndarray:
        """Cosines [N, K] of texts with the sum of the guides that are of a class alone."""
        unit = normalize(view)
        own = self.allowed[single].T.astype(np.float32) @ unit[-len(single) :][single]  # [K, D]
        return np.asarray(unit[: -len(single)] @ normalize(own).T)
