"""Autoencoder pretraining, aggressive training, and the watch over collapse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.models import toys
from tfp_dgm import layers
from tfp_dgm.models import VAE, LatentVariableModel
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO, ImportanceWeighted, Joint
from tfp_dgm.training import (
    AggressiveTraining,
    AutoencoderPretraining,
    CollapseWatch,
    KLWeightSchedule,
    Linear,
)

X, _ = toys.counts(24)


class Recorder(keras.callbacks.Callback):
    """Keeps the weights of encoder and decoder, the KL weight and the count of steps."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        model = self.model
        self.rows.append(
            {
                "inner": values(model.encoder) + values(model.posterior_layer),
                "outer": values(model.decoder) + values(model.likelihood),
                "kl_weight": float(model.objective.kl_weight),
                "step": int(model.optimizer.iterations),
            }
        )


def values(layer):
    return [weight.numpy() for weight in layer.weights]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def compiled(objective=None, **kwargs):
    model = toys.randomized(toys.vae())
    model.compile(keras.optimizers.Adam(0.01), objective, **kwargs)
    return model


def fit(model, *callbacks, epochs=1, rows=24):
    recorder = Recorder()
    run = {"batch_size": 4, "verbose": 0, "shuffle": False, "epochs": epochs}
    history = model.fit(X[:rows], callbacks=[*callbacks, recorder], **run).history
    return recorder.rows, history


def test_pretraining_has_no_divergence_in_its_loss_then_resets_the_decoder_alone(eager):
    model = compiled()
    start = values(model.decoder) + values(model.likelihood)
    pretraining = AutoencoderPretraining(1, [model.decoder, model.likelihood])
    rows, history = fit(model, KLWeightSchedule(Linear(4)), pretraining, epochs=2)
    np.testing.assert_allclose(history["loss"][0], -history["reconstruction"][0], rtol=1e-5)
    weights = [row["kl_weight"] for row in rows]
    np.testing.assert_allclose(weights, [0] * 6 + [0, 0.25, 0.5, 0.75, 1, 1])
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]
    assert not same(rows[5]["outer"], start)
    # Adam's first step moves each weight by the learning rate at most: from the start again.
    for value, first in zip(rows[6]["outer"], start, strict=True):
        np.testing.assert_allclose(value, first, atol=0.0101)
    for value, last in zip(rows[6]["inner"], rows[5]["inner"], strict=True):
        np.testing.assert_allclose(value, last, atol=0.0101)
    moved = max(
        np.abs(a - b).max() for a, b in zip(rows[5]["inner"], rows[0]["inner"], strict=True)
    )
    assert moved > 0.02


@pytest.mark.slow
def test_pretraining_gives_the_objectives_own_weight_back(eager):
    model = compiled(ELBO(kl_weight=0.7))
    rows, _ = fit(model, AutoencoderPretraining(1, [model.decoder]), epochs=2)
    np.testing.assert_allclose([row["kl_weight"] for row in rows], [0] * 6 + [0.7] * 6)


def test_pretraining_needs_an_objective_with_a_weight():
    model = compiled(ImportanceWeighted(num_samples=2))
    with pytest.raises(
        ValueError, match=r"ImportanceWeighted's variables \[\]; there is no 'kl_we"
    ):
        fit(model, AutoencoderPretraining(1, [model.decoder]))


def extra(number):
    """Other examples than those of the batch of `fit` that comes next."""
    return X[4 * (number % 6) : 4 * (number % 6) + 4]


@pytest.mark.slow
def test_inner_steps_move_the_inference_network_and_batches_of_fit_the_rest():
    model = compiled(jit_compile=False)
    inner = [model.encoder, model.posterior_layer]
    drawn = []

    def counted(number):
        drawn.append(number)
        return extra(number)

    callback = AggressiveTraining(inner, X, counted, max_inner_steps=2, window=2)
    start = {
        "inner": values(model.encoder) + values(model.posterior_layer),
        "outer": values(model.decoder) + values(model.likelihood),
    }
    rows, history = fit(model, callback)
    assert drawn == list(range(12))  # Two for each of the six batches, and no batch twice.
    for row, last in zip(rows, [start, *rows], strict=False):
        assert not same(row["inner"], last["inner"])
        assert not same(row["outer"], last["outer"])
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]  # Inner steps are none of these.
    assert history["aggressive"] == [1.0]
    assert history["aggressive_inner_steps"] == [12.0]
    assert all(weight.trainable for weight in model.trainable_weights)
    assert len(model.trainable_weights) == len(rows[0]["inner"]) + len(rows[0]["outer"])


