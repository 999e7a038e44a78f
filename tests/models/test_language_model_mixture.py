"""The mixture of language models beside NumPy: one text, one cluster and one token at a time."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp, softmax

from tests.models.texts import V, make_mixture
from tests.references.recurrent_text import lstm_log_prob, weights_of
from tests.saving import assert_comes_back
from tfp_dgm import layers, networks, objectives
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

# The last is the beginning of a longer text.
TEXTS = np.array([[4, 5, 6, 2, 0], [3, 2, 0, 0, 0], [6, 6, 4, 5, 3]], np.int32)
WORDS = ["goal", "oven", "team"]
both_kinds = pytest.mark.parametrize("embedding", [0, 2])
recognition = pytest.fixture(
    lambda: layers.ExpertRecognition(networks.BagOfWordsEncoder(V, 8, embedding_units=2), 3)
)


def randomized(model, scale=0.7):
    model.build()
    random = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def log_joint(model, texts):
    """log p(x, c), [N, K], in float64."""
    log_shares = log_softmax(np.asarray(model.prior_layer.logits, np.float64))
    found = np.zeros((len(texts), len(log_shares)))
    for c in range(len(log_shares)):
        weights = weights_of(model.likelihood.decoder)
        weights["output_bias"] += np.asarray(model.likelihood.cluster_bias, np.float64)[c]
        z = None
        if model.likelihood.decoder.conditioning_units:
            z = np.asarray(model.likelihood.embedding, np.float64)[c]
        for row, text in enumerate(texts):
            tokens = [token for token in text if token]
            found[row, c] = log_shares[c] + lstm_log_prob(weights, z, tokens)
    return found


@both_kinds
def test_probabilities_are_those_of_numpy(embedding):
    model = randomized(make_mixture(embedding=embedding))
    expected = log_joint(model, TEXTS)
    assert np.ptp(expected, axis=1).min() > 0.1
    np.testing.assert_allclose(model.log_joint(TEXTS), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.log_prob(TEXTS), logsumexp(expected, axis=1), rtol=1e-5)
    np.testing.assert_allclose(model.predict(TEXTS, verbose=0), softmax(expected, 1), atol=1e-5)
    log_px = model.texts(tf.constant([2, 0, 1])).log_prob(TEXTS)  # Another cluster for each text.
    log_shares = log_softmax(np.asarray(model.prior_layer.logits, np.float64))
    chosen = expected[[0, 1, 2], [2, 0, 1]] - log_shares[[2, 0, 1]]
    np.testing.assert_allclose(log_px, chosen, rtol=1e-5)


@both_kinds
def test_texts_of_one_length_sum_to_one(embedding):
    model = randomized(make_mixture(embedding=embedding))
    words = [2, 3, 4, 5, 6]
    texts = [(2, 0), *(pair for pair in itertools.product(words, words) if pair[0] != 2)]
    np.testing.assert_allclose(logsumexp(model.log_prob(np.int32(texts))), 0, atol=1e-5)
    impossible = np.int32([[2, 4], [0, 4], [4, 5]])
    assert np.isneginf(model.log_prob(impossible)).tolist() == [True, True, False]


@pytest.mark.usefixtures("eager")
@both_kinds
def test_a_step_of_em_is_a_step_of_gradient_ascent(embedding):
    """Salakhutdinov, Roweis and Ghahramani (2003): with q from Bayes' rule, both are the same."""
    model = randomized(make_mixture(embedding=embedding))

    def value_and_gradients(objective):
        with tf.GradientTape() as tape:
            bound = model.bound(TEXTS, objective=objective, training=True)
            loss = tf.reduce_sum(bound.loss)
        weights = [weight.value for weight in model.trainable_weights]
        return bound.value, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    value, gradients = value_and_gradients(objectives.ExactMarginal())
    np.testing.assert_allclose(value, logsumexp(log_joint(model, TEXTS), axis=1), rtol=1e-5)
    by_em, gradients_by_em = value_and_gradients(objectives.EnumeratedELBO())
    np.testing.assert_allclose(by_em, value, rtol=1e-5)
    for one, other in zip(gradients, gradients_by_em, strict=True):
        assert np.abs(one).max() > 1e-3
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_gradients_are_finite_differences_of_the_oracle():
    model = randomized(make_mixture())
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model.bound(TEXTS).value)
    bias = model.likelihood.cluster_bias
    gradient = tf.convert_to_tensor(tape.gradient(total, bias.value)).numpy()
    values, step = bias.numpy(), 1e-3
    for place in [(0, 4), (1, 2), (2, 6)]:
        sides = []
        for sign in (1, -1):
            changed = values.copy()
            changed[place] += sign * step
            bias.assign(changed)
            sides.append(logsumexp(log_joint(model, TEXTS), axis=1).sum())
        np.testing.assert_allclose(gradient[place], (sides[0] - sides[1]) / (2 * step), rtol=1e-2)


