"""The text VAE of codes: its bound by hand, its rate by enumeration, its codebook, its file."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.models.text_vae_oracle import TEXTS, numpy_log_prob, randomize
from tests.models.texts import V, make_quantized, rule_texts
from tests.references.networks import dense
from tests.references.recurrent_text import encoder_weights_of, lstm_features
from tests.references.vector_quantization import (
    all_codes,
    averaged,
    mixture_posterior,
    nearest,
    neural_autoregressive_log_prob,
)
from tests.saving import assert_comes_back
from tfp_dgm import inference, layers, models, networks, objectives
from tfp_dgm.text import WordVocabulary
from tfp_dgm.training import ResumeTraining

CODES, VALUES, UNITS = 2, 4, 2  # M, K, D
RULE_TEXTS = np.stack(rule_texts(12)).astype(np.int32)


def quantized(prior=None, values=VALUES, **kwargs):
    """A model with random weights and a codebook about its vectors."""
    model = randomize(make_quantized(CODES, values, prior=prior, **kwargs))
    random = np.random.default_rng(3)
    model.posterior_layer.codebook.assign(random.normal(scale=0.4, size=(values, UNITS)))
    return model


def numpy_vectors(model, row):
    """y [M, D] of one text, by loops."""
    features = lstm_features(encoder_weights_of(model.encoder), [token for token in row if token])
    found = dense(features, model.posterior_layer.projection.weights)
    return np.reshape(found, (CODES, UNITS))


def codebook_of(model):
    return model.posterior_layer.codebook.numpy().astype(np.float64)


def test_bound_by_hand():
    model = quantized()
    bound, codebook = model.bound(TEXTS, seed=(1, 2)), codebook_of(model)
    for b, row in enumerate(TEXTS):
        y = numpy_vectors(model, row)
        chosen = codebook[[nearest(one, codebook) for one in y]]
        log_px = numpy_log_prob(model, chosen.ravel(), row)
        np.testing.assert_allclose(bound.reconstruction[b], log_px, rtol=2e-5)
        np.testing.assert_allclose(bound.kl[b], CODES * np.log(VALUES), rtol=1e-5)
        paid = 0.25 * np.sum((y - chosen) ** 2)
        np.testing.assert_allclose(bound.loss[b] + bound.value[b], paid, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(model(TEXTS)[b], chosen.ravel(), rtol=1e-6)


def autoregressive():
    return layers.NeuralAutoregressivePrior(CODES, VALUES, hidden_units=3)


@pytest.mark.parametrize("temperature", [None, 0.4])
def test_rate_under_a_learned_prior_is_that_of_all_codes(temperature):
    """KL(q || p) over the 16 values of both codes; of soft ones 20,000 draws, 5 standard errors."""
    model = quantized(autoregressive(), temperature=temperature)
    samples = 1 if temperature is None else 20_000
    objective = objectives.VectorQuantizedELBO(num_samples=samples)
    joint = model.joint(TEXTS)  # The divergence is estimated: there is no closed form.
    kl = objective(joint.replaced(straight_through=lambda z: tf.zeros(z.shape[:2])), seed=(3, 4)).kl
    weights = [weight.numpy().astype(np.float64) for weight in model.prior_layer.weights]
    log_p = np.array(
        [neural_autoregressive_log_prob(weights, codes) for codes in all_codes(CODES, VALUES)]
    )
    np.testing.assert_allclose(logsumexp(log_p), 0, atol=1e-12)
    for b, row in enumerate(TEXTS):
        y, codebook = numpy_vectors(model, row), codebook_of(model)
        if temperature is None:
            places = [nearest(one, codebook) for one in y]
            expected, error = -log_p[all_codes(CODES, VALUES).index(tuple(places))], 1e-4
        else:
            each = [mixture_posterior(one, codebook, temperature) for one in y]
            q = np.outer(*each).ravel()
            ratio = np.log(q) - log_p
            expected = q @ ratio
            error = 5 * np.sqrt((q @ ratio**2 - expected**2) / samples) + 1e-4
        assert abs(kl[b] - expected) < error


def test_of_one_value_nothing_is_encoded():
    model = quantized(values=1)
    bound = model.bound(TEXTS, seed=(1, 2))
    np.testing.assert_allclose(bound.kl, 0, atol=1e-6)
    assert len(np.unique(model(TEXTS), axis=0)) == 1
    v = np.tile(codebook_of(model)[0], CODES)
    expected = [numpy_log_prob(model, v, row) for row in TEXTS]
    np.testing.assert_allclose(bound.value, expected, rtol=2e-5)


def test_padding_and_batching_change_nothing():
    model = quantized(temperature=0.5)
    padded = np.pad(TEXTS, [[0, 0], [0, 3]])
    codes = tf.one_hot([[[0, 1]], [[3, 2]]], VALUES)  # [S, 1, M, K]
    together = model.log_likelihood(tf.tile(codes, [1, 3, 1, 1]), padded)
    for b, row in enumerate(TEXTS):
        alone = row[np.newaxis][:, row > 0]
        np.testing.assert_allclose(
            model.log_likelihood(codes, alone)[:, 0], together[:, b], rtol=1e-5
        )
        np.testing.assert_allclose(
            model.posterior(padded).mean()[b], model.posterior(alone).mean()[0], rtol=1e-4
        )


def test_a_step_updates_the_codebook_by_its_own_batch_and_no_evaluation_does():
    """To counts and means of k-means; the gradient step leaves it alone."""
    model = quantized(decay=0.8, restart_below=0.0)
    before = codebook_of(model)
    # A text without a word, such as the last, is not counted.
    ys = np.concatenate([numpy_vectors(model, row) for row in TEXTS[:2]])
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    model.evaluate(TEXTS, verbose=0)
    np.testing.assert_array_equal(codebook_of(model), before)
    model.train_on_batch(TEXTS)
    shares = np.eye(VALUES)[[nearest(y, before) for y in ys]]
    zeros = np.zeros(VALUES), np.zeros((VALUES, UNITS))
    counts, _, codebook = averaged(*zeros, ys, shares, 0.8)
    np.testing.assert_allclose(model.posterior_layer.counts, counts, rtol=1e-5)
    expected = [old if new is None else new for old, new in zip(before, codebook, strict=True)]
    np.testing.assert_allclose(codebook_of(model), expected, rtol=1e-4, atol=1e-5)


def test_usage_perplexity_is_of_the_codes_of_an_epoch(eager):
    model = quantized()
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.evaluate(RULE_TEXTS, batch_size=5, verbose=0, return_dict=True)
    codebook = codebook_of(model)
    places = [nearest(y, codebook) for row in RULE_TEXTS for y in numpy_vectors(model, row)]
    shares = np.bincount(places, minlength=VALUES) / len(places)
    used = shares[shares > 0]
    assert len(used) > 1
    np.testing.assert_allclose(
        logs["usage_perplexity"], np.exp(-(used * np.log(used)).sum()), rtol=1e-5
    )


@pytest.mark.slow
def test_training_tells_texts_apart_by_their_codes():
    """Six texts that a decoder which reads no tokens can only write by their codes."""
    rows = np.unique(RULE_TEXTS, axis=0)
    encoder = networks.LSTMEncoder(V, 16, embedding_units=8)
    decoder = networks.InputlessDecoder(V, 16, conditioning_units=8, embedding_units=4)
    posterior = layers.VectorQuantizer((2, 8), 4, decay=0.9, restart_below=0.05)
    prior = layers.NeuralAutoregressivePrior(2, 8, hidden_units=8)
    model = models.QuantizedTextVAE(
        encoder, decoder, posterior=posterior, prior=prior, max_length=4, seed=1
    )
    keras.utils.set_random_seed(1)
    model.compile(keras.optimizers.Adam(0.02))
    data = tf.data.Dataset.from_tensors(tf.constant(rows)).repeat(400)
    model.fit(data, verbose=0, shuffle=False)
    bound = model.bound(rows, seed=(1, 2))
    assert len(np.unique(model(rows).numpy().round(4), axis=0)) == len(rows)
    assert np.mean(bound.reconstruction) > -0.1
    # The prior knows the few pairs of codes that there are: log 6 = 1.8 nats, and not 2 log 8.
    assert np.mean(bound.kl) < np.log(len(rows)) + 0.2
    texts = inference.greedy(model.decode(model.likeliest_codes(rows)))
    np.testing.assert_array_equal(texts, rows)


def test_the_prior_can_be_fitted_to_the_codes_alone():
    """To the entropy of the codes, which is the least that any prior can cost."""
    model = quantized(autoregressive())
    ys = [numpy_vectors(model, row) for row in np.unique(RULE_TEXTS, axis=0)[[0, -1]]]
    model.posterior_layer.codebook.assign(np.concatenate(ys))
    codes = model.likeliest_codes(RULE_TEXTS).numpy()
    weights = [weight.numpy() for weight in model.weights]
    judge = models.ExactLikelihoodModel(model.prior_layer)
    judge.compile(keras.optimizers.Adam(0.05))
    judge.fit(tf.data.Dataset.from_tensors(codes).repeat(150), verbose=0, shuffle=False)
    pairs, counts = np.unique(codes.argmax(-1), axis=0, return_counts=True)
    assert len(pairs) > 1
    shares = counts / counts.sum()
    entropy = -(shares * np.log(shares)).sum()
    rate = np.mean(model.bound(RULE_TEXTS, seed=(1, 2)).kl)
    assert entropy - 1e-3 < rate < entropy + 0.05
    own = {id(weight) for weight in model.prior_layer.weights}
    for weight, before in zip(model.weights, weights, strict=True):
        if id(weight) not in own:
            np.testing.assert_array_equal(weight, before, err_msg=weight.path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kwargs", "objective"),
    [
        ({"prior": autoregressive}, None),
        ({"temperature": 0.5, "em_samples": 3}, objectives.VectorQuantizedELBO(num_samples=2)),
        ({"temperature": 0.5, "decay": None}, objectives.GumbelSoftmaxELBO()),
        ({"decay": None, "codes": 1}, None),
    ],
    ids=["hard", "soft", "relaxed", "one code"],
)
def test_trains_and_comes_back(kwargs, objective, tmp_path):
    kwargs = {name: value() if callable(value) else value for name, value in kwargs.items()}
    model = make_quantized(**kwargs)
    assert_comes_back(model, (RULE_TEXTS,), tmp_path, objective)


def test_trains_every_weight():
    """One step, in which a weight without a gradient is an error, or a count that does not move."""
    model = randomize(make_quantized(decay=0.9, prior=autoregressive()))
    model.posterior_layer.codebook.assign(np.eye(4, 2))
    before = [weight.numpy() for weight in model.weights]
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    model.train_on_batch(RULE_TEXTS)
    for weight, start in zip(model.weights, before, strict=True):
        assert (weight.numpy() != start).any(), weight.path


@pytest.mark.slow
def test_resumed_equals_uninterrupted(eager, tmp_path):
    """Counts, sums and codebook too, and the rows that dead codes start from."""

    def train(folder, epochs):
        keras.utils.set_random_seed(4)
        model = make_quantized(decay=0.5, restart_below=0.5, prior=autoregressive())
        model.build((None, None))
        model.compile(keras.optimizers.Adam(0.05))
        resume = ResumeTraining(folder)
        model.fit(
            RULE_TEXTS,
            batch_size=6,
            epochs=epochs,
            initial_epoch=resume.epoch,
            callbacks=[resume],
            verbose=0,
            shuffle=False,
        )
        return model

    whole = train(tmp_path / "whole", 3)
    train(tmp_path / "parts", 1)
    resumed = train(tmp_path / "parts", 3)
    for weight, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(weight, other, err_msg=weight.path)


WORDS = WordVocabulary(["a", "b", "c"], lower=True)


def test_strings_are_read_written_and_drawn():
    model = quantized(autoregressive(), vocabulary=WORDS)
    assert model.vocabulary.size == V
    texts = np.array([b"a b", b"c"])
    ids = WORDS(tf.constant(texts))
    np.testing.assert_allclose(model(tf.constant(texts)), model(ids), rtol=1e-6)
    seeds = tf.constant([[1, k] for k in range(4)])
    codes = inference.latents_of_texts(model.prior(None), seeds)
    assert codes.shape == (4, CODES, VALUES)
    written = inference.sample_texts(model.decode(codes), seeds)
    assert written.shape == (4, 5)
    # From one text's codes to another's, by lines between the codes' vectors.
    start, stop = model.likeliest_codes(ids)
    way = inference.interpolate(model.prior(None), start, stop, 3)
    v = codebook_of(model)
    middle = (v[np.argmax(start, -1)] + v[np.argmax(stop, -1)]) / 2
    np.testing.assert_allclose(model.posterior_layer.embed(way)[1], middle, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda encoder, decoder: models.QuantizedTextVAE(
                encoder, decoder, posterior=layers.IndependentOneHotCategorical((2, 2))
            ),
            TypeError,
            "`posterior` must be a layers.VectorQuantizer; received <Independent",
        ),
        (
            lambda encoder, decoder: models.QuantizedTextVAE(
                encoder, decoder, posterior=layers.VectorQuantizer((2, 4), 3)
            ),
            ValueError,
            "`conditioning_units` must be M D.*6; received 4",
        ),
        (
            lambda encoder, decoder: models.QuantizedTextVAE(
                encoder,
                decoder,
                posterior=layers.VectorQuantizer((2, 4), 2),
                prior=keras.layers.Dense(2),
            ),
            TypeError,
            "`prior` must be a prior layer",
        ),
    ],
    ids=["posterior", "decoder", "prior"],
)
def test_parts_that_do_not_fit_are_refused_by_name(make, error, message):
    encoder = networks.LSTMEncoder(V, 3, embedding_units=2)
    decoder = networks.LSTMDecoder(V, 3, conditioning_units=4, embedding_units=2)
    with pytest.raises(error, match=f"QuantizedTextVAE: .*{message}"):
        make(encoder, decoder)


def test_a_prior_of_another_size_is_refused_by_name():
    model = quantized(layers.NeuralAutoregressivePrior(CODES, VALUES + 1))
    with pytest.raises(ValueError, match=r"`prior` must be over .*\(2, 4\).*\(2, 5\)"):
        model.bound(TEXTS, seed=(1, 2))


@pytest.mark.parametrize("decay", [0.9, None])
def test_hard_codes_are_trained_by_no_objective_that_leaves_the_encoder_alone(eager, decay):
    model = quantized(decay=decay)
    model.compile(keras.optimizers.SGD(0.1), objectives.ScoreFunctionELBO())
    message = "`objective` must be a VectorQuantizedELBO .* received ScoreFunctionELBO.*temperature"
    with pytest.raises(ValueError, match=f"QuantizedTextVAE: {message}"):
        model.train_on_batch(TEXTS)
    # What it says of a trained model is a bound like any other.
    assert np.isfinite(model.evaluate(TEXTS, verbose=0, return_dict=True)["bound"])
