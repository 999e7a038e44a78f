"""Objectives: distributions -> bound, behind the one seam that `Objective` defines."""

from tfp_dgm.objectives.discrete_elbo import EnumeratedELBO, ScoreFunctionELBO
from tfp_dgm.objectives.elbo import ELBO
from tfp_dgm.objectives.objective import Bound, Objective

__all__ = ["ELBO", "Bound", "EnumeratedELBO", "Objective", "ScoreFunctionELBO"]
