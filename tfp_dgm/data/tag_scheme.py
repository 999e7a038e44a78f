"""Tags of words as labels of a chain: plain tags, or spans in one of the schemes that name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.legal_labels import LegalLabels

OUTSIDE = "O"
# How a scheme writes the word that begins a span, those inside, the last, and a span's only word.
# IOB1 begins a span with B only where the word before belongs to another span of its type.
LETTERS = {
    "BIO": "BIIB",
    "IOB1": "IIII",
    "BIOES": "BIES",
    "BILOU": "BILU",
    "BMES": "BMES",
    "BMEWO": "BMEW",
}
SPAN_LETTERS = {letter for letters in LETTERS.values() for letter in letters}
PLAIN = "none"
KINDS = (PLAIN, *LETTERS)
_ROLES = "BIES"  # Of the model's labels.
_CLOSED = {"B": "S", "I": "E"}
_OPENED = {"I": "B", "E": "S"}

Tags = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Span:
    """Words that belong together.

    Attributes:
      first: the first word, from 0.
      last: the last word; it belongs to the span.
      name: the span's type; "" where the tags have none.
    """

    first: int
    last: int
    name: str


@dataclass(frozen=True)
class TagScheme:
    """What a file's tags mean, and the labels that a chain has for them.

    The labels of spans are always B, I, E and S of each type, which say most: the tags of any
    scheme are sets of them, and each legal sequence of labels can be written in any scheme.

    Attributes:
      kind: "none" where tags are just tags, or "BIO", "IOB1", "BIOES", "BILOU", "BMES" or "BMEWO".
      names: the tags themselves, or the types of spans; sorted.
      lower: whether the letters before the types are lower-case.
    """

    kind: str
    names: tuple[str, ...]
    lower: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}; received {self.kind!r}")
        object.__setattr__(self, "names", tuple(self.names))  # JSON has lists.

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The K labels of the chain."""
        if self.kind == PLAIN:
            return self.names
        return (OUTSIDE, *(_joined(role, name) for name in self.names for role in _ROLES))

    @cached_property
    def initial(self) -> NDArray[np.bool_]:
        """Which labels may stand first; bool [K]."""
        return np.array([role in "OBS" for role in self._roles])

    @cached_property
    def final(self) -> NDArray[np.bool_]:
        """Which labels may stand last; bool [K]."""
        return np.array([role in "OES" for role in self._roles])

    @cached_property
    def transitions(self) -> NDArray[np.bool_]:
        """Which labels [second axis] may follow which [first axis]; bool [K, K]."""
        if self.kind == PLAIN:
            return np.ones([len(self.labels)] * 2, np.bool_)
        types = np.array([-1, *np.repeat(np.arange(len(self.names)), len(_ROLES))])
        same = types[:, None] == types[None, :]
        # A span goes on exactly where it has begun and has not ended.
        return np.where(~self.final[:, None], same & ~self.initial[None, :], self.initial[None, :])

    def type_of(self, label: str) -> str | None:
        """The type of the span to which a word of this label belongs; None if there is no span."""
        return None if self.kind == PLAIN or label == OUTSIDE else label[2:]

    def allowed(self, tags: Tags) -> NDArray[np.bool_]:
        """What the tags of a sentence leave open, their neighbours considered.

        What no sequence of labels can be, such as I after O in BIO, is read as the beginning of a
        span: `illegal` tells where.

        Args:
          tags: of T words; () where nothing is known, several where the word has one of them.
        Returns:
          bool [T, K]: True where some legal sequence that the tags allow has the label there.
        Raises:
          ValueError: if the scheme has no such tag.
        """
        return self._read(tags)[0]

    def illegal(self, tags: Tags) -> list[int]:
        """The words of a sentence whose tags cannot follow those before them; from 0.

        T, one past the last word, is among them where a span is not ended by the sentence's end.
        """
        return self._read(tags)[1]

    def written(self, labels: Sequence[str]) -> list[str]:
        """Writes a legal sequence of T labels of the chain in the file's scheme."""
        if self.kind == PLAIN:
            return list(labels)
        letters = dict(zip(_ROLES, LETTERS[self.kind], strict=True))
        tags = []
        before = None
        for label in labels:
            role, name = label[0], self.type_of(label)
            letter = letters.get(role, OUTSIDE)
            if self.kind == "IOB1" and role in "BS" and name == before:
                letter = "B"
            tags.append(_joined(letter.lower() if self.lower else letter, name or ""))
            before = name
        return tags

    def spans(self, labels: Sequence[str]) -> list[Span]:
        """The spans of a legal sequence of T labels of the chain; none where tags are just tags."""
        if self.kind == PLAIN:
            return []
        spans = []
        first = 0
        for place, label in enumerate(labels):
            if label[0] in "BS":
                first = place
            if label[0] in "ES":
                spans.append(Span(first, place, label[2:]))
        return spans

    @cached_property
    def _roles(self) -> list[str]:
        """B, I, E, S or O of each label; plain tags stand anywhere, as O does."""
        return [OUTSIDE if self.kind == PLAIN else label[0] for label in self.labels]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {label: k for k, label in enumerate(self.labels)}

    @cached_property
    def _legal(self) -> LegalLabels:
        return LegalLabels(
            self.initial,
            self.transitions,
            self.final,
            [self._with_role(label, _CLOSED) for label in self.labels],
            [self._with_role(label, _OPENED) for label in self.labels],
        )

    def _with_role(self, label: str, roles: dict[str, str]) -> int:
        """The number of a label of a span with another letter, if `roles` has one."""
        if self.kind == PLAIN:
            return self._index[label]
        return self._index[roles.get(label[0], label[0]) + label[1:]]

    def _read(self, tags: Tags) -> tuple[NDArray[np.bool_], list[int]]:
        """The allowed labels [T, K], and the words before which no legal sequence goes on."""
        return self._legal.narrowed([self._labels_at(tags, place) for place in range(len(tags))])

    def _labels_at(self, tags: Tags, place: int) -> list[int]:
        """The labels that the tags of one word stand for."""
        found = []
        for tag in tags[place]:
            if self.kind == "IOB1":
                found += self._meaning(tag, self._roles_in_iob1(tags, place, tag))
                continue
            if tag not in self._meanings:
                self._meanings[tag] = self._meaning(tag)
            found += self._meanings[tag]
        return found

    @cached_property
    def _meanings(self) -> dict[str, list[int]]:
        """What tags were found to mean, where the word before does not matter."""
        return {}

    def _meaning(self, tag: str, roles: str | None = None) -> list[int]:
        """The labels that a tag stands for; `roles` are those of its letter, if known."""
        if self.kind == PLAIN:
            labels = [tag]
        else:
            letter, name = split_tag(tag, lower=self.lower)
            written = zip(_ROLES, LETTERS[self.kind], strict=True)
            roles = roles or "".join(role for role, as_written in written if letter == as_written)
            labels = [_joined(role, name) for role in roles]
            if letter == OUTSIDE:
                labels = [OUTSIDE]
        if not labels or not self._index.keys() >= set(labels):
            of = "tags" if self.kind == PLAIN else f"tags in {self.kind} of"
            raise ValueError(f"tags: expected {of} {', '.join(self.names)}; received {tag!r}")
        return [self._index[label] for label in labels]

    def _roles_in_iob1(self, tags: Tags, place: int, tag: str) -> str:
        """The roles of a tag in IOB1, where the word before tells whether a span goes on."""
        letter, name = split_tag(tag, lower=self.lower)
        if letter == "B" or not place:
            return "BS"
        before = {
            letter != OUTSIDE and other == name
            for letter, other in (split_tag(tag, lower=self.lower) for tag in tags[place - 1])
        }
        if before == {True}:
            return "IE"
        return "BS" if before == {False} else _ROLES


def split_tag(tag: str, *, lower: bool = False) -> tuple[str, str]:
    """The letter of a tag of a span, as a capital, and its type; "" where there is no such letter.

    Args:
      tag: such as "B-creative-work", "B" or "O".
      lower: whether letters are lower-case.
    """
    letter, hyphen, name = tag.partition("-")
    if len(letter) != 1 or letter.islower() != lower or (hyphen and not name):
        return "", tag
    return letter.upper(), name


def _joined(letter: str, name: str) -> str:
    return f"{letter}-{name}" if name else letter
