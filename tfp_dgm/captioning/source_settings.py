"""Settings of what images and texts are read by."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, MultipleOf
from pydantic import Field

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]


@settings_class
class ConvolutionalEncoder:
    """A small network, trained from scratch.

    Attributes:
      filters: of the first block; each further one has twice as many as the one before, up to four
        times these.
      blocks: each halves height and width.
    """

    kind: Literal["convolutional"] = "convolutional"
    filters: Annotated[int, Ge(8), MultipleOf(8)] = 32
    blocks: Count = 4


@settings_class
class Application:
    """A model of `keras.applications`.

    Attributes:
      name: of the model.
      weights: a file of them, or imagenet; null for random ones.
      fine_tune: it is trained, too; otherwise its features are computed once.
    """

    kind: Literal["application"] = "application"
    name: str
    weights: str | None = None
    fine_tune: bool = False

    def __post_init__(self) -> None:
        from tfp_dgm.networks import find_application  # Keras knows which there are.

        find_application(self.name)


@settings_class
class _Tokens:
    """What all vocabularies have.

    Attributes:
      size: tokens at most.
      lower: upper and lower case are one.
    """

    size: Count = 10_000
    lower: bool = True


@settings_class
class Words(_Tokens):
    """Tokens are words.

    Attributes:
      min_count: rarer words are unknown.
    """

    kind: Literal["words"] = "words"
    min_count: Count = 3


@settings_class
class Subwords(_Tokens):
    """Tokens are pieces of words."""

    kind: Literal["subwords"] = "subwords"


ImageEncoder = Annotated[ConvolutionalEncoder | Application, Field(discriminator="kind")]
Vocabulary = Annotated[Words | Subwords, Field(discriminator="kind")]