@pytest.mark.usefixtures("eager")
def test_a_network_for_a_posterior_gives_the_elbo(recognition):
    model = randomized(make_mixture(cluster_posterior=recognition))
    log_q = np.log(model.posterior(TEXTS).probs_parameter().numpy().astype(np.float64))
    joint = log_joint(model, TEXTS)
    elbo = (np.exp(log_q) * (joint - log_q)).sum(axis=1)
    assert (logsumexp(joint, axis=1) - elbo).sum() > 0.1
    exact = model.bound(TEXTS, objective=objectives.EnumeratedELBO())
    np.testing.assert_allclose(exact.value, elbo, rtol=1e-5)
    # 2,000 draws within 5 standard errors of the sum over all clusters.
    drawn = model.bound(
        TEXTS, objective=objectives.ScoreFunctionELBO(num_samples=2_000), seed=tf.constant([1, 2])
    )
    terms = joint - log_q
    spread = np.sqrt((np.exp(log_q) * (terms - elbo[:, np.newaxis]) ** 2).sum(axis=1))
    assert (np.abs(drawn.value - elbo) < 5 * spread / np.sqrt(2_000)).all()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "objective",
    [objectives.ScoreFunctionELBO(num_samples=2), objectives.ReweightedWakeSleep(num_samples=3)],
    ids=lambda objective: type(objective).__name__,
)
def test_estimators_train_model_and_recognition(objective, recognition):
    model = randomized(make_mixture(cluster_posterior=recognition))
    before = [weight.numpy() for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), objective)
    history = model.fit(TEXTS, epochs=1, verbose=0).history
    assert 0 <= history["usage_entropy"][0] <= np.log(3) + 1e-5
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.abs(np.subtract(weight, value)).max() > 0, weight.path


@pytest.mark.usefixtures("eager")
def test_relaxed_clusters_mix_biases_and_embeddings():
    recognition = layers.ExpertRecognition(
        networks.BagOfWordsEncoder(V, 3, embedding_units=2), 3, one_hot=True
    )
    model = randomized(make_mixture(embedding=2, cluster_posterior=recognition))
    model.compile(keras.optimizers.SGD(0.1), objectives.GumbelSoftmaxELBO(temperature=0.7))
    assert np.isfinite(model.fit(TEXTS, verbose=0).history["loss"]).all()
    one_hot = tf.constant(np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(
        model.texts(one_hot).log_prob(TEXTS), model.texts(tf.range(3)).log_prob(TEXTS), rtol=1e-6
    )


def test_it_starts_as_the_naive_bayes_mixture_of_given_clusters():
    model = randomized(make_mixture())
    learned = np.array([[4, 5, 6, 2, 0], [6, 6, 4, 5, 2]], np.int32)  # None has a 3.
    memberships = np.array([[0.7, 0.2, 0.1], [0.0, 0.4, 0.6]])
    model.likelihood.decoder.output_weights.assign(np.zeros((V, 5)))
    model.start_clusters(learned, memberships, pseudo_count=0.25)
    written = [2, 3, 4, 5, 6]

    def counts(texts):
        return np.array([[np.sum(row == v) for v in written] for row in texts], float)

    words = counts(learned).sum(axis=0) + 0.25
    words /= words.sum()
    by_cluster = memberships.T @ counts(learned) + 0.25 * V * words
    by_cluster /= by_cluster.sum(axis=1, keepdims=True)
    shares = (memberships.sum(axis=0) + 1) / (memberships.sum() + 3)
    joint = np.log(shares) + counts(TEXTS) @ np.log(by_cluster).T
    np.testing.assert_allclose(model.log_joint(TEXTS), joint, rtol=1e-5)
    np.testing.assert_allclose(model.shares, shares, rtol=1e-5)


def two_kinds(count):
    """Texts of two words of one of two kinds, in any order, and which kind."""
    random = np.random.default_rng(2)
    kinds = random.integers(2, size=count)
    words = 3 + 2 * kinds[:, np.newaxis] + random.integers(2, size=(count, 4))
    return np.concatenate([words, np.full((count, 1), 2)], axis=1).astype(np.int32), kinds


@pytest.mark.slow
def test_clusters_that_start_alike_stay_alike_and_started_ones_do_not():
    """Without a start, every cluster gets the same gradient: one language model in K copies."""
    texts, kinds = two_kinds(64)
    model = make_mixture(num_clusters=2)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(texts, epochs=4, batch_size=16, verbose=0)
    np.testing.assert_allclose(model.predict(texts, verbose=0), 0.5, atol=1e-3)
    # One text in five starts in the wrong cluster.
    started = np.where(np.arange(64) % 5 == 0, 1 - kinds, kinds)
    model = make_mixture(num_clusters=2)
    model.start_clusters(texts, np.eye(2)[started])
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit(texts, epochs=4, batch_size=16, verbose=0).history
    assert history["bound"][-1] > history["bound"][0]
    np.testing.assert_array_equal(model.predict(texts, verbose=0).argmax(axis=1), kinds)
    assert model.evaluate(texts, verbose=0, return_dict=True)["usage_entropy"] > 0.65


@pytest.mark.usefixtures("eager")
def test_a_text_has_the_same_loss_in_any_batch():
    model = randomized(make_mixture())
    together, _ = model.losses_per_example(TEXTS, None, training=False)
    alone, _ = model.losses_per_example(TEXTS[1:2, :2], None, training=False)
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-5)


