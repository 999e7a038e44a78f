"""Settings of the objectives that relax discrete latents, go around them, or sum them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Gt

import tfp_dgm
from tfp_dgm.image_modelling.objective_settings import DISCRETE, Count, Draws
from tfp_dgm.settings import settings_class

if TYPE_CHECKING:
    from tfp_dgm.objectives import Objective

Positive = Annotated[float, Gt(0)]


@settings_class
class Relaxed(Draws):
    """An objective of draws between the values.

    Attributes:
      temperature: of the draws at first.
      final_temperature: to which it falls, exponentially, by the end of the training.
    """

    temperature: Positive = 0.5
    final_temperature: Positive = 0.5

    latents = DISCRETE


@settings_class
class REBAR(Relaxed):
    """The score function, less its relaxation."""

    kind: Literal["rebar"] = "rebar"

    def make(self) -> Objective:
        return tfp_dgm.objectives.REBAR(num_samples=self.num_samples, temperature=self.temperature)


@settings_class
class RELAX(Relaxed):
    """The same, with a learned surrogate besides.

    Attributes:
      surrogate_units: width of the surrogate's hidden layer.
    """

    kind: Literal["relax"] = "relax"
    surrogate_units: Count = 100

    def make(self) -> Objective:
        return tfp_dgm.objectives.RELAX(num_samples=self.num_samples, temperature=self.temperature)


@settings_class
class GumbelSoftmax(Relaxed):
    """The relaxed bound; the temperature falls as that of Jang et al. (2017)."""

    kind: Literal["gumbel-softmax"] = "gumbel-softmax"
    temperature: Positive = 1.0

    def make(self) -> Objective:
        return tfp_dgm.objectives.GumbelSoftmaxELBO(
            num_samples=self.num_samples, temperature=self.temperature
        )


@settings_class
class StraightThroughGumbel(Relaxed):
    """The bound of the values themselves, by the gradient of the relaxed one."""

    kind: Literal["straight-through-gumbel"] = "straight-through-gumbel"
    temperature: Positive = 1.0

    def make(self) -> Objective:
        return tfp_dgm.objectives.GumbelSoftmaxELBO(
            num_samples=self.num_samples, temperature=self.temperature, straight_through=True
        )


@settings_class
class StraightThrough(Draws):
    """The bound of the values, by the gradient of their means."""

    kind: Literal["straight-through"] = "straight-through"

    latents = DISCRETE

    def make(self) -> Objective:
        return tfp_dgm.objectives.StraightThroughELBO(num_samples=self.num_samples)


@settings_class
class Enumerated:
    """The bound over all values, without a draw: of at most 65,536 values together."""

    kind: Literal["enumerated"] = "enumerated"

    latents = DISCRETE

    def make(self) -> Objective:
        """The objective, new."""
        return tfp_dgm.objectives.EnumeratedELBO()
