"""Learning latent structures by expectation maximisation."""

from tfp_dgm.training.expectation_maximisation.em_fitting import EMHistory, fit_em
from tfp_dgm.training.expectation_maximisation.harmonic_start import harmonic
from tfp_dgm.training.expectation_maximisation.maximisation import m_step
from tfp_dgm.training.expectation_maximisation.starts import start_anew

__all__ = ["EMHistory", "fit_em", "harmonic", "m_step", "start_anew"]
