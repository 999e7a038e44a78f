"""The stochastic recurrent text model against a loop in NumPy, one particle and token at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax
from scipy.stats import norm

from tests.models.texts import V, Z, rule_texts
from tests.saving import assert_same_weights
from tfp_dgm import layers, models, networks
from tfp_dgm.objectives import FIVO, Noise, ParticleFilter
from tfp_dgm.text import WordVocabulary

START, UNITS, EMBEDDING = 1, 5, 4
TOKENS = np.array([[3, 5, 4, 6, 2], [6, 3, 2, 0, 0], [2, 0, 0, 0, 0]], np.int32)
LENGTHS = (5, 3, 1)
PARTICLES = 3


def make(decoder=None, encoder=None, **kwargs):
    encoder = encoder or keras.layers.Embedding(V, 3)
    decoder = decoder or networks.GRUDecoder(
        V, UNITS, conditioning_units=Z, embedding_units=EMBEDDING
    )
    kwargs = {"latent_units": Z, "max_length": 5, "seed": 2, **kwargs}
    return models.StochasticRecurrentTextModel(encoder, decoder, **kwargs)


def randomized(model, scale=0.6):
    model.build((None, None))
    random = np.random.default_rng(7)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    prior_network = keras.layers.Dense(4, activation="tanh")
    return randomized(make(prior_network=prior_network))


def dense(layer, x):
    return x @ np.asarray(layer.kernel, np.float64) + (
        0 if layer.bias is None else np.asarray(layer.bias, np.float64)
    )


def normal(layer, features):
    loc, rho = np.split(dense(layer.projection, features), 2)
    return loc, layer.min_scale + np.log1p(np.exp(rho))


def gru_step(decoder, token, z, h):
    """Reset, update and candidate gates; the reset comes after the product."""
    embedded = np.asarray(decoder.embedding, np.float64)[token]
    x = dense(decoder.input_maps[0], embedded) + dense(decoder.condition_maps[0], z)
    recurrent = h @ np.asarray(decoder.kernels[0], np.float64)
    reset = expit(x[:UNITS] + recurrent[:UNITS])
    update = expit(x[UNITS : 2 * UNITS] + recurrent[UNITS : 2 * UNITS])
    new = np.tanh(x[2 * UNITS :] + reset * recurrent[2 * UNITS :])
    return update * h + (1 - update) * new


def weigh(model, tokens, noise):
    """Log-weight, terms and latents of one particle with noise [T, Z], and no resampling."""
    decoder = model.decoder
    output, h = np.zeros(UNITS), np.tanh(dense(decoder.state_maps[0], np.zeros(Z)))
    last, log_px, log_ratio, latents = START, 0.0, 0.0, []
    for token, epsilon in zip(tokens, noise, strict=False):
        known = np.concatenate([output, np.asarray(decoder.embedding, np.float64)[last]])
        prior = normal(model.prior_layer, np.tanh(dense(model.prior_network, known)))
        seen = np.asarray(model.encoder.embeddings, np.float64)[token]
        loc, scale = normal(model.posterior_layer, np.concatenate([known, seen]))
        z = loc + scale * epsilon
        log_ratio += np.sum(norm.logpdf(z, loc, scale) - norm.logpdf(z, *prior))
        output = h = gru_step(decoder, last, z, h)
        logits = np.asarray(decoder.output_weights, np.float64) @ h + np.asarray(
            decoder.output_bias
        )
        logits[[0, START]] = -1e9
        log_px += log_softmax(logits)[token]
        latents.append(z)
        last = token
    return log_px, log_ratio, latents


def noise_of(normals, uniforms=None):
    return Noise(
        lambda proposal, time: proposal.mean() + proposal.stddev() * normals[time],
        lambda time, count: None if uniforms is None else uniforms[time, :count],
    )


def test_weights_are_those_of_a_loop_in_numpy(model):
    normals = np.random.default_rng(3).normal(size=(5, PARTICLES, len(TOKENS), Z))
    steps = model.steps(tf.constant(TOKENS))
    noise = noise_of(tf.constant(normals, tf.float32))
    found = ParticleFilter(PARTICLES, threshold=0.0).run(steps, noise)
    for row, length in enumerate(LENGTHS):
        terms = [
            weigh(model, TOKENS[row, :length], normals[:, n, row])[:2] for n in range(PARTICLES)
        ]
        log_px, log_ratio = np.transpose(terms)
        np.testing.assert_allclose(found.log_weights[:, row], log_px - log_ratio, rtol=1e-4)
        np.testing.assert_allclose(found.log_px[row], log_px.mean(), rtol=1e-4)
        np.testing.assert_allclose(found.log_ratio[row], log_ratio.mean(), rtol=1e-4, atol=1e-5)


def test_a_call_gives_the_means_of_the_posterior(model):
    found = model(TOKENS).numpy()
    assert found.shape == (3, 5, Z)
    for row, length in enumerate(LENGTHS):
        *_, latents = weigh(model, TOKENS[row, :length], np.zeros((5, Z)))
        np.testing.assert_allclose(found[row, :length], latents, rtol=1e-4, atol=1e-5)
        assert np.all(found[row, length:] == 0)


def test_resampled_particles_take_their_state_along(model):
    """One particle that is chosen for all: its twins go on from its state, each with its noise."""
    normals = np.random.default_rng(4).normal(size=(5, PARTICLES, 1, Z))
    tokens = TOKENS[:1]
    # Before the second token, all points lie in the share of the first particle.
    uniforms = tf.fill([5, PARTICLES, 1], 1e-6)
    steps = model.steps(tf.constant(tokens))
    noise = noise_of(tf.constant(normals, tf.float32), uniforms)
    found = ParticleFilter(PARTICLES, "multinomial", 1.0).run(steps, noise)
    estimate = 0.0
    for t in range(5):
        increments = []
        for n in range(PARTICLES):  # Noise of the first particle up to here, then its own.
            line = np.concatenate([normals[:t, 0, 0], normals[t : t + 1, n, 0]])
            whole = weigh(model, tokens[0, : t + 1], line)
            before = weigh(model, tokens[0, :t], line)
            increments.append(whole[0] - whole[1] - before[0] + before[1])
        estimate += np.log(np.mean(np.exp(increments)))
    np.testing.assert_allclose(found.value[0], estimate, rtol=1e-4)


DECODERS = {
    "lstm": lambda: networks.LSTMDecoder(
        V, 4, conditioning_units=Z, embedding_units=3, num_layers=2, tie_embeddings=True
    ),
    "skip": lambda: networks.GRUDecoder(
        V, 4, conditioning_units=Z, embedding_units=3, skip_connections=True
    ),
    "transformer": lambda: networks.TransformerDecoder(
        V, 4, conditioning_units=Z, embedding_units=4, num_layers=1, num_heads=2
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_padding_and_the_rest_of_the_batch_change_no_number(name):
    encoder = networks.LSTMEncoder(
        V, 3, embedding_units=2, bidirectional=True, return_sequences=True
    )
    model = randomized(make(DECODERS[name](), encoder))
    normals = tf.random.stateless_normal([8, 4, 3, Z], (1, 2))
    uniforms = tf.random.stateless_uniform([8, 4, 3], (3, 4))

    def values(tokens, columns):
        noise = noise_of(tf.gather(normals, columns, axis=2), tf.gather(uniforms, columns, axis=2))
        return ParticleFilter(4).run(model.steps(tf.constant(tokens)), noise)

    whole = values(TOKENS, [0, 1, 2])
    padded = values(np.pad(TOKENS, [(0, 0), (0, 3)]), [0, 1, 2])
    alone = values(TOKENS[1:2, :3], [1])
    for field, other, one in zip(whole, padded, alone, strict=True):
        np.testing.assert_allclose(other, field, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(one[..., 0], field[..., 1], rtol=1e-5, atol=1e-5)
    z = model(TOKENS)
    np.testing.assert_allclose(model(np.pad(TOKENS, [(0, 0), (0, 3)]))[:, :5], z, atol=1e-5)
    np.testing.assert_allclose(model(TOKENS[1:2, :3])[0], z[1, :3], atol=1e-5)


@pytest.mark.slow
def test_strings_train_and_the_file_brings_all_back(tmp_path):
    words = [f"w{n}" for n in range(V - 4)]
    made = make(
        vocabulary=WordVocabulary(words, split_punctuation=False),
        prior=layers.MultivariateNormalDiag(Z, min_scale=0.01),
        posterior_network=networks.MLP([3]),
    )
    rows = [" ".join(f"w{t - 4}" for t in row[:-1] if t > 3) for row in rule_texts(48)]
    texts = tf.constant(rows)
    made.compile(keras.optimizers.Adam(0.03), FIVO(num_particles=2))
    data = tf.data.Dataset.from_tensor_slices(texts).batch(16).repeat(10)
    history = made.fit(data, epochs=2, verbose=0, shuffle=False).history
    assert history["bound"][-1] > history["bound"][0] + 1
    assert set(history) == {"loss", "bound", "reconstruction", "kl"}
    made.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    assert_same_weights(made, copy)
    assert repr(copy.objective) == repr(made.objective)
    np.testing.assert_allclose(copy(texts[:5]), made(texts[:5]), rtol=1e-5)


def test_half_precision_gives_float32_bounds():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = randomized(make(encoder=networks.GRUEncoder(V, 3, return_sequences=True)))
    bound = model.bound(TOKENS, seed=(1, 2))
    keras.mixed_precision.set_global_policy("float32")
    assert {field.dtype for field in bound} == {tf.float32}
    assert np.all(np.isfinite(bound.loss))


def test_rows_that_no_text_is_are_impossible(model):
    rows = np.array([[3, 5, 2, 0], [3, 0, 4, 0], [3, 2, 4, 0], [0, 0, 0, 0]])
    value = model.bound(rows, seed=(1, 2)).value.numpy()
    assert np.isfinite(value).tolist() == [True, False, False, True]
    assert value[3] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_units": None}, "give `latent_units` or a `posterior`; received none"),
        (
            {"latent_units": 3},
            r"shape \(3,\) of the posterior's events; received \(2,\) of the dec",
        ),
        ({"prior": layers.MultivariateNormalDiag(4)}, r"events; received \(4,\) of the prior"),
        (
            {"decoder": networks.GRUDecoder(V, 3, conditioning_units=Z, word_dropout=0.1)},
            "`word_dropout` and `memory_units` must be 0; received 0.0, 0.1 and 0",
        ),
        ({"vocabulary": WordVocabulary(["a"])}, "the vocabulary has 5 tokens, the decoder 7"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_a_bound_can_be_asked_of_a_model_that_nobody_has_built():
    new = make()
    bound = new.bound(np.array([[5, 3, 2]]), seed=(1, 2))
    assert new.built
    assert np.isfinite(bound.value).all()


def test_an_encoder_of_one_vector_is_refused():
    with pytest.raises(ValueError, match=r"`encoder` must give features \[B, T, D\].*\(None, 6\)"):
        make(encoder=networks.LSTMEncoder(V, 6)).build((None, None))