@pytest.mark.slow
def test_the_batch_of_fit_leaves_the_inference_network_as_the_inner_loop_left_it(eager):
    model = compiled(jit_compile=False)
    inner = [model.encoder, model.posterior_layer]
    callback = AggressiveTraining(inner, X, extra, max_inner_steps=1, window=1)
    outer_before, after_inner = [], []

    class Between(keras.callbacks.Callback):
        """Looks between the inner loop and the step of the batch, at which it stands."""

        def on_train_batch_begin(self, batch, logs=None):
            after_inner.append(values(model.encoder) + values(model.posterior_layer))
            outer_before.append(values(model.decoder) + values(model.likelihood))

    start = values(model.decoder) + values(model.likelihood)
    rows, _ = fit(model, callback, Between())
    for row, looked in zip(rows, after_inner, strict=True):
        assert same(row["inner"], looked)
    for looked, last in zip(outer_before, [start, *(row["outer"] for row in rows)], strict=False):
        assert same(looked, last)


def test_logs_are_of_the_batches_of_fit(eager):
    """At rate 0 and without noise the loss is the untrained model's, whatever the loops drew."""
    model = toys.quiet(toys.vae())
    model.compile(keras.optimizers.SGD(0.0))
    expected = model.evaluate(X[:8], batch_size=4, verbose=0, return_dict=True)["loss"]
    callback = AggressiveTraining(
        [model.encoder], X, lambda number: 9 * X[:4], max_inner_steps=1, window=1
    )
    _, history = fit(model, callback, rows=8)
    np.testing.assert_allclose(history["loss"], [expected], rtol=1e-5)


@pytest.mark.slow
def test_all_weights_move_once_mutual_information_falls(eager):
    model = compiled()
    callback = AggressiveTraining(
        [model.encoder, model.posterior_layer], X, extra, max_inner_steps=2, window=1
    )

    class Forget(keras.callbacks.Callback):
        """Takes what the encoder knows away at the end of the second epoch."""

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                kernel = self.model.posterior_layer.projection.kernel
                kernel.assign(0.0 * kernel)

    rows, history = fit(model, Forget(), callback, epochs=3, rows=12)
    assert history["aggressive"] == [1.0, 1.0, 0.0]
    for row, last in zip(rows[7:], rows[6:], strict=False):
        assert not same(row["inner"], last["inner"])
        assert not same(row["outer"], last["outer"])


@pytest.mark.parametrize(
    ("factors", "length", "steps"),
    [
        ((1, 2, 3, 4, 5), None, 2),
        ((5, 4, 3, 4, 5), None, 4),
        ((5, 4, 3, 2, 1), None, 5),
        ((1, 2, 3, 4, 5), lambda number: 10.0**number, 5),
        ((5, 4, 3, 2, 1), lambda number: 0.1**number, 2),
    ],
    ids=["rising", "falling, then rising", "falling", "rising, by length", "falling, by length"],
)
def test_an_inner_loop_ends_where_the_loss_of_a_window_rises(eager, factors, length, steps):
    model = toys.quiet(toys.vae())
    model.compile(keras.optimizers.SGD(0.0))
    callback = AggressiveTraining(
        [model.encoder],
        X,
        lambda number: (factors[number] * X[:4],),
        max_inner_steps=5,
        window=1,
        batch_length=length,
    )
    run = {"batch_size": 4, "verbose": 0, "shuffle": False}
    history = model.fit(X[:4], callbacks=[callback], **run).history
    assert history["aggressive_inner_steps"] == [steps]


def test_aggressive_training_refuses_what_it_cannot_do():
    model = compiled(steps_per_execution=2)
    with pytest.raises(ValueError, match="needs `steps_per_execution=1`; received 2"):
        fit(model, AggressiveTraining([model.encoder], X, extra))
    with pytest.raises(ValueError, match="must be trainable layers of the model"):
        fit(compiled(), AggressiveTraining([model.encoder], X, extra))
    with pytest.raises(ValueError, match="received window=5, max_inner_steps=2"):
        AggressiveTraining([model.encoder], X, extra, max_inner_steps=2, window=5)


@pytest.mark.slow
def test_measurements_are_traced_once():
    """The joint is called from Python while a function is traced, and at no other time."""
    model, traced = compiled(), []
    joint = model.joint

    def watched(inputs, *, training=False):
        traced.append(training)
        return joint(inputs, training=training)

    model.joint = watched
    counts = []
    counted = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: counts.append(traced.count(False))
    )
    aggressive = AggressiveTraining([model.encoder], X, extra, max_inner_steps=2, window=1)
    fit(model, aggressive, CollapseWatch(X, say=str), counted, epochs=3)
    assert counts[0] > 0
    assert counts == [counts[0]] * 3  # Of the first epoch alone.


