"""What is written of a tagged sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ACCEPT = {True: "Yes", False: "No", None: "_"}


@dataclass(frozen=True)
class SpanResult:
    """A span that a model found.

    Attributes:
      first: its first word, from 0.
      last: its last word, which belongs to it.
      name: its type.
      probability: that exactly these words are a span of this type.
      accept: whether that is safe; None where nothing is said of it.
      runner_up: the type that these words have instead, or "O" for none.
      runner_up_probability: that of the runner-up.
    """

    first: int
    last: int
    name: str
    probability: float
    accept: bool | None
    runner_up: str
    runner_up_probability: float


@dataclass(frozen=True)
class SentenceResult:
    """What a model says of a sentence of T words.

    Attributes:
      tags: T tags, in the scheme of the file.
      probabilities: T; that of each tag.
      accept: T; whether each is safe; None where nothing is said of it.
      spans: in order, where tags are of spans.
    """

    tags: Sequence[str]
    probabilities: Sequence[float]
    accept: Sequence[bool | None]
    spans: Sequence[SpanResult] = ()
