"""Answers and what annotations say of them -> confidences that hold, and what may be accepted."""

from tfp_dgm.confidence.acceptance import MIN_ACCEPTED, acceptance_threshold, check_min_precision
from tfp_dgm.confidence.calibration import (
    FLOORS,
    SLIPS,
    TEMPERATURES,
    Calibration,
    annotation_likelihood,
    fit_temperature,
    mixture_weights,
    temper,
)
from tfp_dgm.confidence.label_noise import answer_probability, given_label_probability
from tfp_dgm.confidence.near_copies import copies, counts_of

__all__ = [
    "FLOORS",
    "MIN_ACCEPTED",
    "SLIPS",
    "TEMPERATURES",
    "Calibration",
    "acceptance_threshold",
    "annotation_likelihood",
    "answer_probability",
    "check_min_precision",
    "copies",
    "counts_of",
    "fit_temperature",
    "given_label_probability",
    "mixture_weights",
    "temper",
]
