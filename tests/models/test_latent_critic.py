"""A model with a critic: two optimizers in one step, saved and resumed; several replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.models.texts import RULE, make_vae, rule_texts
from tests.saving import assert_comes_back, assert_same_weights
from tfp_dgm import layers
from tfp_dgm.inference import greedy
from tfp_dgm.models import VAE, load_model
from tfp_dgm.models.latent_critic import scaled_back
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ELBO,
    AdversarialAutoencoder,
    LogisticCritic,
    WassersteinCritic,
    WassersteinMMD,
)
from tfp_dgm.training import ResumeTraining

X, _ = toys.counts(12)


def new_vae(**kwargs):
    return toys.randomized(
        toys.vae(critic=MLP([4], activation="tanh", name="critic_net"), **kwargs)
    )


def arae(**kwargs):
    """Without noise, against a learned prior."""
    generator = MLP([4], activation="tanh", name="generator")
    return toys.randomized(
        VAE(
            MLP([5], activation="tanh", name="encoder"),
            MLP([4], activation="tanh", name="decoder"),
            layers.BagOfWords(toys.WORDS, name="likelihood"),
            posterior=layers.PointMass(2, name="posterior"),
            prior=layers.ImplicitPrior(2, generator, noise_units=3, name="prior"),
            critic=MLP([4], activation="tanh", name="critic_net"),
            seed=1,
        )
    )


def groups(model):
    """Weights of critic and of the rest, as arrays."""
    of_critic = {id(weight) for weight in model.critic_layer.trainable_weights}
    found = ([], [])
    for weight in model.trainable_weights:
        found[id(weight) not in of_critic].append(weight.numpy())
    return found


def every_weight(model):
    critic, rest = groups(model)
    return critic + rest


def moved(model, objective, rate, critic_rate):
    model.compile(
        keras.optimizers.SGD(rate),
        objective,
        critic_optimizer=keras.optimizers.SGD(critic_rate),
        run_eagerly=True,
    )
    before = groups(model)
    model.train_on_batch(X)
    return [
        [np.abs(new - old).max() for new, old in zip(*pair, strict=True)]
        for pair in zip(groups(model), before, strict=True)
    ]


@pytest.mark.parametrize("make", [new_vae, arae])
def test_each_optimizer_moves_its_own_weights(make):
    objective = AdversarialAutoencoder(critic_loss=WassersteinCritic())
    critic, rest = moved(make(), objective, 0.0, 0.1)
    assert max(rest) == 0
    assert min(critic[:-1]) > 0  # A constant tells nothing apart: its gradient is 0.
    critic, rest = moved(make(), objective, 0.1, 0.0)
    assert max(critic) == 0
    assert min(rest) > 0


@pytest.mark.usefixtures("eager")
def test_the_critics_loss_is_no_part_of_the_others_and_of_the_logs():
    """The rest moves alike whatever the critic's own loss is; so does what is logged."""
    found = []
    for penalty in (0.0, 5.0):
        model = new_vae()
        objective = AdversarialAutoencoder(critic_loss=LogisticCritic(gradient_penalty=penalty))
        model.compile(keras.optimizers.SGD(0.1), objective)
        logs = model.train_on_batch(X, return_dict=True)
        found.append((groups(model), logs))
    for one, other in zip(found[0][0][1], found[1][0][1], strict=True):
        np.testing.assert_array_equal(one, other)
    critics = [group[0] for group, _ in found]
    assert any((one != other).any() for one, other in zip(*critics, strict=True))
    assert found[0][1] == found[1][1]
    assert set(found[0][1]) == {"loss", "value", "reconstruction", "marginal_kl"}


@pytest.mark.usefixtures("eager")
def test_a_critic_is_left_alone_by_objectives_that_ask_none():
    for objective in (ELBO(), WassersteinMMD()):
        critic, rest = moved(new_vae(), objective, 0.1, 0.1)
        assert max(critic) == 0
        assert max(rest) > 0


@pytest.mark.slow
@pytest.mark.parametrize("make", [new_vae, arae])
def test_keras_file_brings_critic_and_optimizer_back(make, tmp_path):
    objective = AdversarialAutoencoder(critic_loss=WassersteinCritic())
    assert_comes_back(make(), (X,), tmp_path, objective)
    model = make()
    model.compile(
        keras.optimizers.SGD(0.1), objective, critic_optimizer=keras.optimizers.Adam(0.3, 0.5)
    )
    model.train_on_batch(X)
    model.save(tmp_path / "again.keras")
    copy = load_model(tmp_path / "again.keras")
    assert copy.critic_optimizer.get_config() == model.critic_optimizer.get_config()
    assert int(copy.critic_optimizer.iterations) == 1
    variables = (model.critic_optimizer.variables, copy.critic_optimizer.variables)
    for variable, loaded in zip(*variables, strict=True):
        np.testing.assert_array_equal(loaded.numpy(), variable.numpy())
    assert sum(np.abs(v.numpy()).max() > 0 for v in variables[1]) > 5  # Moments, not zeros.


