"""Trains the same models on one device and on two, and prints what came of it as JSON.

A program of its own, since logical devices must be made before TensorFlow starts:
`python -m tests.models.replicas NAME ...`.
"""

import functools
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.models import texts, toys
from tfp_dgm.layers import (
    BagOfWords,
    IndependentBernoulli,
    LearnedNormalPrior,
    MultivariateNormalDiag,
    PointMass,
    stateless_seed,
)
from tfp_dgm.models import VAE, CategoricalVAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO, AdversarialAutoencoder, EnumeratedELBO, FreeBits
from tfp_dgm.training import FusedAdam

ROWS, BATCH = 9, 4  # Batches of 4, 4 and 1: the last one leaves a replica without any example.


def train(model, data, evaluate=False, optimizer=None, objective=None, traced=False, epochs=2):
    """Steps run as Python unless they are to be traced, which takes longer than they."""
    model.compile(optimizer or keras.optimizers.SGD(0.1), objective, run_eagerly=not traced)
    run = {"batch_size": BATCH, "verbose": 0}
    history = model.fit(**data, epochs=epochs, shuffle=False, **run).history
    evaluated = model.evaluate(**data, return_dict=True, **run) if evaluate else {}
    weights = {
        f"{index} {weight.path}": weight.numpy().tolist()
        for index, weight in enumerate(model.trainable_weights)
    }
    return {"history": history, "evaluated": evaluated, "weights": weights}


def train_categorical(traced=False):
    """Latents of two variables, enumerated: no noise. By Adam's fused kernel."""
    model = CategoricalVAE(
        MLP([4], activation="tanh"),
        None,
        IndependentBernoulli(toys.WORDS),
        num_variables=2,
        num_values=3,
        seed=1,
    )
    data = {"x": toys.binary(ROWS)}
    return train(toys.randomized(model), data, True, FusedAdam(0.05), EnumeratedELBO(), traced)


def train_text():
    """Texts of one to four tokens; a posterior so narrow that there is no noise."""
    posterior = MultivariateNormalDiag(texts.Z, min_scale=0.0, name="posterior")
    model = toys.quiet(texts.make_vae(latent_units=None, posterior=posterior))
    rows = [row[-1 - i % 4 :] for i, row in enumerate(texts.rule_texts(ROWS))]
    data = {"x": np.stack([np.pad(row, (0, 4 - len(row))) for row in rows]).astype(np.int32)}
    # An epsilon that keeps the steps of weights without much of a gradient small, and with which
    # the length of a gradient, which is clipped, shows in the step.
    optimizer = FusedAdam(0.05, epsilon=0.01, clipnorm=0.1)
    return train(model, data, False, optimizer, ELBO(rate=FreeBits(0.5)), epochs=1)


def train_quantized():
    """Codes that are chosen without noise; counts and codebook are of all replicas' rows."""
    model = texts.make_quantized(decay=0.7, restart_below=0.0)
    toys.randomized(model)
    codebook = np.random.default_rng(3).normal(scale=0.5, size=(4, texts.Z))
    model.posterior_layer.codebook.assign(codebook)
    trained = train(model, {"x": np.stack(texts.rule_texts(ROWS)).astype(np.int32)})
    averages = {name: getattr(model.posterior_layer, name) for name in ("counts", "codebook")}
    values = {name: value.numpy().tolist() for name, value in averages.items()}
    return {**trained, "weights": trained["weights"] | values}


def train_adversarial(traced=False):
    """A critic with an optimizer of its own; posterior and prior so narrow that there is no noise.

    What draws of the prior are worth then is what they are everywhere.
    """
    model = VAE(
        MLP([5], activation="tanh"),
        MLP([4], activation="tanh"),
        BagOfWords(toys.WORDS),
        posterior=PointMass(2),
        prior=LearnedNormalPrior(2),
        critic=MLP([3], activation="tanh"),
        seed=1,
    )
    toys.randomized(model)
    model.prior_layer.log_scale.assign([-20.0, -20.0])
    objective = AdversarialAutoencoder(weight=0.7)
    return train(
        model, {"x": toys.counts(ROWS)[0]}, False, FusedAdam(0.02, beta_1=0.5), objective, traced
    )


def train_noisy(strategy):
    """One step on copies, so many that the mean over their noise is the expected loss.

    The model is built by `fit`; its twin, of the same first weights, tells what to expect.
    """
    copies = np.repeat(toys.counts(2)[0], 1000, axis=0)
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = toys.vae()
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        losses = model.fit(copies, batch_size=len(copies), verbose=0).history["loss"]
    keras.utils.set_random_seed(3)
    twin = toys.vae()
    twin.build(copies.shape)
    # The divergence in closed form, the reconstruction by a product of Gauss-Hermite rules.
    points, weights = np.polynomial.hermite_e.hermegauss(30)
    grid = np.stack(np.meshgrid(points, points), axis=-1).reshape(-1, 1, 2)
    share = np.outer(weights, weights).ravel() / (2 * np.pi)
    x = toys.counts(2)[0]
    q = twin.posterior(x)
    loc, scale = q.mean().numpy(), q.stddev().numpy()
    z = (loc + scale * grid).astype(np.float32)  # [S, B, Z]
    log_px = twin.log_likelihood(z, x).numpy()  # [S, B]
    mean = share @ log_px
    variance = (share @ np.square(log_px - mean)).mean()
    kl = 0.5 * (scale**2 + loc**2 - 1 - 2 * np.log(scale)).sum(axis=-1)
    return {
        "loss": losses[0],
        "expected": float(np.mean(kl - mean)),
        "standard_error": float(np.sqrt(variance / len(copies))),
    }


def seeds_of_replicas(strategy):
    with strategy.scope():
        generator = toys.vae().seed_generator

    @tf.function(autograph=False)
    def draw():
        return strategy.run(stateless_seed, (generator,))

    return [[seed.numpy().tolist() for seed in draw().values] for _ in range(2)]


def train_annotated():
    """Some rows without an annotation, all with weights; no noise."""
    counts, kinds = toys.counts(ROWS)
    targets = np.where(np.arange(ROWS) % 2 == 0, kinds, -1)
    weights = np.linspace(0.2, 1.8, ROWS).astype(np.float32)
    annotated = {"x": counts, "y": targets, "sample_weight": weights}
    return train(toys.quiet(toys.m2()), annotated)


def on_one_and_two(strategy, run, run_on_two=None):
    one = run()
    with strategy.scope():
        return {"one": one, "two": (run_on_two or run)()}


RUNS = {
    "seeds": seeds_of_replicas,
    "noisy": train_noisy,
    "m2": functools.partial(on_one_and_two, run=train_annotated),
    "categorical": functools.partial(
        on_one_and_two,
        run=train_categorical,
        run_on_two=functools.partial(train_categorical, traced=True),
    ),
    "adversarial": functools.partial(
        on_one_and_two,
        run=train_adversarial,
        run_on_two=functools.partial(train_adversarial, traced=True),
    ),
    "text": functools.partial(on_one_and_two, run=train_text),
    "quantized": functools.partial(on_one_and_two, run=train_quantized),
}


def main(names):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    print(json.dumps({name: RUNS[name](strategy) for name in names}))


if __name__ == "__main__":
    main(sys.argv[1:])
