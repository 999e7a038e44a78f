"""The objectives of images train the text VAE and the classifier M2 as well."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from tests.models import toys
from tests.models.m2_networks import network_outputs, weights_of
from tests.models.text_vae_oracle import TEXTS, randomize
from tests.models.texts import RULE, make_vae, rule_texts
from tests.references.densities import softmax, softplus, tokens_log_prob
from tests.references.networks import dense
from tests.references.recurrent_text import lstm_log_prob
from tests.references.recurrent_text import weights_of as weights_of_decoder
from tfp_dgm import layers
from tfp_dgm.models import M2
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ELBO,
    CombinationImportanceWeighted,
    DoublyReparameterized,
    ExactMarginal,
    ImportanceWeighted,
    MultiplyImportanceWeighted,
    Objective,
    PartiallyImportanceWeighted,
    Renyi,
    ReweightedWakeSleep,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    SelfCritical,
    StickingTheLanding,
    WakeSleep,
)
from tfp_dgm.text import BucketedBatches

DREG = DoublyReparameterized()


def name_of(part):
    return repr(part) if isinstance(part, Objective) else part.__name__


def mean(log_weights):
    return log_weights.mean(axis=0)


def iw(log_weights):
    return logsumexp(log_weights, axis=0) - np.log(len(log_weights))


@functools.cache
def text_vae_by_hand():
    """A text VAE; log p(x | z) and log q - log p of its draws, [S, B], by NumPy; the former where
    the bias of each word is 1e-5 higher, and lower, [V, S, B]."""
    model = randomize(make_vae())
    q = model.posterior(TEXTS)
    z, loc, scale = (array.numpy() for array in (q.sample(4, seed=(3, 4)), q.mean(), q.stddev()))

    def log_px(word=0, change=0.0):
        weights = weights_of_decoder(model.decoder)
        weights["output_bias"][word] += change
        texts = [[token for token in row if token] for row in TEXTS]
        return np.array(
            [[lstm_log_prob(weights, z[s, b], texts[b]) for b in range(3)] for s in range(4)]
        )

    log_ratio = norm.logpdf(z, loc, scale).sum(axis=-1) - norm.logpdf(z).sum(axis=-1)
    words = range(model.decoder.vocabulary_size)
    return model, log_px(), log_ratio, *([log_px(w, c) for w in words] for c in (1e-5, -1e-5))


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (ELBO(num_samples=4, analytic_kl=False, gradient=StickingTheLanding()), mean),
        (ImportanceWeighted(num_samples=4), iw),
        (ImportanceWeighted(num_samples=4, gradient=DREG), iw),
        (
            MultiplyImportanceWeighted(num_bounds=2, num_samples=2),
            lambda w: (iw(w[:2]) + iw(w[2:])) / 2,
        ),
        (PartiallyImportanceWeighted(num_bounds=2, num_samples=2), iw),
        (
            CombinationImportanceWeighted(num_samples=4, beta=0.3),
            lambda w: 0.3 * mean(w) + 0.7 * iw(w),
        ),
        (Renyi(num_samples=4, alpha=0.5), lambda w: iw(0.5 * w) / 0.5),
        (ScoreFunctionELBO(num_samples=4), mean),
        (ScoreFunctionELBO(num_samples=4, control_variates=[SelfCritical()]), mean),
        (ScoreFunctionImportanceWeighted(num_samples=4), iw),
        (ReweightedWakeSleep(num_samples=4, sleep=0.5), iw),
        (WakeSleep(num_samples=4), mean),
    ],
    ids=name_of,
)
def test_text_vae_gives_the_value_of_each_and_a_gradient_to_every_weight(objective, value):
    """The value of given draws, and its derivatives in the biases of the words, in NumPy."""
    model, log_px, log_ratio, higher, lower = text_vae_by_hand()
    with tf.GradientTape() as tape:
        bound = model.bound(TEXTS, objective=objective, seed=(3, 4), training=True)
        loss = tf.reduce_sum(bound.loss)
    np.testing.assert_allclose(bound.log_weights, log_px - log_ratio, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(bound.value, value(log_px - log_ratio), rtol=1e-3, atol=1e-3)
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    (of_bias,) = [
        g for w, g in zip(weights, gradients, strict=True) if w is model.decoder.output_bias
    ]
    expected = [
        (value(above - log_ratio) - value(below - log_ratio)).sum() / 2e-5
        for above, below in zip(higher, lower, strict=True)
    ]
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(-of_bias, expected, rtol=1e-3, atol=1e-3)
    for weight, gradient in zip(weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 1e-6, weight.path


@pytest.mark.slow
def test_text_vae_learns_the_rule_of_its_texts_by_score_functions_alone():
    """The gradient that it climbs is NumPy's in the quicker test of the value of each."""
    model = make_vae(units=16)
    model.compile(keras.optimizers.Adam(0.05), ScoreFunctionELBO(num_samples=4))
    model.fit(BucketedBatches(rule_texts(320), 32, seed=1), epochs=5, shuffle=False, verbose=0)
    held_out = model.evaluate(BucketedBatches(rule_texts(64, seed=9), 64), verbose=0)
    # The entropy of a text is log 2 for each of its three words.
    assert -held_out[0] > -3 * np.log(2) - 0.5
    draws = model.decode(model.prior(None).sample(100, seed=(1, 1))).sample(seed=(2, 2)).numpy()
    assert np.mean([RULE(row) for row in draws]) > 0.85


