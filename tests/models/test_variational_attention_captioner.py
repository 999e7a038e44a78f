"""Latent alignments learnt by a bound, against NumPy's sums over all alignments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp

from tests.models import captioner_toys as toys
from tests.references import latent_alignments
from tests.references.recurrent_text import lstm_step, weights_of
from tests.saving import assert_comes_back
from tfp_dgm import layers, networks
from tfp_dgm.models import MixtureOfExpertsCaptioner, VariationalAttentionCaptioner
from tfp_dgm.models.alignment_joint import alignment_joint
from tfp_dgm.objectives import (
    AtMean,
    EnumeratedELBO,
    ExactMarginal,
    GumbelSoftmaxELBO,
    ReweightedWakeSleep,
    ScoreFunctionELBO,
)
from tfp_dgm.objectives.over_positions import OverPositions

SAMPLED = ScoreFunctionELBO(num_samples=1, control_variates=[AtMean()], analytic_kl=True)
INPUTS = toys.inputs(rows=3, grid=True)  # Texts of 1, 2 and 3 words and the end; 4 sources.


def captioner(num_experts=2, objective=None, inputs=INPUTS, **kwargs):
    """Random weights in every place."""
    model = toys.variational_attention(num_experts, objective, **kwargs)
    return toys.randomized(model, inputs)


def tables(model, inputs=INPUTS):
    """Of each row and expert: log p(z | x_<t) and log p(x | z), [T, M] both."""
    weights = weights_of(model.experts.head.decoder)
    kernel, bias = (np.asarray(part, np.float64) for part in model.to_context.weights)
    found = []
    for source, text in zip(inputs["source"], inputs["token_ids"], strict=True):
        memory = np.asarray(source, np.float64).reshape(-1, toys.FEATURES)
        context = np.tanh(memory.mean(axis=0) @ kernel + bias)
        tokens = [token for token in text if token]
        found.append(
            [
                latent_alignments.tables(weights, np.concatenate([context, own]), tokens, memory)
                for own in np.asarray(model.experts.embedding, np.float64)
            ]
        )
    return found


def guessed(model, inputs=INPUTS):
    """q(z_t | x, c) of each row, [T, M]."""
    encoded = model.encode(inputs["source"])
    q = model.alignment_posterior(tf.constant(inputs["token_ids"]), encoded.memory)
    rows = zip(q.probs_parameter().numpy(), inputs["token_ids"], strict=True)
    return [row[text > 0] for row, text in rows]


@pytest.mark.parametrize("num_experts", [1, 2])
def test_the_bound_is_that_of_all_alignments(num_experts):
    model = captioner(num_experts)
    bound = model.bound(INPUTS)
    bounds, exact = [], []
    for of_experts, q in zip(tables(model), guessed(model), strict=True):
        bounds.append([latent_alignments.bound(*pair, q)[0] for pair in of_experts])
        exact.append([latent_alignments.log_marginal(*pair) for pair in of_experts])
    expected = logsumexp(bounds, axis=1) - np.log(num_experts)
    marginal = logsumexp(exact, axis=1) - np.log(num_experts)
    np.testing.assert_allclose(bound.value, expected, rtol=2e-5)
    np.testing.assert_allclose(bound.loss, -expected, rtol=2e-5)
    np.testing.assert_allclose(model.log_marginal(INPUTS), marginal, rtol=2e-5)
    assert (marginal - expected).min() > 0.1


def test_with_the_true_posterior_the_bound_is_the_log_likelihood():
    model = captioner(1)
    encoded = model.encode(INPUTS["source"])
    text = model.texts(tf.zeros([1, 3], tf.int32), encoded).aligned(INPUTS["token_ids"])
    true = tf.math.log(tf.maximum(text.posterior, 1e-30))
    q = layers.OneHotCategorical(4).distribution(true)
    bound = OverPositions(EnumeratedELBO())(alignment_joint(model, text, q), seed=None)
    expected = [latent_alignments.log_marginal(*row[0]) for row in tables(model)]
    np.testing.assert_allclose(bound.value[0], expected, rtol=2e-5)
    np.testing.assert_allclose(bound.reconstruction - bound.kl, bound.value, rtol=1e-5)


def test_the_e_step_is_at_the_mean_of_the_guess():
    """Soft attention whose weights are q."""
    model = captioner(2, expert_posterior=layers.Responsibilities(2))
    q = model.joint(INPUTS, training=True).posterior.logits_parameter().numpy()
    weights = weights_of(model.experts.head.decoder)
    expected = np.zeros((3, 2))
    for b, of_row in enumerate(guessed(model)):
        for k in range(2):
            expected[b, k] = soft_log_prob(model, weights, b, k, of_row)
    np.testing.assert_allclose(
        log_softmax(q, axis=1), log_softmax(expected, axis=1), rtol=1e-4, atol=1e-4
    )
    assert np.ptp(expected, axis=1).min() > 0.05


def soft_log_prob(model, weights, b, k, q):
    """Each source's vector before the squashing, mixed by q; one token after the other."""
    kernel, bias = (np.asarray(part, np.float64) for part in model.to_context.weights)
    memory = np.asarray(INPUTS["source"][b], np.float64).reshape(-1, toys.FEATURES)
    own = np.asarray(model.experts.embedding, np.float64)[k]
    z = np.concatenate([np.tanh(memory.mean(axis=0) @ kernel + bias), own])
    h, c = np.split(np.tanh(z @ weights["state"] + weights["state_bias"]), 2)
    values = np.split(memory @ weights["key_value"] + weights["key_value_bias"], 2, axis=1)[1]
    total, last = 0.0, 1
    tokens = [token for token in INPUTS["token_ids"][b] if token]
    for token, share in zip(tokens, q, strict=True):
        h, c = lstm_step(weights, last, h, c, z @ weights["condition"])
        answer = share @ values @ weights["answer"] + weights["answer_bias"]
        shown = np.concatenate([h, answer]) @ weights["attended"] + weights["attended_bias"]
        logits = weights["output"] @ np.tanh(shown) + weights["output_bias"]
        total += log_softmax(logits[2:])[token - 2]
        last = token
    return total


