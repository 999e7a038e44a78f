"""Settings of the objectives that take draws of any latents, or of normal ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le, Lt

import tfp_dgm  # Whose objectives are imported when one is made, and TensorFlow with them.
from tfp_dgm.settings import settings_class

if TYPE_CHECKING:
    from tfp_dgm.objectives import Objective

Count = Annotated[int, Ge(1)]
NORMAL: tuple[str, ...] = ("normal",)
BINARY: tuple[str, ...] = ("bernoulli",)
DISCRETE: tuple[str, ...] = ("bernoulli", "categorical")
ANY = (*NORMAL, *DISCRETE)


@settings_class
class Draws:
    """An objective of some draws of each image's posterior.

    Attributes:
      num_samples: draws of each image.
    """

    num_samples: Count = 5

    latents = NORMAL  # For which it is fit.

    def make(self) -> Objective:
        """The objective, new."""
        raise NotImplementedError


@settings_class
class ELBO(Draws):
    """The evidence lower bound."""

    kind: Literal["elbo"] = "elbo"

    def make(self) -> Objective:
        return tfp_dgm.objectives.ELBO(num_samples=self.num_samples)


@settings_class
class StickingTheLanding(Draws):
    """The bound, whose gradient leaves the score of the posterior out."""

    kind: Literal["stl"] = "stl"

    def make(self) -> Objective:
        gradient = tfp_dgm.objectives.StickingTheLanding()
        return tfp_dgm.objectives.ELBO(num_samples=self.num_samples, gradient=gradient)


@settings_class
class IWAE(Draws):
    """The importance-weighted bound."""

    kind: Literal["iwae"] = "iwae"

    def make(self) -> Objective:
        return tfp_dgm.objectives.ImportanceWeighted(num_samples=self.num_samples)


@settings_class
class DReG(Draws):
    """The importance-weighted bound, by doubly reparameterised gradients."""

    kind: Literal["dreg"] = "dreg"

    def make(self) -> Objective:
        gradient = tfp_dgm.objectives.DoublyReparameterized()
        return tfp_dgm.objectives.ImportanceWeighted(
            num_samples=self.num_samples, gradient=gradient
        )


@settings_class
class MIWAE(Draws):
    """The mean of several importance-weighted bounds.

    Attributes:
      num_bounds: how many, of `num_samples` draws each.
    """

    kind: Literal["miwae"] = "miwae"
    num_bounds: Count = 2

    def make(self) -> Objective:
        return tfp_dgm.objectives.MultiplyImportanceWeighted(
            num_bounds=self.num_bounds, num_samples=self.num_samples
        )


@settings_class
class PIWAE(Draws):
    """The same for the posterior; for the model, one bound of all draws.

    Attributes:
      num_bounds: how many, of `num_samples` draws each.
    """

    kind: Literal["piwae"] = "piwae"
    num_bounds: Count = 2

    def make(self) -> Objective:
        return tfp_dgm.objectives.PartiallyImportanceWeighted(
            num_bounds=self.num_bounds, num_samples=self.num_samples
        )


@settings_class
class CIWAE(Draws):
    """A combination of the importance-weighted bound and the ELBO.

    Attributes:
      beta: share of the ELBO.
    """

    kind: Literal["ciwae"] = "ciwae"
    beta: Annotated[float, Ge(0), Le(1)] = 0.5

    def make(self) -> Objective:
        return tfp_dgm.objectives.CombinationImportanceWeighted(
            num_samples=self.num_samples, beta=self.beta
        )


@settings_class
class Renyi(Draws):
    """The variational Renyi bound.

    Attributes:
      alpha: its order.
    """

    kind: Literal["renyi"] = "renyi"
    alpha: Annotated[float, Ge(0), Lt(1)] = 0.5

    def make(self) -> Objective:
        return tfp_dgm.objectives.Renyi(num_samples=self.num_samples, alpha=self.alpha)


@settings_class
class WakeSleep(Draws):
    """Wake-sleep."""

    kind: Literal["wake-sleep"] = "wake-sleep"

    latents = ANY

    def make(self) -> Objective:
        return tfp_dgm.objectives.WakeSleep(num_samples=self.num_samples)


@settings_class
class ReweightedWakeSleep(Draws):
    """Reweighted wake-sleep.

    Attributes:
      sleep: share of the posterior's loss on dreamed pairs.
    """

    kind: Literal["reweighted-wake-sleep"] = "reweighted-wake-sleep"
    sleep: Annotated[float, Ge(0), Le(1)] = 0.5

    latents = ANY

    def make(self) -> Objective:
        return tfp_dgm.objectives.ReweightedWakeSleep(
            num_samples=self.num_samples, sleep=self.sleep
        )
