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
from tfp_dgm.confidence.encoder_trials import (
    AUTO,
    FULL,
    NONE,
    REGISTERED,
    TUNED,
    EncoderChoice,
    asked_encoder,
    expected_gain,
    why_untried,
)
from tfp_dgm.confidence.label_noise import among_copies, answer_probability, given_label_probability
from tfp_dgm.confidence.near_copies import copies, counts_of

__all__ = [
    "AUTO",
    "FLOORS",
    "FULL",
    "MIN_ACCEPTED",
    "NONE",
    "REGISTERED",
    "SLIPS",
    "TEMPERATURES",
    "TUNED",
    "Calibration",
    "EncoderChoice",
    "acceptance_threshold",
    "among_copies",
    "annotation_likelihood",
    "answer_probability",
    "asked_encoder",
    "check_min_precision",
    "copies",
    "counts_of",
    "expected_gain",
    "fit_temperature",
    "given_label_probability",
    "mixture_weights",
    "temper",
    "why_untried",
]