def gradients(model, inputs=INPUTS, seed=(1, 2), training=True):
    with tf.GradientTape() as tape:
        bound = model.bound(inputs, seed=tf.convert_to_tensor(seed), training=training)
        loss = tf.reduce_mean(bound.loss)
    found = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    return [tf.convert_to_tensor(part) for part in found]


ESTIMATORS = {
    "soft-attention baseline": SAMPLED,
    "no baseline": ScoreFunctionELBO(num_samples=1, control_variates=[], analytic_kl=True),
}
BATCHES = 80


@pytest.fixture(scope="module")
def estimates():
    """Name -> gradients of all weights, flat, of 80 batches of 90 rows; and the exact ones."""
    several = {name: np.repeat(value, 30, axis=0) for name, value in INPUTS.items()}
    model = captioner(1)
    found = {}
    for name, objective in ESTIMATORS.items():
        model.alignment_objective = objective

        @tf.function(autograph=False)
        def flat(seed):
            return tf.concat([tf.reshape(g, [-1]) for g in gradients(model, several, seed)], 0)

        found[name] = np.array([flat(tf.constant([5, n])) for n in range(BATCHES)])
    model.alignment_objective = EnumeratedELBO()
    exact = np.concatenate([part.numpy().ravel() for part in gradients(model, several)])
    return found, exact


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_sampled_gradients_are_unbiased(estimates, name):
    """Some 1,000 means of 80, each within 6 standard errors: fails once in 10^4."""
    found, exact = estimates[0][name], estimates[1]
    error = found.std(axis=0, ddof=1) / np.sqrt(BATCHES)
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - exact), 6 * error + 1e-5)
    size = np.linalg.norm(exact)
    assert np.linalg.norm(found.mean(axis=0) - exact) < 0.1 * size
    assert np.linalg.norm(error) > 1e-3 * size


def test_soft_attention_is_a_good_baseline(estimates):
    variance = {name: rows.var(axis=0).sum() for name, rows in estimates[0].items()}
    assert variance["soft-attention baseline"] < 0.5 * variance["no baseline"]


SOURCES = np.array([[4, 5, 3, 6, 2], [6, 4, 2, 0, 0], [2, 0, 0, 0, 0]], np.int32)


@pytest.mark.parametrize(
    ("num_experts", "objective"), [(1, EnumeratedELBO()), (2, EnumeratedELBO())], ids=str
)
def test_padding_changes_neither_the_bound_nor_the_gradient(num_experts, objective):
    encoder = networks.LSTMEncoder(
        7, toys.FEATURES, embedding_units=4, return_sequences=True, name="encoder"
    )
    inputs = {"source": SOURCES, "token_ids": INPUTS["token_ids"]}
    model = captioner(num_experts, objective, inputs=inputs, encoder=encoder)
    wider = {name: np.pad(value, [(0, 0), (0, 3)]) for name, value in inputs.items()}
    together = model.bound(wider, training=True)
    for b in range(3):
        alone = {name: value[b : b + 1, value[b] > 0] for name, value in inputs.items()}
        bound = model.bound(alone, training=True)
        np.testing.assert_allclose(bound.value[0], together.value[b], rtol=1e-5)
        np.testing.assert_allclose(bound.kl[0], together.kl[b], rtol=1e-4, atol=1e-5)
    for one, other, weight in zip(
        gradients(model, inputs), gradients(model, wider), model.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5, err_msg=weight.path)
        assert np.abs(one).max() > 1e-6, weight.path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "outer"),
    [(SAMPLED, ReweightedWakeSleep(num_samples=1)), (GumbelSoftmaxELBO(), ExactMarginal())],
    ids=["draws within hard EM", "relaxed within the marginal"],
)
@pytest.mark.usefixtures("eager")
def test_trains_by_any_objective(objective, outer):
    posterior = layers.Responsibilities(2, hard=isinstance(outer, ReweightedWakeSleep))
    model = captioner(2, objective, expert_posterior=posterior)
    model.compile(keras.optimizers.Adam(0.05), outer)
    first = model.evaluate(INPUTS, verbose=0, return_dict=True)
    logs = model.fit(INPUTS, epochs=3, verbose=0).history
    assert set(first) == set(logs)
    last = model.evaluate(INPUTS, verbose=0, return_dict=True)
    assert last["bound"] > first["bound"] + 0.5


