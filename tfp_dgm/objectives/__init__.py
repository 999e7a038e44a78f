"""Objectives: distributions -> bound, behind the one seam that `Objective` defines."""

from tfp_dgm.objectives.adversarial_autoencoder import AdversarialAutoencoder
from tfp_dgm.objectives.autoencoders import RegularizedAutoencoder
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.constrained import AtMost, Constrained
from tfp_dgm.objectives.control_variates import (
    AtMean,
    ControlVariate,
    LearnedBaseline,
    LeaveOneOut,
    RunningAverage,
    SelfCritical,
    Signal,
)
from tfp_dgm.objectives.critic_losses import CriticLoss, LogisticCritic, WassersteinCritic
from tfp_dgm.objectives.disarm import ARM, DisARM
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.elbo import ELBO
from tfp_dgm.objectives.enumerated_elbo import EnumeratedELBO, ExactMarginal
from tfp_dgm.objectives.fivo import FIVO
from tfp_dgm.objectives.importance_weighted import (
    CombinationImportanceWeighted,
    ImportanceWeighted,
    MultiplyImportanceWeighted,
    PartiallyImportanceWeighted,
    Renyi,
)
from tfp_dgm.objectives.joint import Joint, LackingPartError
from tfp_dgm.objectives.kernels import InverseMultiquadratic, Kernel, RadialBasisFunction
from tfp_dgm.objectives.muprop import MuProp
from tfp_dgm.objectives.nested import Nested
from tfp_dgm.objectives.objective import Objective
from tfp_dgm.objectives.particle_filter import Filtered, Noise, ParticleFilter
from tfp_dgm.objectives.pathwise import DoublyReparameterized, Pathwise, StickingTheLanding
from tfp_dgm.objectives.rate import FreeBits, MinimumDesiredRate, Rate
from tfp_dgm.objectives.rebar import REBAR, RELAX
from tfp_dgm.objectives.relaxed_elbo import GumbelSoftmaxELBO, StraightThroughELBO
from tfp_dgm.objectives.score_function import ScoreFunctionELBO, ScoreFunctionImportanceWeighted
from tfp_dgm.objectives.semi_amortized import SemiAmortized
from tfp_dgm.objectives.spigot import SPIGOTELBO
from tfp_dgm.objectives.steps import Steps
from tfp_dgm.objectives.vector_quantized import VectorQuantizedELBO
from tfp_dgm.objectives.wake_sleep import ReweightedWakeSleep, WakeSleep
from tfp_dgm.objectives.wasserstein_mmd import WassersteinMMD

__all__ = [
    "ARM",
    "ELBO",
    "FIVO",
    "REBAR",
    "RELAX",
    "SPIGOTELBO",
    "AdversarialAutoencoder",
    "AtMean",
    "AtMost",
    "Bound",
    "CombinationImportanceWeighted",
    "Configured",
    "Constrained",
    "ControlVariate",
    "CriticLoss",
    "DisARM",
    "DoublyReparameterized",
    "Draws",
    "EnumeratedELBO",
    "ExactMarginal",
    "Filtered",
    "FreeBits",
    "GumbelSoftmaxELBO",
    "ImportanceWeighted",
    "InverseMultiquadratic",
    "Joint",
    "Kernel",
    "LackingPartError",
    "LearnedBaseline",
    "LeaveOneOut",
    "LogisticCritic",
    "MinimumDesiredRate",
    "MuProp",
    "MultiplyImportanceWeighted",
    "Nested",
    "Noise",
    "Objective",
    "PartiallyImportanceWeighted",
    "ParticleFilter",
    "Pathwise",
    "RadialBasisFunction",
    "Rate",
    "RegularizedAutoencoder",
    "Renyi",
    "ReweightedWakeSleep",
    "RunningAverage",
    "ScoreFunctionELBO",
    "ScoreFunctionImportanceWeighted",
    "SelfCritical",
    "SemiAmortized",
    "Signal",
    "Steps",
    "StickingTheLanding",
    "StraightThroughELBO",
    "VectorQuantizedELBO",
    "WakeSleep",
    "WassersteinCritic",
    "WassersteinMMD",
]
