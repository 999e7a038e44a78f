"""Layers in functional models: what stands in no model of the package, or in none by itself."""

import keras
import numpy as np

from tests.golden.latent_variable_models import normal, randomized
from tfp_dgm import layers, networks
from tfp_dgm.networks.recurrent_decoder import ForgetBias
from tfp_dgm.text import TfIdf, WordCounts

FEATURES = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)


def draws():
    """Draws with the seeds at which the file stands."""
    families = [layers.Categorical(5), layers.PowerSpherical(3, concentration=4.5)]
    features = keras.Input((4,))
    outputs = [layers.Sample(layer, seed=n)(features) for n, layer in enumerate(families)]
    return randomized(keras.Model(features, outputs), FEATURES), FEATURES, None


def variational_bottleneck():
    latent = layers.Sample(
        normal(), prior=layers.StandardNormalPrior(2), kl_weight=0.4, mean_at_inference=True, seed=1
    )
    outcome = layers.MultivariateNormalTriL(2, min_scale=0.1)
    features = keras.Input((4,))
    model = keras.Model(features, layers.Parameters(outcome)(latent(features)))
    loss = layers.NegativeLogLikelihood(outcome)
    randomized(model, FEATURES).compile(keras.optimizers.SGD(0.05), loss)
    return model, FEATURES, FEATURES[:, :2]


def tagger():
    tokens = np.array([[1, 2, 3], [4, 1, 0], [2, 0, 0]])
    states = layers.LinearChain(3)
    words = keras.Input([None], dtype="int64")
    features = keras.layers.Embedding(5, 4, mask_zero=True)(words)
    model = randomized(keras.Model(words, layers.Parameters(states)(features)), tokens)
    model.compile(keras.optimizers.SGD(0.05), layers.NegativeLogLikelihood(states))
    return model, tokens, np.array([[0, -1, 2], [1, 0, 0], [2, 0, 0]])


def bare_networks():
    features, memory = keras.Input((4,), name="features"), keras.Input((3, 6), name="memory")
    token_ids = keras.Input((5,), dtype="int32", name="token_ids")
    bias = ForgetBias()
    attention = networks.Attention(6, num_heads=2)
    attention.build((None, 3, 6))
    masked = networks.MaskedAutoregressive(4, 2, units=(5,), reverse=True)
    mlp = networks.MLP([3, 4], activation="selu", dropout=0.1, batch_normalization=True, seed=1)
    model = keras.Model(
        {"features": features, "memory": memory, "token_ids": token_ids},
        [
            attention(memory, memory, memory),
            masked(mlp(features)),
            networks.WordDropout(0.3, seed=2)(token_ids),
            keras.layers.Dense(8, bias_initializer=bias)(features),
        ],
    )
    random = np.random.default_rng(3)
    inputs = {
        "features": FEATURES,
        "memory": random.normal(size=(3, 3, 6)).astype(np.float32),
        "token_ids": random.integers(0, 9, (3, 5)).astype(np.int32),
    }
    return randomized(model, inputs), inputs, None


def flow_networks():
    features, times = keras.Input((4,), name="features"), keras.Input((), name="times")
    coupling = networks.CouplingNetwork(4, 2, 3, units=(5,))
    velocity = networks.VelocityNetwork(4, units=(5, 3))
    found = [coupling(features), velocity(features, times)]
    model = keras.Model({"features": features, "times": times}, found)
    inputs = {"features": FEATURES, "times": np.linspace(0, 1, len(FEATURES), dtype=np.float32)}
    return randomized(model, inputs), inputs, None


def backbone():
    pixels = keras.Input((32, 32, 3))
    layer = networks.PretrainedBackbone("MobileNet", (32, 32), arguments={"alpha": 1 / 32})
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    return keras.Model(pixels, layer(pixels)), images, None


def words():
    texts = keras.Input((), dtype="string")
    counts = WordCounts(["apple", "pear", "iron"])(texts)
    model = keras.Model(texts, [counts, TfIdf([1.2, 0.7, 1.9])(counts)])
    return model, np.array([b"An apple, a PEAR; apple", b"", b"iron"]), None


FUNCTIONAL_MODELS = {
    "draws": draws,
    "variational_bottleneck": variational_bottleneck,
    "tagger": tagger,
    "networks": bare_networks,
    "flow_networks": flow_networks,
    "pretrained_backbone": backbone,
    "words": words,
}
