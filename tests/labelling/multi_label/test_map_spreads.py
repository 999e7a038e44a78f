import numpy as np

from tfp_dgm.labelling.multi_label.map_spreads import posteriors_of_maps

_SHIFTS, _SLOPES, _CEILINGS = np.linspace(-2, 1, 4), np.array([0.3, 0.6, 1.2]), np.array([0.7, 0.3])


def _priors():
    """Of each mean and spread of the classes: its weight, and the prior of maps that it gives."""
    steps = np.linspace(-1.8, 1.8, 9)
    for mean in steps:
        for spread in (0.3, 0.5, 0.8, 1.2):
            shifts = np.exp(-(((_SHIFTS - (-0.4 + 0.5 * mean)) / spread) ** 2) / 2)
            for slope_mean in steps:
                for slope_spread in (0.2, 0.35, 0.5, 0.7):
                    away = (np.log(_SLOPES) - (-0.5 + 0.4 * slope_mean)) / slope_spread
                    slopes = np.exp(-(away**2) / 2)
                    weight = np.exp(-(mean**2) / 2 - slope_mean**2 / 2)
                    shifts_and_slopes = np.outer(slopes / slopes.sum(), shifts / shifts.sum())
                    yield weight, np.multiply.outer(shifts_and_slopes, _CEILINGS)


def test_the_maps_of_all_classes_are_summed_over_together():
    """By the joint posterior of three classes' maps, of which all but one's are summed out."""
    log_likelihood = np.random.default_rng(0).normal(0, 2, (3, 3, 4, 2))
    found = posteriors_of_maps(log_likelihood, _SHIFTS, _SLOPES, _CEILINGS)
    joint = 0
    for weight, prior in _priors():
        first, second, third = (prior * np.exp(each) for each in log_likelihood)
        joint = joint + weight * np.einsum("abc,def,ghi->abcdef", first, second, third)
    joint /= joint.sum()
    np.testing.assert_allclose(found[0], joint.sum(axis=(3, 4, 5)), atol=1e-9)
    np.testing.assert_allclose(found[1], joint.sum(axis=(0, 1, 2)), atol=1e-9)


def test_a_class_without_marks_is_told_less_where_the_others_differ():
    """Nineteen others at a shift of -1; or nine of them at 1."""
    marked = np.full((20, 3, 4, 2), -60.0)
    marked[:, :, 1] = marked[19] = 0
    alike = posteriors_of_maps(marked, _SHIFTS, _SLOPES, _CEILINGS)[19].sum(axis=(0, 2))
    marked[10:19, :, 1], marked[10:19, :, 3] = -60, 0
    apart = posteriors_of_maps(marked, _SHIFTS, _SLOPES, _CEILINGS)[19].sum(axis=(0, 2))
    assert alike[1] > 0.9
    assert apart.max() < 0.5
    assert apart[0] > 0.05
