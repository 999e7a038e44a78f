"""What both autoencoders held to a prior promise: densities, refusals, configurations."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.objectives.autoencoder_toys import LOC, SCALE, SEED, A, B, joint_of, quadratic
from tfp_dgm import models, objectives
from tfp_dgm.distributions import Implicit, MultivariateNormalDiag, PointMass
from tfp_dgm.objectives import (
    ELBO,
    AdversarialAutoencoder,
    LogisticCritic,
    RadialBasisFunction,
    WassersteinCritic,
    WassersteinMMD,
)

assert models  # Registers the objectives with Keras.


def test_what_is_without_a_density_is_trained_and_no_bound_is_claimed():
    implicit = Implicit(
        lambda noise: 2.0 * noise + 1.0, MultivariateNormalDiag([0.0] * 2, [1.0] * 2), 2
    )
    joint = joint_of(None, prior=implicit, posterior=PointMass(LOC), critic=quadratic(A[0], B))
    for objective in (WassersteinMMD(kernel_scale=2.0), AdversarialAutoencoder()):
        assert np.isfinite(objective(joint, seed=SEED).loss).all()
        assert not objective.bounds_log_likelihood
    with pytest.raises(NotImplementedError, match="PointMass: has no density"):
        ELBO()(joint, seed=SEED)
    with pytest.raises(NotImplementedError, match="Implicit: has no density"):
        ELBO()(joint_of(tf.constant(LOC), prior=implicit), seed=SEED)
    with pytest.raises(ValueError, match="Implicit knows none; give a number"):
        WassersteinMMD()(joint, seed=SEED)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"posterior": tfd.OneHotCategorical(logits=LOC, dtype=tf.float32)},
            "a posterior that can",
        ),
        (
            {
                "prior": tfd.MixtureSameFamily(
                    tfd.Categorical(logits=[0.0, 0.0]), tfd.MultivariateNormalDiag(LOC[:2])
                )
            },
            "a prior whose draws can be reparameterised",
        ),
        ({"posterior": MultivariateNormalDiag(LOC[0], SCALE[0])}, r"of batch shape \[B\]"),
    ],
)
@pytest.mark.parametrize("objective", [WassersteinMMD(), AdversarialAutoencoder()], ids=repr)
def test_latents_that_cannot_be_held_to_a_prior_are_refused(objective, parts, message):
    joint = joint_of(tf.constant(LOC), critic=quadratic(A[0], B), **parts)
    with pytest.raises(ValueError, match=f"{type(objective).__name__}: needs .*{message}"):
        objective(joint, seed=SEED)


def test_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="WassersteinMMD: `weight` must be >= 0; received -1"):
        WassersteinMMD(weight=-1)
    with pytest.raises(ValueError, match="WassersteinMMD: `kernel_scale` must be > 0"):
        WassersteinMMD(kernel_scale=0)
    with pytest.raises(ValueError, match="RadialBasisFunction: `scales` must be numbers above 0"):
        RadialBasisFunction(scales=[1.0, 0.0])
    with pytest.raises(ValueError, match="LogisticCritic: `gradient_penalty` must be >= 0"):
        LogisticCritic(gradient_penalty=-0.1)
    nan = float("nan")
    for refused in (
        lambda: WassersteinMMD(weight=nan),
        lambda: WassersteinMMD(kernel_scale=nan),
        lambda: RadialBasisFunction(scales=[1.0, nan]),
        lambda: WassersteinCritic(gradient_penalty=nan),
    ):
        with pytest.raises(ValueError, match=r"must be .*received .*nan"):
            refused()
    with pytest.raises(NotImplementedError, match="Owner has no critic of its latents, which Adv"):
        AdversarialAutoencoder()(joint_of(tf.constant(LOC)), seed=SEED)


@pytest.mark.parametrize(
    "objective",
    [
        WassersteinMMD(weight=2.5, kernel=RadialBasisFunction(scales=(0.3, 4)), kernel_scale=1.5),
        AdversarialAutoencoder(weight=0.7, critic_loss=LogisticCritic(gradient_penalty=0.2)),
        AdversarialAutoencoder(critic_loss=WassersteinCritic(gradient_penalty=3.0)),
    ],
    ids=lambda objective: type(objective).__name__,
)
def test_configuration_comes_back_as_training_left_it(objective):
    objective.weight.assign(1.25)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(objective)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == objective.get_config()
    assert (float(copy.weight), repr(copy)) == (1.25, repr(objective))
    assert isinstance(copy, objectives.RegularizedAutoencoder)
