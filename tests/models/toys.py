"""Small models and data of the tests of models, among them models without any noise."""

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm import layers, objectives
from tfp_dgm.models import M2, VAE, LatentVariableModel
from tfp_dgm.networks import MLP

WORDS = 6  # V
CLASSES = 3  # K


@keras.saving.register_keras_serializable(package="tests")
class Mixture(LatentVariableModel):
    """Bernoulli mixture of K components with an amortised posterior, enumerated: no noise."""

    def __init__(self, components, units, **kwargs):
        super().__init__(**kwargs)
        self.components, self.units = components, units
        self.posterior_layer = layers.Categorical(components, name="posterior")
        self.prior_layer = layers.CategoricalPrior(components, name="prior")
        self.likelihood = layers.IndependentBernoulli(units, name="likelihood")

    def default_objective(self):
        return objectives.EnumeratedELBO()

    def build(self, input_shape):
        self.posterior_layer.build(input_shape)
        self.prior_layer.build()
        self.likelihood.build((None, self.components))
        self.built = True

    def joint(self, inputs, *, training=False):
        return objectives.Joint(
            self,
            log_likelihood=lambda z: self.likelihood(tf.one_hot(z, self.components)).log_prob(
                inputs
            ),
            posterior=lambda: self.posterior_layer(inputs),
            prior=lambda: self.prior_layer(None),
            training=training,
        )

    def call(self, inputs, training=False):
        return self.posterior(inputs).probs_parameter()

    def get_config(self):
        sizes = {"components": self.components, "units": self.units, "seed": self.seed}
        return {**super().get_config(), **sizes}


def mixture(**kwargs):
    return Mixture(CLASSES, WORDS, **kwargs)


def vae(**kwargs):
    return VAE(
        MLP([5], activation="tanh", name="encoder"),
        MLP([4], activation="tanh", name="decoder"),
        layers.BagOfWords(WORDS, name="likelihood"),
        posterior=layers.MultivariateNormalDiag(2, min_scale=0.0, name="posterior"),
        **{"seed": 1, **kwargs},
    )


def m2(**kwargs):
    return M2(
        CLASSES,
        MLP([5], activation="tanh", name="encoder"),
        MLP([4], activation="tanh", name="decoder"),
        layers.BagOfWords(WORDS, name="likelihood"),
        classifier=MLP([4], activation="tanh", name="classifier"),
        posterior_network=MLP([3], activation="tanh", name="posterior_network"),
        posterior=layers.MultivariateNormalDiag(2, min_scale=0.0, name="posterior"),
        class_prior=layers.CategoricalPrior(CLASSES, name="class_prior"),
        **{"classification_weight": 1.7, "seed": 1, **kwargs},
    )


def randomized(model):
    """The model with random weights, biases too."""
    if not model.built:
        model.build((None, WORDS))
    random = np.random.default_rng(12)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return model


def quiet(model):
    """The model with a posterior so narrow (scale 2e-9) that in float32 its draws are its mean."""
    randomized(model)
    kernel, bias = model.posterior_layer.projection.weights
    kernel.assign(np.where(np.arange(4) < 2, kernel.numpy(), 0.0))
    bias.assign([0.4, -0.3, -20.0, -20.0])
    return model


def counts(rows):
    """Word counts [rows, V] of three kinds of text, and their kinds."""
    random = np.random.default_rng(9)
    kinds = np.arange(rows) % CLASSES
    rates = np.kron(np.eye(CLASSES), [3.0, 2.0]) + 0.3
    return random.poisson(rates[kinds]).astype(np.float32), kinds


def binary(rows):
    return (counts(rows)[0] > 1).astype(np.float32)


def step(model, *data, **compile_arguments):
    """One step of gradient descent with rate 1; gives each weight's change and the logs."""
    before = [weight.numpy() for weight in model.trainable_weights]
    if not compile_arguments.keys() & {"jit_compile", "run_eagerly"}:
        compile_arguments["run_eagerly"] = True  # One step is sooner taken than traced.
    model.compile(keras.optimizers.SGD(1.0), **compile_arguments)
    logs = model.train_on_batch(*data, return_dict=True)
    after = [weight.numpy() for weight in model.trainable_weights]
    for weight, value in zip(model.trainable_weights, before, strict=True):
        weight.assign(value)
    return [new - old for new, old in zip(after, before, strict=True)], logs


def assert_same_steps(steps, others, rtol=1e-4, factor=1.0):
    assert max(np.abs(change).max() for change in steps) > 1e-2
    for change, other in zip(steps, others, strict=True):
        np.testing.assert_allclose(change, factor * other, rtol=rtol, atol=1e-5)
