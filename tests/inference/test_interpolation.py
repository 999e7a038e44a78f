import numpy as np
import pytest
from tensorflow_probability import distributions as tfd

from tfp_dgm.inference import interpolate, interpolate_linearly, interpolate_spherically

START = np.array([[1.0, 2.0, 2.0], [0.0, 1.0, 0.0]], np.float32)
STOP = np.array([[4.0, -3.0, 0.0], [0.0, 3.0, 0.0]], np.float32)


@pytest.mark.parametrize("interpolate", [interpolate_linearly, interpolate_spherically])
def test_ends_are_the_ends(interpolate):
    points = interpolate(START, STOP, 5).numpy()
    assert points.shape == (5, 2, 3)
    np.testing.assert_allclose(points[0], START, atol=1e-6)
    np.testing.assert_allclose(points[-1], STOP, atol=1e-6)


def test_the_line_is_even():
    points = interpolate_linearly(START, STOP, 4).numpy()
    np.testing.assert_allclose(points[1], START + (STOP - START) / 3, rtol=1e-6)


def test_the_arc_turns_evenly_and_its_length_changes_evenly():
    points = interpolate_spherically(START[0], STOP[0], 6).numpy()
    lengths = np.linalg.norm(points, axis=-1)
    np.testing.assert_allclose(lengths, np.linspace(3, 5, 6), rtol=1e-5)
    units = points / lengths[:, np.newaxis]
    angles = np.arccos(np.sum(units[1:] * units[:-1], axis=-1))
    total = np.arccos(START[0] @ STOP[0] / 15)
    np.testing.assert_allclose(angles, total / 5, rtol=1e-3)


def test_where_there_is_no_arc_the_line_is_taken():
    points = interpolate_spherically(START[1], STOP[1], 3).numpy()
    np.testing.assert_allclose(points, [[0, 1, 0], [0, 2, 0], [0, 3, 0]], rtol=1e-6)
    assert np.isfinite(interpolate_spherically(START[1], -START[1], 3)).all()
    assert np.isfinite(interpolate_spherically(0 * START[1], STOP[1], 3)).all()


UNIT = START / np.linalg.norm(START, axis=-1, keepdims=True)
AROUND = tfd.PowerSpherical(UNIT, np.float32(3.0))


@pytest.mark.parametrize(
    "latents",
    [
        AROUND,
        tfd.SphericalUniform(3),
        tfd.MixtureSameFamily(tfd.Categorical(logits=[0.0, 0.0]), AROUND),
    ],
    ids=["posterior", "prior", "mixture"],
)
def test_the_way_between_points_of_the_sphere_stays_there(latents):
    points = interpolate(latents, UNIT[0], UNIT[1], 5).numpy()
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 1.0, rtol=1e-5)
    # Half of the angle at half of the way.
    between = np.arccos([points[2] @ UNIT[0], UNIT[0] @ UNIT[1]])
    np.testing.assert_allclose(between[0], between[1] / 2, rtol=1e-4)


def test_the_way_elsewhere_is_the_line():
    points = interpolate(tfd.MultivariateNormalDiag(np.zeros(3, "f4")), START, STOP, 4).numpy()
    np.testing.assert_allclose(points[1], START + (STOP - START) / 3, rtol=1e-6)


def test_one_step_is_no_interpolation():
    with pytest.raises(ValueError, match="`steps` must be >= 2"):
        interpolate_linearly(START, STOP, 1)