@pytest.mark.slow
@both_kinds
def test_comes_back_from_a_file_and_trains_on(tmp_path, embedding):
    assert_comes_back(make_mixture(embedding=embedding), (TEXTS,), tmp_path)


def test_it_is_served_with_strings():
    model = randomized(make_mixture(vocabulary=WordVocabulary(WORDS)))
    signatures = signatures_of(model)
    texts = ["goal team", "oven", ""]
    answer = signatures["cluster"].plain()(tf.constant(texts))
    rows = [[4, 6, 2], [5, 2], [2]]
    expected = log_joint(model, rows)
    np.testing.assert_allclose(answer["probabilities"], softmax(expected, axis=1), atol=1e-5)
    np.testing.assert_array_equal(answer["cluster"], expected.argmax(axis=1))
    log_px = logsumexp(expected, axis=1)
    np.testing.assert_allclose(answer["log_likelihood"], log_px, rtol=1e-5)
    np.testing.assert_allclose(answer["perplexity"], np.exp(-log_px / [3, 2, 1]), rtol=1e-5)
    generate = signatures["generate"].plain()
    seeds = tf.constant([[7, row] for row in range(200)])
    drawn = generate(seeds, tf.ones(200), tf.fill([200], 1))
    log_shares = log_softmax(np.asarray(model.prior_layer.logits, np.float64))
    ids = {word: number for number, word in enumerate(["<unk>", *WORDS], 3)}
    for text, log_prob in list(zip(*(drawn[k].numpy() for k in drawn), strict=True))[:20]:
        tokens = [ids[word] for word in text.decode().split()]
        tokens += [2] * (len(tokens) < model.max_length)
        by_hand = log_joint(model, [tokens])[0, 1] - log_shares[1]
        np.testing.assert_allclose(log_prob, by_hand, rtol=1e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"cluster: expected .* below 3"):
        generate(seeds[:1], tf.ones(1), tf.constant([3]))


def test_what_it_refuses_is_named():
    model = make_mixture()
    with pytest.raises(ValueError, match=r"`memberships` must be \[3, 3\]; received \[3, 2\]"):
        model.start_clusters(TEXTS, np.ones((3, 2)))
    with pytest.raises(ValueError, match="`cluster_posterior` is over 2 clusters; expected 3"):
        make_mixture(cluster_posterior=layers.Responsibilities(2))
    with pytest.raises(ValueError, match="must have no memory; received memory_units=2"):
        layers.ClusterTexts(networks.LSTMDecoder(V, 3, memory_units=2), 2, max_length=5)
    with pytest.raises(ValueError, match="expected a LanguageModelMixture with a vocabulary"):
        signatures_of(model)
