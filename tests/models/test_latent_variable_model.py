"""The one training step, on a model without noise and on one that has a KL term."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.references.densities import bernoulli_log_prob, softmax
from tests.references.discrete_oracle import enumerated_bound
from tests.references.networks import dense
from tests.saving import assert_comes_back
from tfp_dgm.layers import stateless_seed
from tfp_dgm.objectives import ELBO


def oracle_bounds(model, data):
    """(value, reconstruction, kl) of each row under a `Mixture`, by enumeration."""
    kernel, bias = (weight.numpy() for weight in model.likelihood.weights)
    prior = softmax(model.prior_layer.logits.numpy())
    result = []
    for row in data:
        logits = dense(row, [weight.numpy() for weight in model.posterior_layer.weights])
        log_px = [bernoulli_log_prob(kernel[k] + bias, row) for k in range(toys.CLASSES)]
        result.append(enumerated_bound(logits, prior, log_px))
    return np.array(result)


def test_fit_lowers_the_loss():
    data = tf.data.Dataset.from_tensors(toys.binary(24)).repeat(30)
    model = toys.mixture()
    model.compile(keras.optimizers.Adam(0.1))
    losses = model.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert losses[1] < losses[0] - 0.5


@pytest.mark.parametrize("kind", ["arrays", "data set", "train_on_batch"])
def test_a_step_is_traced_once(kind):
    """TensorFlow traces a second time what made variables in the first."""
    model, x = toys.mixture(), toys.binary(4)
    model.compile("adam")
    traced, losses = [], model.losses_per_example
    model.losses_per_example = lambda *args, **kwargs: traced.append(1) or losses(*args, **kwargs)
    if kind == "train_on_batch":
        model.train_on_batch(x)
    else:
        data = x if kind == "arrays" else tf.data.Dataset.from_tensors(x)
        model.fit(data, shuffle=False, verbose=0)
    assert traced == [1]


@pytest.mark.usefixtures("eager")
def test_logs_are_means_of_the_oracle_over_all_examples():
    """Seven rows in batches of three: the last batch counts by its one example."""
    model, data = toys.randomized(toys.mixture()), toys.binary(7)
    model.compile(keras.optimizers.SGD(0.0))
    value, reconstruction, kl = oracle_bounds(model, data).mean(0)
    expected = {"loss": -value, "bound": value, "reconstruction": reconstruction, "kl": kl}
    history = model.fit(data, batch_size=3, verbose=0).history
    evaluated = model.evaluate(data, batch_size=3, verbose=0, return_dict=True)
    assert history.keys() == evaluated.keys() == expected.keys()
    for name, number in expected.items():
        np.testing.assert_allclose(history[name], [number], rtol=1e-5)
        np.testing.assert_allclose(evaluated[name], number, rtol=1e-5)


def test_bound_takes_another_objective_and_a_seed():
    model, data = toys.randomized(toys.vae()), toys.counts(4)[0]
    many = model.bound(data, objective=ELBO(num_samples=3), seed=(1, 2))
    assert many.log_weights.shape == (3, 4)
    again = model.bound(data, objective=ELBO(num_samples=3), seed=(1, 2))
    np.testing.assert_array_equal(many.value, again.value)
    assert np.abs(model.bound(data).value - model.bound(data).value).max() > 1e-3


def test_assigned_kl_weight_reaches_the_compiled_step_and_never_evaluate():
    model, data = toys.quiet(toys.vae()), toys.counts(5)[0]
    objective = ELBO(kl_weight=0.25)
    model.compile(keras.optimizers.SGD(0.0), objective)
    anneal = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: objective.kl_weight.assign(0.25 + epoch)
    )
    history = model.fit(data, epochs=2, callbacks=[anneal], verbose=0).history
    for epoch, weight in enumerate([0.25, 1.25]):
        expected = weight * history["kl"][epoch] - history["reconstruction"][epoch]
        np.testing.assert_allclose(history["loss"][epoch], expected, rtol=1e-5)
    evaluated = model.evaluate(data, verbose=0, return_dict=True)
    np.testing.assert_allclose(
        evaluated["loss"], evaluated["kl"] - evaluated["reconstruction"], rtol=1e-5
    )
    assert evaluated["kl"] > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_step_is_the_same_however_it_is_run(options):
    model, data = toys.quiet(toys.vae()), toys.counts(4)[0]
    steps, logs = toys.step(model, data, jit_compile=False)
    others, other_logs = toys.step(model, data, **{"jit_compile": False, **options})
    toys.assert_same_steps(steps, others)
    assert other_logs.keys() == logs.keys()
    for name, number in logs.items():
        np.testing.assert_allclose(other_logs[name], number, rtol=1e-4, err_msg=name)


def test_sample_weight_scales_the_step_and_the_logs():
    """Keras's convention: weights multiply, and the divisor stays the number of examples."""
    model, data = toys.randomized(toys.mixture()), toys.binary(4)
    weights = np.array([2.0, 0.0, 0.0, 0.0], np.float32)
    steps, logs = toys.step(model, data, None, weights)
    alone, _ = toys.step(model, data[:1])
    toys.assert_same_steps(steps, alone, factor=2 / 4)
    value = oracle_bounds(model, data[:1])[0, 0]
    np.testing.assert_allclose(logs["bound"], value, rtol=1e-5)


