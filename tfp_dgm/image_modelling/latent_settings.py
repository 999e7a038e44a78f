"""Settings of the latent variables, and of the networks between them and the images."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import Field

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]
Sizes = Annotated[tuple[Count, ...], Field(min_length=1)]


@settings_class
class NormalLatents:
    """Normal latents between tanh networks, those of Burda et al. (2016).

    Attributes:
      units: latent variables of each stochastic layer, from the images upwards.
      hidden_units: width of the two tanh layers of each network, for each stochastic layer.
      centred: the encoder is given images less their mean.
    """

    kind: Literal["normal"] = "normal"
    units: Sizes = (50,)
    hidden_units: Sizes = (200,)
    centred: bool = True


@settings_class
class BernoulliLatents:
    """A sigmoid belief network: binary latents whose layers are connected linearly.

    Attributes:
      units: latent variables of each stochastic layer, from the images upwards.
    """

    kind: Literal["bernoulli"] = "bernoulli"
    units: Sizes = (200,)


@settings_class
class CategoricalLatents:
    """One-hot variables between tanh networks.

    Attributes:
      units: latent variables of each stochastic layer, from the images upwards.
      values: of each variable.
      hidden_units: width of the two tanh layers of each network, for each stochastic layer.
      centred: the encoder is given images less their mean.
    """

    kind: Literal["categorical"] = "categorical"
    units: Sizes = (20,)
    values: Annotated[int, Ge(2)] = 10
    hidden_units: Sizes = (200,)
    centred: bool = True


Latents = NormalLatents | BernoulliLatents | CategoricalLatents