@pytest.mark.parametrize("stepped", ["optimizer", "critic_optimizer", None])
def test_an_optimizer_that_never_stepped_comes_back_as_it_is(stepped, tmp_path):
    model = new_vae()
    model.compile("adam")
    model.build_optimizers({stepped})
    model.save(tmp_path / "model.keras")
    copy = load_model(tmp_path / "model.keras")
    built = {name for name, optimizer in copy.named_optimizers.items() if optimizer.built}
    assert built == {stepped} - {None}


@pytest.mark.usefixtures("eager")
def test_a_resumed_training_equals_one_that_was_not_stopped(tmp_path):
    def train(folder, epochs):
        model = new_vae()
        objective = AdversarialAutoencoder(weight=0.5)
        model.compile(keras.optimizers.Adam(0.05), objective)
        resume = ResumeTraining(folder)
        if resume.epoch == 0:
            objective.weight.assign(1.75)
        model.fit(
            X,
            epochs=epochs,
            initial_epoch=resume.epoch,
            batch_size=6,
            shuffle=False,
            verbose=0,
            callbacks=[resume],
        )
        return model

    whole = train(tmp_path / "whole", 2)
    train(tmp_path / "parts", 1)
    resumed = train(tmp_path / "parts", 2)
    assert_same_weights(whole, resumed)
    assert float(resumed.objective.weight) == 1.75
    pairs = zip(whole.critic_optimizer.variables, resumed.critic_optimizer.variables, strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert int(resumed.critic_optimizer.iterations) == 4


def test_half_precision_scales_the_critics_gradient_back(dtype_policy):
    """The loss is multiplied by 2^15 there, and a step of gradient descent would show it."""
    changes = []
    for policy in ("float32", "mixed_float16"):
        dtype_policy(policy)
        critic, _ = moved(new_vae(), AdversarialAutoencoder(), 0.1, 0.1)
        changes.append(critic)
    np.testing.assert_allclose(changes[1], changes[0], rtol=0.05, atol=1e-4)


@pytest.mark.usefixtures("eager")
def test_a_step_that_overflows_is_left_out_of_critic_and_rest(dtype_policy):
    """And the factor is lowered."""
    dtype_policy("mixed_float16")
    model = new_vae()
    scaling = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1e30)
    model.compile(scaling, AdversarialAutoencoder())
    before = every_weight(model)
    model.train_on_batch(X)
    for old, new in zip(before, every_weight(model), strict=True):
        np.testing.assert_array_equal(new, old)
    assert float(scaling.dynamic_scale) == np.float32(1e30) / 2


def test_gradients_that_overflow_in_the_critic_alone_stop_the_rest():
    ones, over = tf.ones([2]), tf.constant([1.0, np.inf])
    weight = keras.Variable(np.zeros(2, np.float32))
    scaling = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0)
    sgd = keras.optimizers.SGD()
    for gradient, expected in ((over, ([0, 0], [np.nan] * 2)), (8 * ones, ([1, 1], [1, 1]))):
        found = scaled_back([(gradient, weight)], [(ones, weight), (None, weight)], scaling, sgd)
        np.testing.assert_array_equal(found[0][0][0], expected[0])
        np.testing.assert_array_equal(found[1][0][0], expected[1])
        assert found[1][1][0] is None
    # Without a scale nothing is left out, and nobody is spared the fault.
    found = scaled_back([(over, weight)], [(ones, weight)], sgd, sgd)
    np.testing.assert_array_equal(found[0][0][0], over)
    np.testing.assert_array_equal(found[1][0][0], ones)


@pytest.mark.usefixtures("eager")
def test_each_optimizers_own_factor_is_taken_off_once():
    found = []
    for factor in (None, 64.0):
        model = new_vae()
        model.compile(keras.optimizers.SGD(0.1, loss_scale_factor=factor), AdversarialAutoencoder())
        model.train_on_batch(X)
        found.append(every_weight(model))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("eager")
def test_a_critic_of_half_precision_throughout_trains(dtype_policy):
    dtype_policy("float16")
    critic, rest = moved(new_vae(), AdversarialAutoencoder(), 0.1, 0.1)
    assert max(critic) > 0
    assert max(rest) > 0


