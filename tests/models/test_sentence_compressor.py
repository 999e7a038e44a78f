"""Sentences as latents: bounds and gradients by enumeration of all of them, files, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.models.compressor_toys import (
    LENGTH,
    TEXTS,
    VOCABULARY,
    V,
    closed,
    compressor,
    every_compression,
    every_sentence,
    log_likelihood,
    log_posterior,
    log_prior,
    token_ids,
)
from tests.saving import assert_same_weights
from tfp_dgm import inference, models, networks, objectives


def terms_of(model, text, most=LENGTH - 1):
    """Of each compression: itself, log q, log p(c), log p(x | c)."""
    x = token_ids(text)
    every = every_compression(text, most)
    log_q = np.array([log_posterior(model, x, c, most) for c in every])
    log_pc = np.array([log_prior(model, c) for c in every])
    log_px = np.array([log_likelihood(model, x, c) for c in every])
    return every, log_q, log_pc, log_px


def test_the_bound_is_that_of_all_compressions_and_below_the_evidence():
    """4,000 draws, within 5 standard errors: fails once in 10^6."""
    model = compressor()
    bound = model.bound(
        TEXTS, objective=objectives.ScoreFunctionELBO(num_samples=4_000), seed=(1, 2)
    )
    for row, text in enumerate(TEXTS):
        every, log_q, log_pc, log_px = terms_of(model, text)
        assert len(every) > 1
        q, weights = np.exp(log_q), log_px + log_pc - log_q
        elbo = q @ weights
        error = np.sqrt(q @ (weights - elbo) ** 2 / 4_000)
        assert abs(bound.value[row] - elbo) < 5 * error + 1e-4
        np.testing.assert_allclose(bound.kl[row], q @ (log_q - log_pc), atol=5 * error + 1e-3)
        evidence = logsumexp(
            [
                log_prior(model, c) + log_likelihood(model, token_ids(text), c)
                for c in every_sentence()
            ]
        )
        reached = logsumexp(log_px + log_pc)
        assert elbo < reached < evidence
        weighted = logsumexp(bound.log_weights[:, row]) - np.log(4_000)
        assert abs(weighted - reached) < 0.1 < reached - elbo


def test_weights_of_draws_are_those_of_the_oracle():
    model = compressor(max_share=0.7)  # Of three words, two; of two, one.
    joint = model.joint(TEXTS)
    for row, (text, most) in enumerate(zip(TEXTS, (2, 1, 1), strict=True)):
        every, log_q, log_pc, log_px = terms_of(model, text, most)
        z = np.repeat(np.stack([closed(c) for c in every])[:, np.newaxis], 3, axis=1)
        np.testing.assert_allclose(joint.posterior.log_prob(z)[:, row], log_q, rtol=1e-4)
        np.testing.assert_allclose(joint.prior.log_prob(z)[:, row], log_pc, rtol=1e-4)
        np.testing.assert_allclose(joint.log_likelihood(z)[:, row], log_px, rtol=1e-4)
        np.testing.assert_allclose(logsumexp(log_q), 0, atol=1e-5)


def test_shares_are_words_that_a_compression_has():
    """Of three words 0.4 to 0.7 are two; of two one, the budget before the least; of one, it."""
    model = compressor(min_share=0.4, max_share=0.7)
    posterior = model.joint(TEXTS).posterior
    draws = posterior.sample(300, seed=(4, 2)).numpy()
    for row, (text, most, fewest) in enumerate(zip(TEXTS, (2, 1, 1), (2, 1, 1), strict=True)):
        kept = {tuple(closed(c)) for c in every_compression(text, most) if len(c) >= fewest}
        assert {tuple(draw) for draw in draws[:, row]} == kept
        z = np.repeat(np.array(sorted(kept))[:, np.newaxis], 3, axis=1)
        np.testing.assert_allclose(logsumexp(posterior.log_prob(z)[:, row]), 0, atol=1e-5)
    predicted = model.predict(tf.constant(TEXTS), verbose=0)
    np.testing.assert_array_equal((predicted > 2).sum(axis=1), [2, 1, 1])
    kept = model.joint(TEXTS).amounts["kept"]
    np.testing.assert_allclose(kept, [2 / 3, 1 / 2, 1], rtol=1e-5)


COPIES, BATCHES = 500, 24


def gradients_of(model, loss_of, weights):
    """Of BATCHES losses, each the mean over COPIES of one text: [N, P] for P numbers."""
    found = []
    for number in range(BATCHES):
        with tf.GradientTape() as tape:
            loss = loss_of(number)
        parts = tape.gradient(loss, weights)
        found.append(np.concatenate([np.ravel(tf.convert_to_tensor(part)) for part in parts]))
    return np.stack(found)


def enumerated_gradient(model, weights, loss_of):
    """Of the loss of one text, by its log q, log p(c) and log p(x | c) of every compression."""
    every = every_compression(TEXTS[0])
    z = np.stack([closed(c) for c in every])[:, np.newaxis]  # [M, 1, L]
    with tf.GradientTape() as tape:
        joint = model.joint(TEXTS[:1])
        log_q = joint.posterior.log_prob(z)
        parts = log_q, joint.prior.log_prob(z), joint.log_likelihood(z)
        loss = loss_of(every, *(part[:, 0] for part in parts))
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    return np.concatenate([np.ravel(tf.convert_to_tensor(part)) for part in gradients])


def assert_unbiased(estimates, expected):
    error = estimates.std(0, ddof=1) / np.sqrt(len(estimates))
    assert np.abs(expected).max() > 10 * error.max()
    # Of t with 23 degrees of freedom; over 300 numbers this fails once in 10^3.
    np.testing.assert_array_less(np.abs(estimates.mean(0) - expected), 6.5 * error + 3e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kl_weight", [1.0, 0.3])
def test_the_gradient_is_that_of_enumeration(kl_weight):
    model = compressor()
    weights = [
        model.pointer.key_map.kernel,
        model.pointer.decoder.kernels[0],
        model.encoder.kernels[0],
        model.compression_encoder.kernels[0],
        model.likelihood.decoder.output_bias,
    ]
    objective = objectives.ScoreFunctionELBO(num_samples=2, kl_weight=kl_weight)
    texts = np.repeat(TEXTS[:1], COPIES)

    def expected_loss(every, log_q, log_pc, log_px):
        terms = log_px - kl_weight * (log_q - log_pc)
        return -tf.reduce_sum(tf.exp(log_q) * terms)

    expected = enumerated_gradient(model, weights, expected_loss)

    @tf.function(autograph=False)
    def loss_of(seed):
        return tf.reduce_mean(model.bound(texts, objective=objective, seed=seed).loss)

    found = gradients_of(model, lambda number: loss_of(tf.constant([5, number])), weights)
    assert_unbiased(found, expected)


def test_the_share_kept_and_its_gradient_are_those_of_enumeration():
    model = compressor()
    weights = [model.pointer.key_map.kernel, model.pointer.decoder.kernels[0]]
    texts = np.repeat(TEXTS[:1], COPIES)
    values = []

    @tf.function(autograph=False)
    def kept():
        return tf.reduce_mean(model.joint(texts).amounts["kept"])

    def of_draws(number):
        values.append(kept())
        return values[-1]

    found = gradients_of(model, of_draws, weights)

    def expected_share(every, log_q, log_pc, log_px):
        shares = tf.constant([len(c) / 3 for c in every])
        value = tf.reduce_sum(tf.exp(log_q) * shares)
        values.insert(0, value)
        return value

    assert_unbiased(found, enumerated_gradient(model, weights, expected_share))
    wanted, estimates = values[0], np.array(values[1:])
    assert abs(estimates.mean() - wanted) < 5 * estimates.std() / np.sqrt(BATCHES) + 1e-4


def test_known_compressions_take_the_latents_place():
    model = compressor(annotation_weight=0.4)
    model.objective = objectives.ScoreFunctionELBO(num_samples=2, kl_weight=0.3)
    known = [[4, 4], None, []]
    targets = np.stack([closed([4, 4]), np.zeros(LENGTH, np.int32), closed([])])
    losses, parts = model.losses_per_example(TEXTS, targets, training=True)
    for row in (0, 2):
        x, c = token_ids(TEXTS[row]), known[row]
        log_px, log_pc = log_likelihood(model, x, c), log_prior(model, c)
        log_q = log_posterior(model, x, c)
        expected = -log_px - 0.3 * log_pc - 0.4 * log_q
        np.testing.assert_allclose(losses[row], expected, rtol=1e-4)
        np.testing.assert_allclose(parts["bound"][0][row], log_px + log_pc, rtol=1e-4)
        np.testing.assert_allclose(parts["annotation"][0][row], log_q, rtol=1e-4)
    np.testing.assert_array_equal(parts["annotation"][1], [1, 0, 1])
    # The row without one is as of no targets, but for its draws.
    _, log_q, log_pc, log_px = terms_of(model, TEXTS[1])
    low, high = np.min(log_px + log_pc - log_q), np.max(log_px + log_pc - log_q)
    assert low - 1e-3 <= parts["bound"][0][1] <= high + 1e-3
    assert parts["annotation"][0][1] == 0


def test_strings_and_token_ids_are_one():
    model = compressor()
    ids = model.token_ids(TEXTS)
    np.testing.assert_array_equal(model(TEXTS), model(ids))
    found, given = model.compression_ids(tf.constant(["cat sat", "", "dog"]))
    np.testing.assert_array_equal(found, [closed([4, 5]), [0, 0, 0], closed([3])])
    np.testing.assert_array_equal(given, [True, False, True])


def test_no_row_depends_on_its_batch_or_padding():
    model = compressor()
    together = model(TEXTS).numpy()
    c = np.stack([closed([4]), closed([5]), closed([4])])[np.newaxis]
    log_px = model.log_likelihood(c, TEXTS)
    log_q = model.posterior(TEXTS).log_prob(c)
    for row, text in enumerate(TEXTS):
        ids = np.pad(model.token_ids(tf.constant([text])), [[0, 0], [0, 3]])
        np.testing.assert_array_equal(model(ids)[0], together[row])
        one = c[:, row : row + 1]
        np.testing.assert_allclose(model.log_likelihood(one, ids)[0, 0], log_px[0, row], rtol=1e-5)
        np.testing.assert_allclose(model.posterior(ids).log_prob(one)[0, 0], log_q[0, row], 1e-5)
    # Of no words, the only compression has none.
    np.testing.assert_array_equal(model(tf.constant([b""])), [closed([])])


def test_what_is_predicted_is_what_greedy_decoding_finds():
    model = compressor()
    found = inference.greedy(model.posterior(TEXTS))
    np.testing.assert_array_equal(model.predict(tf.constant(TEXTS), verbose=0), found)
    assert len({tuple(row) for row in found.numpy()}) > 1


def test_all_but_the_prior_learns(eager):
    model = compressor(baseline_units=3)
    control = [objectives.RunningAverage(), objectives.LearnedBaseline()]
    objective = objectives.Constrained(
        objectives.ScoreFunctionELBO(num_samples=1, control_variates=control),
        [objectives.AtMost("kept", 0.1, multiplier=1.0)],
    )
    model.compile(keras.optimizers.SGD(0.1), objective)
    before = {weight.path: weight.numpy() for weight in model.weights}
    data = {"x": tf.constant(TEXTS), "y": tf.constant(["cat", "", ""]), "batch_size": 3}
    logs = model.fit(**data, epochs=2, verbose=0).history
    assert set(logs) == {"loss", *models.SentenceCompressor.part_names}
    prior = {weight.path for weight in model.language_model.weights}
    still = {
        weight.path for weight in model.weights if (before[weight.path] == weight.numpy()).all()
    }
    assert {path for path in still if "seed_generator" not in path} == {
        path for path in prior if "seed_generator" not in path
    }
    assert objective.limits[0].multiplier.numpy() > 1


@pytest.mark.slow
def test_the_limit_is_kept_and_the_copied_word_learnt():
    """Sentences "a a b": only b tells them apart, and b is kept where one word of three may be."""
    random = np.random.default_rng(1)
    last = random.integers(4, V, 64)
    ids = np.stack([np.full(64, 3), np.full(64, 3), last, np.full(64, 2)], axis=1).astype(np.int32)
    decoder = networks.LSTMDecoder(V, 4, embedding_units=3)
    prior = models.LanguageModel(decoder, vocabulary=VOCABULARY, max_length=LENGTH)
    keras.utils.set_random_seed(3)
    model = compressor(scale=0, prior=prior, max_share=0.4)
    model.compile(
        keras.optimizers.Adam(0.03), objectives.ScoreFunctionELBO(num_samples=4, kl_weight=0.0)
    )
    data = tf.data.Dataset.from_tensors(ids).repeat(150)
    model.fit(data, shuffle=False, verbose=0)
    kept = model.predict(ids, verbose=0)
    np.testing.assert_array_equal(kept, [closed([word]) for word in last])
    found = model.evaluate(ids, batch_size=64, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["kept"], 1 / 3, atol=0.02)
    assert found["reconstruction"] > -0.7 > -np.log(3)


@pytest.mark.slow
def test_the_whole_comes_back_from_a_file(tmp_path, eager):
    model = compressor(min_share=0.3, max_share=0.7, annotation_weight=0.5)
    model.compile(keras.optimizers.Adam(0.05), objectives.ScoreFunctionELBO(kl_weight=0.3))
    data = tf.constant(TEXTS), tf.constant(["cat", "", ""])
    model.fit(*data, batch_size=3, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    assert copy.objective.get_config() == model.objective.get_config()
    assert not copy.language_model.trainable_weights
    assert len(copy.trainable_weights) == len(model.trainable_weights)
    assert copy.min_share == 0.3
    np.testing.assert_array_equal(copy(data[0]), model(data[0]))
    for one in (model, copy):
        one.fit(*data, batch_size=3, shuffle=False, verbose=0)
    assert_same_weights(model, copy, atol=1e-6)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [b"cat cat", b"", b"sat"],
            r"`y` must be words of `x` in their order.*5,? 2,? 0\D+row\D+2\b",
        ),
        ([b"cat sat cat", b"", b""], r"`y` must have END among the first 3 tokens.*row\D+0\b"),
        (
            [[4, 2, 0, 0, 0], [0] * 5, [4, 2, 0, 0, 5]],
            r"`y` must .*PAD after them.*0,? 5,? 0.*row\D+2\b",
        ),
    ],
)
def test_compressions_that_cannot_be_are_refused(eager, targets, message):
    model = compressor()
    model.compile("sgd")
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"(?s){message}"):
        model.fit(tf.constant(TEXTS), tf.constant(targets), batch_size=3, shuffle=False, verbose=0)


def test_compressions_of_too_few_words_are_refused(eager):
    model = compressor(min_share=0.5)
    message = r"(?s)at least 0.5 of them \(`min_share`\) and at most 1 .*4,? 2,? 0\D+row\D+0\b"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.losses_per_example(TEXTS, tf.constant(["cat", "mat", ""]), training=True)


def test_sizes_that_do_not_fit_are_refused():
    def parts(**changes):
        decoder = networks.LSTMDecoder(V, 4)
        given = {
            "prior": models.LanguageModel(decoder, max_length=LENGTH),
            "encoder": networks.LSTMEncoder(V, 4, return_sequences=True),
            "pointer": networks.LSTMDecoder(V, 5, conditioning_units=4),
            "compression_encoder": networks.LSTMEncoder(V, 3, return_sequences=True),
            "decoder": networks.LSTMDecoder(V, 4, memory_units=3),
        }
        return models.SentenceCompressor(**{**given, **changes})

    parts()
    for changes, message in [
        ({"encoder": networks.LSTMEncoder(V, 4)}, "`encoder` must have return_sequences=True"),
        (
            {"encoder": networks.LSTMEncoder(V + 1, 4, return_sequences=True)},
            "the vocabulary of `prior` has 7 tokens, that of `encoder` 8",
        ),
        ({"pointer": networks.LSTMDecoder(V, 5)}, r"`pointer.conditioning_units` must be 4.* 0"),
        ({"decoder": networks.LSTMDecoder(V, 5)}, r"`decoder.memory_units` must be 3.* 0"),
        ({"max_share": 0.0}, r"`max_share` must lie in \(0, 1\]; received 0.0"),
        ({"min_share": -0.1}, r"`min_share` must lie in \[0, `max_share`=1\]; received -0.1"),
        (
            {"min_share": 0.6, "max_share": 0.5},
            r"`min_share` must lie in \[0, `max_share`=0.5\]; received 0.6",
        ),
        ({"annotation_weight": -1.0}, "`annotation_weight` must be >= 0; received -1.0"),
    ]:
        with pytest.raises(ValueError, match=message):
            parts(**changes)
    with pytest.raises(TypeError, match="`prior` must be a LanguageModel; received <LSTMDecoder"):
        parts(prior=networks.LSTMDecoder(V, 4))
    with pytest.raises(TypeError, match="`encoder` must be a SequenceEncoder; received <LSTMDeco"):
        parts(encoder=networks.LSTMDecoder(V, 4))
