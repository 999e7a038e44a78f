"""Settings of what a text VAE is trained by: a bound, or a penalty on all latents together."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
Weight = Annotated[float, Ge(0)]


@settings_class
class Bound:
    """The evidence lower bound, with the settings of `kl` and `remedies`."""

    kind: Literal["elbo"] = "elbo"


@settings_class
class WassersteinMMD:
    """Reconstruction and the maximum mean discrepancy of all latents from the prior.

    Attributes:
      weight: of the discrepancy; 0 for a plain autoencoder.
      kernel_scale: what two draws of the prior are apart, squared; null where its variance tells.
    """

    kind: Literal["wae_mmd"] = "wae_mmd"
    weight: Weight = 10.0
    kernel_scale: Positive | None = None


@settings_class
class _Critic:
    """What critics have.

    Attributes:
      units: widths of its hidden layers.
      learning_rate: of its Adam; some times that of the rest, which it must keep ahead of.
      gradient_penalty: weight of what keeps its slope small.
    """

    units: Annotated[tuple[Count, ...], Field(min_length=1)] = (128, 128)
    learning_rate: Positive = 0.005


@settings_class
class LogisticCritic(_Critic):
    """A logistic regression of latents against draws."""

    kind: Literal["logistic"] = "logistic"
    gradient_penalty: Weight = 0.0


@settings_class
class WassersteinCritic(_Critic):
    """The distance of latents from draws."""

    kind: Literal["wasserstein"] = "wasserstein"
    gradient_penalty: Weight = 10.0


@settings_class
class AdversarialAutoencoder:
    """Reconstruction against a critic that tells latents from draws of the prior.

    Attributes:
      weight: of what the latents pay to the critic.
      critic: a network of latents.
    """

    kind: Literal["aae"] = "aae"
    weight: Weight = 1.0
    critic: Annotated[LogisticCritic | WassersteinCritic, Field(discriminator="kind")] = (
        LogisticCritic()
    )


Objective = Annotated[Bound | WassersteinMMD | AdversarialAutoencoder, Field(discriminator="kind")]