@pytest.mark.slow
def test_comes_back_with_its_objective(tmp_path):
    model = captioner(2, SAMPLED)
    assert_comes_back(model, (INPUTS,), tmp_path, EnumeratedELBO())
    model.save(tmp_path / "again.keras")
    copy = keras.saving.load_model(tmp_path / "again.keras")
    assert repr(copy.alignment_objective) == repr(SAMPLED)
    np.testing.assert_array_equal(
        copy.bound(INPUTS, seed=tf.constant([1, 2])).value,
        model.bound(INPUTS, seed=tf.constant([1, 2])).value,
    )


def test_comes_back_behind_the_encoder_of_its_features(tmp_path):
    """As the job saves it, whose frozen encoder has computed the features once."""
    model = captioner(2, SAMPLED)
    encoder = networks.MLP([toys.FEATURES], name="encoder")
    whole = model.with_encoder(encoder)
    source = np.random.default_rng(5).normal(size=(3, 7)).astype(np.float32)
    behind = {**INPUTS, "source": source}
    whole.build({name: value.shape for name, value in behind.items()})
    features = {**INPUTS, "source": encoder(source)}
    seed = tf.constant([1, 2])
    expected = model.bound(features, seed=seed).value
    np.testing.assert_allclose(whole.bound(behind, seed=seed).value, expected, rtol=1e-5)
    assert repr(whole.alignment_objective) == repr(SAMPLED)
    whole.save(tmp_path / "whole.keras")
    copy = keras.saving.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(
        copy.bound(behind, seed=seed).value, whole.bound(behind, seed=seed).value
    )


def test_half_precision_has_bounds_of_float32(dtype_policy):
    dtype_policy("mixed_bfloat16")
    model = toys.variational_attention(2, SAMPLED)
    model.compile("adam", run_eagerly=True)
    assert np.isfinite(model.fit(INPUTS, verbose=0).history["loss"]).all()
    assert model.experts.head.decoder.compute_dtype == "bfloat16"
    assert {part.dtype for part in model.bound(INPUTS)} == {tf.float32}


def test_the_sum_over_alignments_needs_no_class_of_its_own():
    """The head in a plain captioner: trained by the likelihood itself."""
    plain = MixtureOfExpertsCaptioner(
        layers.SharedExperts(toys.aligned_head(), 2, embedding_units=3, name="experts"), seed=1
    )
    toys.randomized(plain, INPUTS)
    expected = [
        logsumexp([latent_alignments.log_marginal(*pair) for pair in row]) - np.log(2)
        for row in tables(plain)
    ]
    np.testing.assert_allclose(plain.bound(INPUTS, training=True).value, expected, rtol=2e-5)


def test_experts_that_sum_nothing_out_are_refused():
    soft = layers.SharedExperts(toys.head(attends=True), 2, embedding_units=3)
    with pytest.raises(TypeError, match="AlignedTokenSequence; received SharedExperts of Token"):
        VariationalAttentionCaptioner(soft, toys.recognition())
    with pytest.raises(TypeError, match="`experts` must be Experts; received <TokenSequence"):
        VariationalAttentionCaptioner(soft.head, toys.recognition())
    of_one = networks.LSTMEncoder(toys.VOCABULARY, 3)
    with pytest.raises(ValueError, match="`encoder` must have return_sequences=True"):
        layers.AlignmentRecognition(of_one, 4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"alignment_posterior": networks.BagOfWordsEncoder(toys.VOCABULARY, 3)},
            TypeError,
            "`alignment_posterior` must be an AlignmentRecognition; received <BagOfWordsEncoder",
        ),
        (
            {"alignment_objective": "sampled"},
            TypeError,
            "`alignment_objective` must be an Objective; received 'sampled'",
        ),
        (
            {
                "alignment_posterior": layers.AlignmentRecognition(
                    networks.LSTMEncoder(toys.VOCABULARY + 2, 3, return_sequences=True), 4
                )
            },
            ValueError,
            f"has {toys.VOCABULARY} tokens, that of `alignment_posterior` {toys.VOCABULARY + 2}",
        ),
    ],
)
def test_a_posterior_or_objective_that_is_none_is_refused(changes, error, message):
    model = toys.variational_attention(2, None)
    given = {"alignment_posterior": model.alignment_posterior, **changes}
    with pytest.raises(error, match=message):
        VariationalAttentionCaptioner(model.experts, **given)
