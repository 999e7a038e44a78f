import keras
import numpy as np
import pytest

from tests.models import toys
from tfp_dgm.objectives import ELBO, FreeBits, MinimumDesiredRate, SemiAmortized
from tfp_dgm.training import (
    Constant,
    Cyclical,
    KLWeightSchedule,
    Linear,
    ObjectiveSchedule,
    Sigmoid,
)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.3), [0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]),
        (Linear(4), [0, 0.25, 0.5, 0.75, 1, 1, 1]),
        (Linear(2, start=1.0, stop=0.5), [1, 0.75, 0.5, 0.5, 0.5, 0.5, 0.5]),
        (Sigmoid(3, 2), [0.18242552, 0.26894142, 0.37754067, 0.5, 0.62245933, 0.73105858, 0.81757]),
        (Cyclical(3, cycles=2, ramp=0.67), [0, 1 / 2.01, 2 / 2.01, 0, 1 / 2.01, 2 / 2.01, 1]),
        (Cyclical(4, cycles=1, ramp=0.5), [0, 0.5, 1, 1, 1, 1, 1]),
        (Sigmoid(3, 2, stop=4.0), [0.7297, 1.07577, 1.51016, 2, 2.48984, 2.92423, 3.2703]),
        (Cyclical(4, cycles=1, ramp=0.5, stop=0.2), [0, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2]),
    ],
    ids=str,
)
def test_values(schedule, expected):
    np.testing.assert_allclose([schedule(step) for step in range(7)], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(0), "Linear: `steps` must be positive; received 0"),
        (lambda: Sigmoid(10, 0), "Sigmoid: `width`"),
        (lambda: Cyclical(0), "Cyclical: `period`"),
        (lambda: Cyclical(10, cycles=0), "Cyclical: `cycles`"),
        (lambda: Cyclical(10, ramp=1.5), r"Cyclical: `ramp` must be in \(0, 1\]; received 1.5"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def fit(objective, *callbacks, **kwargs):
    model = toys.quiet(toys.vae())
    model.compile(keras.optimizers.SGD(0.0), objective)
    x = toys.counts(12)[0]
    run = {"batch_size": 4, "verbose": 0, "shuffle": False, **kwargs}
    history = model.fit(x, callbacks=list(callbacks), **run).history
    return history, model.evaluate(x, verbose=0, return_dict=True)


@pytest.mark.slow
def test_weight_enters_the_loss_of_training_alone_and_the_logs(eager):
    """Without movement of the weights the KL of each batch is known from a run without schedule."""
    history, evaluated = fit(ELBO(), KLWeightSchedule(Cyclical(3, cycles=1, ramp=1.0)), epochs=2)
    plain, plain_evaluated = fit(ELBO())
    assert evaluated == plain_evaluated
    for name in ("bound", "reconstruction", "kl"):
        np.testing.assert_allclose(history[name], [plain[name][0]] * 2, rtol=1e-5)
    np.testing.assert_allclose(history["kl_weight"], [2 / 3, 1.0], rtol=1e-6)
    # Batches of four with the weights 0, 1/3 and 2/3.
    batches = [toys.quiet(toys.vae()).bound(toys.counts(12)[0][i : i + 4]).kl for i in (0, 4, 8)]
    weighted = np.mean([w * np.mean(b) for w, b in zip([0, 1 / 3, 2 / 3], batches, strict=True)])
    np.testing.assert_allclose(np.mean(batches), plain["kl"][0], rtol=1e-5)
    expected = weighted - history["reconstruction"][0]
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-5)


def test_schedules_of_keras_and_variables_of_parts(eager):
    objective = ELBO(rate=MinimumDesiredRate(2.0, learning_rate=0.0))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.8, 3, 0.5)
    history, _ = fit(objective, ObjectiveSchedule("rate.multiplier", schedule), epochs=2)
    expected = 0.8 * 0.5 ** (np.array([2, 5]) / 3)
    np.testing.assert_allclose(history["rate.multiplier"], expected, rtol=1e-5)


def test_schedule_and_free_bits_combine(eager):
    """Every dimension's divergence is below the free nats: the loss is their weighted number."""
    history, _ = fit(ELBO(rate=FreeBits(50.0)), KLWeightSchedule(Constant(0.25)))
    expected = 0.25 * 2 * 50.0 - history["reconstruction"][0]
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-5)


def test_schedule_reaches_the_objective_within_another(eager):
    objective = SemiAmortized(ELBO(), num_steps=1, learning_rate=0.01)
    history, _ = fit(objective, KLWeightSchedule(Constant(0.0)))
    np.testing.assert_allclose(history["loss"][0], -history["reconstruction"][0], rtol=1e-5)
    assert history["kl_weight"] == [0.0]


def test_unknown_variable_is_refused_before_training():
    with pytest.raises(ValueError, match=r"variables \['kl_weight'\]; there is no 'temperature'"):
        fit(ELBO(), ObjectiveSchedule("temperature", Constant(1.0)))
