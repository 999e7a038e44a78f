"""Settings of the objectives by score functions, and of what lowers their variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge

import tfp_dgm
from tfp_dgm.image_modelling.objective_settings import ANY, BINARY, DISCRETE, Count, Draws
from tfp_dgm.settings import settings_class

if TYPE_CHECKING:
    from tfp_dgm.objectives import Objective

SeveralDraws = Annotated[int, Ge(2)]


@settings_class
class ScoreFunction(Draws):
    """The ELBO by its score function."""

    latents = ANY

    def control_variates(self) -> list[Any]:
        """What is taken from the signal."""
        raise NotImplementedError

    def make(self) -> Objective:
        return tfp_dgm.objectives.ScoreFunctionELBO(
            num_samples=self.num_samples, control_variates=self.control_variates()
        )


@settings_class
class Reinforce(ScoreFunction):
    """With a running average."""

    kind: Literal["reinforce"] = "reinforce"

    def control_variates(self) -> list[Any]:
        return [tfp_dgm.objectives.RunningAverage()]


@settings_class
class NVIL(ScoreFunction):
    """With a running average and a learned baseline, Mnih and Gregor (2014).

    Attributes:
      baseline_units: width of the baseline's hidden layer.
    """

    kind: Literal["nvil"] = "nvil"
    baseline_units: Count = 100

    def control_variates(self) -> list[Any]:
        return [tfp_dgm.objectives.RunningAverage(), tfp_dgm.objectives.LearnedBaseline()]


@settings_class
class SelfCritical(ScoreFunction):
    """With the value at the likeliest latents."""

    kind: Literal["self-critical"] = "self-critical"

    def control_variates(self) -> list[Any]:
        return [tfp_dgm.objectives.SelfCritical()]


@settings_class
class RLOO(ScoreFunction):
    """With the mean of the other draws."""

    kind: Literal["rloo"] = "rloo"
    num_samples: SeveralDraws = 5

    def control_variates(self) -> list[Any]:
        return [tfp_dgm.objectives.LeaveOneOut()]


@settings_class
class VIMCO(Draws):
    """The importance-weighted bound, each draw beside the others, Mnih and Rezende (2016)."""

    kind: Literal["vimco"] = "vimco"
    num_samples: SeveralDraws = 5

    latents = ANY

    def make(self) -> Objective:
        return tfp_dgm.objectives.ScoreFunctionImportanceWeighted(num_samples=self.num_samples)


@settings_class
class DisARM(Draws):
    """Antithetic pairs of binary draws."""

    kind: Literal["disarm"] = "disarm"

    latents = BINARY

    def make(self) -> Objective:
        return tfp_dgm.objectives.DisARM(num_samples=self.num_samples)


@settings_class
class ARM(Draws):
    """Augmented pairs of binary draws."""

    kind: Literal["arm"] = "arm"

    latents = BINARY

    def make(self) -> Objective:
        return tfp_dgm.objectives.ARM(num_samples=self.num_samples)


@settings_class
class MuProp(Draws):
    """With a first-order expansion at the means."""

    kind: Literal["muprop"] = "muprop"

    latents = DISCRETE

    def make(self) -> Objective:
        return tfp_dgm.objectives.MuProp(num_samples=self.num_samples)
