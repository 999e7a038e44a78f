"""Objectives: distributions -> bound, behind the one seam that `Objective` defines."""

from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.discrete_elbo import EnumeratedELBO, ScoreFunctionELBO
from tfp_dgm.objectives.elbo import ELBO
from tfp_dgm.objectives.importance_weighted import (
    CombinationImportanceWeighted,
    ImportanceWeighted,
    MultiplyImportanceWeighted,
    PartiallyImportanceWeighted,
    Renyi,
)
from tfp_dgm.objectives.objective import Bound, Objective
from tfp_dgm.objectives.pathwise import DoublyReparameterized, Pathwise, StickingTheLanding
from tfp_dgm.objectives.rate import FreeBits, MinimumDesiredRate

__all__ = [
    "ELBO",
    "Bound",
    "CombinationImportanceWeighted",
    "Configured",
    "DoublyReparameterized",
    "EnumeratedELBO",
    "FreeBits",
    "ImportanceWeighted",
    "MinimumDesiredRate",
    "MultiplyImportanceWeighted",
    "Objective",
    "PartiallyImportanceWeighted",
    "Pathwise",
    "Renyi",
    "ScoreFunctionELBO",
    "StickingTheLanding",
]