def test_one_optimizer_for_a_critic_that_is_not_there_is_refused():
    with pytest.raises(TypeError, match=r"VAE.compile: `critic_optimizer` is for a model with a"):
        toys.vae().compile("adam", critic_optimizer="adam")
    with pytest.raises(NotImplementedError, match="VAE has no critic of its latents"):
        toys.vae().bound(X, objective=AdversarialAutoencoder())


def test_a_critic_that_is_no_layer_is_refused_by_name():
    with pytest.raises(TypeError, match="`critic` must be a Keras layer; received 'mlp'"):
        toys.vae(critic="mlp")


def test_another_optimizer_like_the_first_stands_in_where_none_is_given():
    model = new_vae()
    first = keras.optimizers.Adam(0.07, beta_1=0.3)
    model.compile(first)
    assert model.critic_optimizer is not first
    assert model.critic_optimizer.get_config() == first.get_config()


@pytest.mark.slow
def test_latents_of_texts_come_to_lie_as_the_prior():
    """Texts of a rule, 8 of them: z tells which, and all z together are nearly N(0, I)."""
    rows = np.stack(rule_texts(256)).astype(np.int32)
    model = make_vae(units=12, critic=MLP([16, 16], seed=5))
    toys.randomized(model)
    model.compile(
        keras.optimizers.Adam(0.03),
        AdversarialAutoencoder(weight=0.3),
        critic_optimizer=keras.optimizers.Adam(0.03),
    )
    data = tf.data.Dataset.from_tensor_slices(rows).batch(64).repeat(60)
    history = model.fit(data, epochs=1, verbose=0, shuffle=False).history
    assert set(history) == {"loss", "value", "reconstruction", "marginal_kl"}
    bound = model.bound(rows, objective=WassersteinMMD(), seed=(1, 2))
    assert bound.reconstruction.numpy().mean() > -1.0  # Without a latent, -3 log 2 = -2.08.
    z = model.posterior(rows).sample(seed=(3, 4)).numpy()
    assert np.abs(z.mean(0)).max() < 0.6
    assert np.abs(z.std(0) - 1).max() < 0.5


def drawn_texts(model):
    """Which of 400 texts of the prior's draws, written greedily, could be of the rule."""
    z = model.prior(None).sample(400, seed=(5, 6))
    return [row.tobytes() for row in greedy(model.decode(z)).numpy() if RULE(row)]


def learns(objective, rate=0.02, steps=320, **kwargs):
    """A text autoencoder without noise, trained on texts of a rule, and its discrepancy.

    A critic is faster than the rest, or the prior and the latents run from place to place.
    """
    rows = np.stack(rule_texts(256)).astype(np.int32)
    keras.utils.set_random_seed(3)
    model = make_vae(units=12, latent_units=None, posterior=layers.PointMass(2), **kwargs)
    critic = {"critic_optimizer": keras.optimizers.Adam(0.03, beta_1=0.5)} if kwargs else {}
    model.compile(keras.optimizers.Adam(rate), objective, **critic)
    data = tf.data.Dataset.from_tensor_slices(rows).batch(64).repeat(steps // 4)
    model.fit(data, epochs=1, verbose=0, shuffle=False)
    return model, model.bound(rows, objective=WassersteinMMD(kernel_scale=4.0), seed=(1, 2))


@pytest.mark.slow
def test_draws_of_the_prior_are_texts_where_a_kernel_holds_latents_to_it():
    """Quicker: by a critic, above."""
    model, bound = learns(WassersteinMMD(weight=2.0))
    assert bound.reconstruction.numpy().mean() > -0.3
    assert bound.kl.numpy().mean() < 0.3
    texts = drawn_texts(model)
    assert len(texts) > 0.9 * 400
    assert len(set(texts)) == 8


@pytest.mark.slow
def test_draws_of_a_learned_prior_are_texts():
    """Quicker: a fixed prior, above."""
    loss = WassersteinCritic(gradient_penalty=1.0)
    objective = AdversarialAutoencoder(weight=0.1, critic_loss=loss)
    prior = layers.ImplicitPrior(2, MLP([32, 32], seed=6), noise_units=4)
    critic = MLP([32, 32], seed=5)
    model, bound = learns(objective, 0.005, 600, critic=critic, prior=prior)
    assert bound.reconstruction.numpy().mean() > -0.3
    texts = drawn_texts(model)
    assert len(texts) > 0.8 * 400
    assert len(set(texts)) >= 6  # Of 8.