X = toys.counts(1)[0]
COPIES, ROUNDS = 500, 40


def bounds_of_classes(model, of_draws):
    """The bound of X on log p(x | y) of each class, by Gauss-Hermite quadrature over the style.

    `of_draws` maps log-weights [N] of the nodes and their weights [N] to the expected bound.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(24)
    noise = np.array(list(itertools.product(points, points)))  # [N, Z]
    weights = np.outer(weights, weights).ravel() / weights.sum() ** 2
    features = dense(X[0], weights_of(model.encoder), np.tanh)
    (first, first_bias), (last, last_bias) = map(weights_of, (model.decoder, model.likelihood))
    found = []
    for one_hot in np.eye(toys.CLASSES):
        joint = dense([*features, *one_hot], weights_of(model.posterior_network), np.tanh)
        parameters = dense(joint, weights_of(model.posterior_layer))
        scale = np.array([softplus(rho) for rho in parameters[2:]])
        z = parameters[:2] + scale * noise
        hidden = np.tanh(np.concatenate([z, np.tile(one_hot, (len(z), 1))], 1) @ first + first_bias)
        log_px = log_softmax(hidden @ last + last_bias, axis=1) @ X[0]
        log_q = norm.logpdf(z, parameters[:2], scale).sum(1)
        found.append(of_draws(log_px + norm.logpdf(z).sum(1) - log_q, weights))
    return np.array(found)


def of_one_draw(log_weights, weights):
    return weights @ log_weights


def of_two_draws(log_weights, weights):
    pairs = np.logaddexp(log_weights[:, None], log_weights[None]) - np.log(2)
    return weights @ pairs @ weights


def class_terms(model):
    """log q(y | x) and log p(y), [K] each."""
    hidden = dense(X[0], weights_of(model.classifier), np.tanh)
    logits = dense(hidden, weights_of(model.class_posterior_layer))
    return log_softmax(logits), log_softmax(model.class_prior_layer.logits.numpy())


def enumerated_bound(model, of_draws):
    log_q, log_p = class_terms(model)
    return np.exp(log_q) @ (bounds_of_classes(model, of_draws) + log_p - log_q)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "of_draws"),
    [
        pytest.param(ImportanceWeighted(num_samples=2), of_two_draws, marks=pytest.mark.slow),
        (ImportanceWeighted(num_samples=2, gradient=DREG), of_two_draws),
        (ScoreFunctionELBO(num_samples=3), of_one_draw),
    ],
    ids=name_of,
)
def test_classifier_sums_the_class_out_of_each_of_the_style(objective, of_draws):
    """The bound and 11 derivatives, each mean of 40 rounds of 500 within 5 standard errors.

    With 36 numbers together, one seed in 2,000 fails by chance; the seed is fixed.
    """
    model = toys.randomized(toys.m2())
    parts = (model.posterior_layer.projection, model.class_posterior_layer.projection)
    biases = [*(part.bias for part in parts), model.decoder.weights[1]]
    rows = np.tile(X, (COPIES, 1))

    @tf.function
    def estimate(seed):
        with tf.GradientTape() as tape:
            bound = model.bound(rows, objective=objective, seed=seed, training=True)
            gain = -tf.reduce_mean(bound.loss)
        gradients = tape.gradient(gain, [bias.value for bias in biases])
        return tf.concat([[tf.reduce_mean(bound.value)], *gradients], axis=0)

    rounds = np.array([estimate(tf.constant([7, n])).numpy() for n in range(ROUNDS)], np.float64)
    expected = [enumerated_bound(model, of_draws)]
    for bias in biases:
        start = bias.numpy()
        for unit, value in enumerate(start):
            sides = []
            for move in (1e-3, -1e-3):
                bias.assign(np.where(np.arange(len(start)) == unit, value + move, start))
                sides.append((enumerated_bound(model, of_draws), float(bias[unit])))
            bias.assign(start)
            (high, above), (low, below) = sides
            expected.append((high - low) / (above - below))
    errors = rounds.std(axis=0, ddof=1) / np.sqrt(ROUNDS)
    np.testing.assert_array_less(np.abs(rounds.mean(axis=0) - expected), 5 * errors + 1e-3)


def test_classifier_sums_the_class_out_by_each():
    """4,000 draws, the mean within 5 standard errors: fails once in 10^6. The marginal is exact."""
    copies = np.tile(X, (4_000, 1))

    def value(objective):
        model = toys.quiet(toys.m2(class_objective=objective))
        return model, model.bound(copies, seed=(4, 9)).value.numpy().astype(np.float64)

    model, exact = value(ExactMarginal())
    outputs = network_outputs(model, X[0])
    log_q, log_p = class_terms(model)
    given = []
    for k in range(toys.CLASSES):
        loc, scale = outputs.loc[k], np.asarray(outputs.scale[k])
        kl = 0.5 * np.sum(loc**2 + scale**2 - 1 - 2 * np.log(scale))
        given.append(tokens_log_prob(outputs.word_logits[k], X[0]) - kl)
    log_joint = np.array(given) + log_p
    np.testing.assert_allclose(exact, logsumexp(log_joint), rtol=1e-5)
    _, drawn = value(ScoreFunctionImportanceWeighted(num_samples=2))
    weights = log_joint - log_q
    pairs = np.logaddexp(weights[:, None], weights[None]) - np.log(2)
    expected = softmax(log_q) @ pairs @ softmax(log_q)
    assert drawn.std() > 0.1
    assert abs(drawn.mean() - expected) < 5 * drawn.std() / np.sqrt(len(drawn))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "classes"),
    [
        pytest.param(
            ImportanceWeighted(num_samples=4, gradient=DREG),
            ScoreFunctionELBO(num_samples=3),
            marks=pytest.mark.slow,
        ),
        (ScoreFunctionELBO(num_samples=4), ScoreFunctionImportanceWeighted(num_samples=3)),
    ],
    ids=repr,
)
def test_classifier_finds_the_classes_from_a_label_each_by(style, classes):
    x, kinds = toys.counts(60)
    targets = np.where(np.arange(60) < 3, kinds, -1)
    model = M2(
        *(3, MLP([8]), None, layers.BagOfWords(toys.WORDS)),
        latent_units=1,
        class_objective=classes,
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.03), style)
    data = tf.data.Dataset.from_tensors((x, targets)).repeat(120)
    model.fit(data, verbose=0, shuffle=False)
    assert np.mean(model.predict(x, verbose=0).argmax(1) == kinds) > 0.85
