"""What definitions of classes say of them, as texts that teach: names, descriptions, examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.data import ClassDefinitions

_JOINED = re.compile(r"[_./|:>-]+|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Guides:
    """Texts that are known to be of a class before any label is given.

    Attributes:
      texts: G texts.
      allowed: bool [G, K]; the classes that each is of: one, or those within a group.
    """

    texts: Sequence[str]
    allowed: np.ndarray

    @classmethod
    def none(cls, num_classes: int) -> "Guides":
        """No texts."""
        return cls((), np.zeros((0, num_classes), bool))

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
        return cls(texts, np.array(allowed, bool))

    def only(self, kept: np.ndarray) -> "Guides":
        """Those of which `kept`, bool [G], is True."""
        texts = [text for text, keep in zip(self.texts, kept, strict=True) if keep]
        return Guides(texts, self.allowed[kept])
