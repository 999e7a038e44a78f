"""Reports on what was learnt: numbers as plain floats and dicts. Nothing here loads TensorFlow."""

from tfp_dgm.evaluation.classification import (
    accepted_precision,
    accuracy,
    clopper_pearson_interval,
    coverage_precision_curve,
    expected_calibration_error,
    macro_f1,
    reliability_bins,
    wilson_interval,
)

__all__ = [
    "accepted_precision",
    "accuracy",
    "clopper_pearson_interval",
    "coverage_precision_curve",
    "expected_calibration_error",
    "macro_f1",
    "reliability_bins",
    "wilson_interval",
]