def test_regularizers_join_the_gradient():
    model = toys.randomized(toys.vae())
    _, bias = model.likelihood.projection.weights
    toys.quiet(model)
    plain, _ = toys.step(model, toys.counts(4)[0])
    bias.regularizer = keras.regularizers.L2(0.5)
    regularized, _ = toys.step(model, toys.counts(4)[0])
    index = [weight.path for weight in model.trainable_weights].index(bias.path)
    np.testing.assert_allclose(regularized[index] - plain[index], -bias.numpy(), rtol=1e-4)


@pytest.mark.usefixtures("eager")
def test_one_seed_gives_one_run():
    first, second, other = (toys.randomized(toys.vae(seed=seed)) for seed in (3, 3, 4))
    logs = [toys.step(model, toys.counts(5)[0])[1]["bound"] for model in (first, second, other)]
    assert logs[0] == logs[1]
    assert abs(logs[0] - logs[2]) > 1e-4


def test_regularizers_of_another_precision_join_the_gradient():
    model = toys.quiet(toys.vae())
    _, bias = model.likelihood.projection.weights
    steps = []
    for kind in ("float32", "float64", "bfloat16"):
        bias.regularizer = lambda value, kind=kind: tf.cast(tf.reduce_sum(value), kind)
        steps.append(toys.step(model, toys.counts(4)[0])[0])
    toys.assert_same_steps(steps[0], steps[1])
    toys.assert_same_steps(steps[0], steps[2])


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("targets", [1 - toys.binary(4), np.array(["a"] * 4)], ids=str)
def test_a_second_input_is_refused(targets):
    """`fit(noisy, clean)` would learn the noise."""
    model = toys.mixture()
    model.compile("adam")
    with pytest.raises(ValueError, match=r"Mixture: learns from `x` alone, and `y` looks like"):
        model.fit(toys.binary(4), targets, verbose=0)
    model.fit(toys.binary(4), np.arange(4) % 2, class_weight={0: 1.0, 1: 2.0}, verbose=0)


@pytest.mark.parametrize("argument", ["loss", "metrics", "weighted_metrics", "loss_weights"])
def test_compile_rejects_what_has_no_meaning(argument):
    with pytest.raises(TypeError, match=rf"Mixture.compile: `{argument}` .*received {argument}="):
        toys.mixture().compile("adam", **{argument: ["mse"]})


@pytest.mark.parametrize("given", ["mse", max], ids=str)
def test_compile_rejects_what_is_no_objective(given):
    message = re.escape(f"`objective` must be an Objective; received {given!r}")
    with pytest.raises(TypeError, match=message):
        toys.mixture().compile("adam", given)


def test_seeds_are_int32_and_differ():
    generator = keras.random.SeedGenerator(3)
    first, second = stateless_seed(generator), stateless_seed(generator)
    assert first.dtype == tf.int32
    assert first.shape == (2,)
    assert (first.numpy() != second.numpy()).any()


def test_model_without_a_distribution_says_so():
    model = toys.LatentVariableModel()
    with pytest.raises(NotImplementedError, match="LatentVariableModel has no `joint`"):
        model.bound(toys.binary(2))


@pytest.mark.parametrize("scaled", [False, True])
def test_scaling_of_the_loss_comes_back_as_it_was(scaled, dtype_policy, tmp_path):
    dtype_policy("mixed_float16")
    model = toys.vae()
    model.build((None, toys.WORDS))
    model.compile("adam", auto_scale_loss=scaled)
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    for either in (model, copy):
        assert isinstance(either.optimizer, keras.optimizers.LossScaleOptimizer) == scaled


@pytest.mark.parametrize("make", [toys.mixture, toys.vae], ids=["mixture", "vae"])
def test_comes_back_from_a_file_and_trains_on(make, tmp_path):
    assert_comes_back(make(seed=2), (toys.binary(6),), tmp_path)