def test_watch_tells_a_collapsed_posterior_and_its_recovery(eager):
    model = VAE(
        MLP([4], activation="tanh"), None, layers.BagOfWords(toys.WORDS), latent_units=3, seed=1
    )
    model.build((None, toys.WORDS))
    kernel = model.posterior_layer.projection.kernel
    informative = kernel.numpy() * 5
    kernel.assign(0 * informative)  # q(z | x) is the same for all x.
    model.compile(keras.optimizers.SGD(0.0))

    class Recover(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                kernel.assign(informative)

    said = []
    run = {"epochs": 2, "verbose": 0}
    watch = CollapseWatch(X, say=said.append)
    history = model.fit(X, callbacks=[Recover(), watch], **run).history
    assert [message[:8] for message in said] == ["Epoch 1:", "Epoch 2:"]
    assert "the posterior has collapsed" in said[0]
    assert "0 of 3 units active" in said[0]
    assert "FreeBits" in said[0]
    assert "is used again" in said[1]
    np.testing.assert_allclose(history["mutual_information"][0], 0, atol=1e-4)
    assert history["mutual_information"][1] > 0.1
    assert history["active_units"][0] == 0 < history["active_units"][1]
    # The rate is an estimate, by one draw of 24 examples, of what the model logs in closed form.
    np.testing.assert_allclose(history["rate"], history["kl"], rtol=0.3, atol=0.5)
    assert history["rate"][1] > history["rate"][0]
    assert not watch.collapsed


class Sphere(LatentVariableModel):
    """Posteriors around directions of the sphere in R^32: the inputs themselves."""

    concentration = 22.2

    def joint(self, inputs, *, training=False):
        direction = tf.math.l2_normalize(inputs, axis=-1)
        concentration = tf.fill(tf.shape(inputs)[:1], self.concentration)
        return Joint(
            self,
            posterior=lambda: tfd.PowerSpherical(direction, concentration),
            prior=lambda: tfd.SphericalUniform(32),
        )


def watched(model, data):
    """The logs and messages of one epoch."""
    said, logs = [], {}
    watch = CollapseWatch(data, say=said.append)
    watch.set_model(model)
    watch.on_train_begin()
    watch.on_epoch_end(0, logs)
    return logs, said


@pytest.mark.slow
def test_watch_takes_no_small_scale_for_a_collapse():
    """No dimension of a point on the sphere in R^32 varies by much, and the latent tells 3 nats."""
    x = np.random.default_rng(8).normal(size=(200, 32)).astype("f4")
    logs, said = watched(Sphere(), x)
    assert logs["active_units"] == 0
    assert logs["mutual_information"] > 2.5
    assert said == []
    assert logs["mutual_information_limit"] == pytest.approx(np.log(200))
    logs, said = watched(Sphere(), np.repeat(x[:1], 200, axis=0))
    assert logs["mutual_information"] == pytest.approx(0, abs=1e-4)
    assert logs["rate"] > 2.5
    assert "the posterior has collapsed" in said[0]


class Sharp(Sphere):
    """Posteriors so narrow that each latent belongs to one example."""

    concentration = 1e4


def test_watch_says_once_that_more_examples_are_needed():
    x = np.random.default_rng(8).normal(size=(50, 32)).astype("f4")
    said = []
    watch = CollapseWatch(x, say=said.append)
    watch.set_model(Sharp())
    watch.on_train_begin()
    for epoch in range(2):
        watch.on_epoch_end(epoch, {})
    (message,) = said
    assert "has come to what 50 examples can show (at most 3.91 nats)" in message


@pytest.mark.parametrize(
    ("sharpness", "second"), [pytest.param(1.0, 1.0, marks=pytest.mark.slow), (1e3, 0.0)]
)
def test_inner_loops_end_where_no_fall_could_be_seen(eager, sharpness, second):
    """Means so far apart that each latent tells its example: log N, at which nothing can fall."""
    model = toys.randomized(toys.vae())
    kernel, bias = model.posterior_layer.projection.weights
    kernel.assign(np.where(np.arange(4) < 2, sharpness * kernel.numpy(), 0.0))
    bias.assign([0.0, 0.0, 0.0, 0.0])  # Scales of log 2.
    model.compile(keras.optimizers.SGD(0.0))
    callback = AggressiveTraining([model.encoder], X, extra, max_inner_steps=1, window=1)
    _, history = fit(model, callback, epochs=2, rows=4)
    assert history["aggressive"] == [1.0, second]
