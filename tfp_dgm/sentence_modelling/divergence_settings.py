"""Settings of what the divergence costs, and of what else keeps a posterior from collapsing."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]


@settings_class
class ConstantWeight:
    """The same weight throughout."""

    kind: Literal["constant"] = "constant"


@settings_class
class _RisingWeight:
    """What rising weights have.

    Attributes:
      epochs: of the rise, after the pretraining; null for ten, or all where there are fewer.
      steps: of the rise, instead of epochs.
    """

    epochs: Positive | None = None
    steps: Count | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise ValueError(
                f"epochs and steps say the same; expected one of them, received {self.epochs} and "
                f"{self.steps}"
            )


@settings_class
class LinearWeight(_RisingWeight):
    """Rises in a straight line."""

    kind: Literal["linear"] = "linear"


@settings_class
class SigmoidWeight(_RisingWeight):
    """Rises along a logistic function."""

    kind: Literal["sigmoid"] = "sigmoid"


@settings_class
class CyclicalWeight:
    """Rises from 0 four times.

    Attributes:
      steps: of a cycle; null for a fifth of those after the pretraining.
    """

    kind: Literal["cyclical"] = "cyclical"
    steps: Count | None = None


@settings_class
class FreeBits:
    """Nats free of charge.

    Attributes:
      nats: of each group.
      group_size: dimensions of a group; null for all.
    """

    kind: Literal["free_bits"] = "free_bits"
    nats: Positive
    group_size: Count | None = None


@settings_class
class MinimumRate:
    """A rate that is demanded.

    Attributes:
      nats: the least.
    """

    kind: Literal["minimum"] = "minimum"
    nats: Positive


@settings_class
class KL:
    """What the divergence costs.

    Attributes:
      weight: beta; where a schedule rises, its end.
      schedule: the weight's course.
      rate: what stands in the divergence's place in training; null for itself.
    """

    weight: Annotated[float, Ge(0)] = 1.0
    schedule: Annotated[
        ConstantWeight | LinearWeight | SigmoidWeight | CyclicalWeight,
        Field(discriminator="kind"),
    ] = LinearWeight()
    rate: Annotated[FreeBits | MinimumRate, Field(discriminator="kind")] | None = None


@settings_class
class SemiAmortized:
    """Gradient steps that refine each posterior, in training and after it.

    Attributes:
      num_steps: of each posterior.
      learning_rate: their size in training.
    """

    num_steps: Count = 10
    learning_rate: Positive = 1.0


@settings_class
class Remedies:
    """What keeps a posterior from collapsing, besides the divergence's course.

    Attributes:
      bag_of_words_weight: of the auxiliary loss; null for none.
      pretraining_epochs: as an autoencoder, of all epochs, before the decoder is reset; null for
        none.
      aggressive: trains the encoder ahead of the decoder at first.
      semi_amortized: gradient steps that refine each posterior; null for none.
    """

    bag_of_words_weight: Positive | None = None
    pretraining_epochs: Count | None = None
    aggressive: bool = False
    semi_amortized: SemiAmortized | None = None
