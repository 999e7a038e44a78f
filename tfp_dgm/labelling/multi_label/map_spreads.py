"""How far the maps of classes lie from each other, and what that tells of each of them."""

import numpy as np

# What is known beforehand of the mean over classes of a map's shift, and of its slope's logarithm:
# mean and deviation; and deviations of classes from it, of which each is as probable. On captions
# of Flickr30k, of which each class had 60 or more answers "yes" to judge it by, the mean strayed by
# 0.36 around -0.43 and by 0.29 around -0.49, and classes around it by 0.8 and 0.5 with 60 annotated
# rows, and by 0.5 and 0.5 with 600.
_SHIFT, _SHIFT_SPREADS = (-0.4, 0.5), np.array([0.3, 0.5, 0.8, 1.2])
_SLOPE, _SLOPE_SPREADS = (-0.5, 0.4), np.array([0.2, 0.35, 0.5, 0.7])
_STEPS = np.linspace(-1.8, 1.8, 9)  # Grid of such a mean, in deviations.


def posteriors_of_maps(
    log_likelihood: np.ndarray, shifts: np.ndarray, slopes: np.ndarray, ceilings: np.ndarray
) -> np.ndarray:
    """The posterior of each of K classes over maps, of which the others tell what to expect.

    Shifts and logarithms of slopes of the classes are draws of normal distributions whose means and
    deviations are unknown, too, and summed out on a grid h of them,

        p(map_k | marks) ~ p(marks_k | map_k) sum_h p(map_k | h) p(h) prod_{j != k} p(marks_j | h)
        p(marks_j | h) = sum_map p(marks_j | map) p(map | h)

    so that classes with few marks leave open how far classes lie from each other. The likeliest
    such prior alone would deny that they differ as soon as few marks tell of each.

    Args:
      log_likelihood: [K, slopes, shifts, ceilings]; nats.
      shifts, slopes: the grid of maps.
      ceilings: the prior probabilities of the grid's ceilings.
    Returns:
      The same shape; each class's sums to 1.
    """
    of_shift, weight_of_shift = _normals(shifts, _SHIFT, _SHIFT_SPREADS)  # [A, shifts], [A]
    of_slope, weight_of_slope = _normals(np.log(slopes), _SLOPE, _SLOPE_SPREADS)  # [B, slopes], [B]
    most = log_likelihood.max(axis=(1, 2, 3), keepdims=True)
    likelihood = np.exp(log_likelihood - most) * ceilings
    evidence = of_slope @ likelihood.sum(axis=3) @ of_shift.T  # [K, B, A]
    log_evidence = np.log(np.maximum(evidence, np.finfo(float).tiny))
    others = log_evidence.sum(axis=0) - log_evidence
    others += np.log(weight_of_slope)[:, np.newaxis] + np.log(weight_of_shift)
    told = np.exp(others - others.max(axis=(1, 2), keepdims=True))
    prior = of_slope.T @ told @ of_shift  # [K, slopes, shifts]
    posterior = likelihood * prior[..., np.newaxis]
    return np.asarray(posterior / posterior.sum(axis=(1, 2, 3), keepdims=True))


def _normals(
    grid: np.ndarray, mean: tuple[float, float], spreads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal distributions [H, grid] on a grid, of each mean and spread, and their weights [H]."""
    means = mean[0] + mean[1] * np.repeat(_STEPS, len(spreads))
    away = (grid - means[:, np.newaxis]) / np.tile(spreads, len(_STEPS))[:, np.newaxis]
    density = np.exp(-(away**2) / 2)
    weights = np.repeat(np.exp(-(_STEPS**2) / 2), len(spreads))
    return density / density.sum(axis=1, keepdims=True), weights / weights.sum()
