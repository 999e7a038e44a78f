"""The mixture of experts against brute force over experts in NumPy; styles that it must find."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax
from sklearn.metrics import normalized_mutual_info_score

from tests.models import captioner_toys as toys
from tests.references import captioner_oracle
from tests.saving import assert_comes_back, assert_same_weights
from tfp_dgm import layers, networks
from tfp_dgm.data import render_scenes
from tfp_dgm.layers import token_sequence
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.objectives import (
    EnumeratedELBO,
    ExactMarginal,
    GumbelSoftmaxELBO,
    ReweightedWakeSleep,
    ScoreFunctionELBO,
)

INPUTS = toys.inputs()
KINDS = {
    "lstm, uniform gate": {"gated": False},
    "attending lstm": {"attends": True},
    "attending transformer": {"attends": True, "transformer": True},
    "separate attending": {"separate": True, "attends": True},
}


def log_joint(model, inputs):
    return captioner_oracle.log_joint(model, inputs["source"], inputs["token_ids"])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "transformer" not in kind])
@pytest.mark.usefixtures("eager")
def test_marginal_and_responsibilities_equal_brute_force(kind):
    arguments = KINDS[kind]
    inputs = toys.inputs(grid=arguments.get("attends", False))
    model = toys.randomized(toys.captioner(**arguments), inputs)
    joint = log_joint(model, inputs)
    assert np.ptp(joint, axis=1).min() > 0.3
    marginal = np.log(np.exp(joint).sum(axis=1))
    np.testing.assert_allclose(model.log_marginal(inputs), marginal, rtol=2e-5)
    np.testing.assert_allclose(model.bound(inputs).value, marginal, rtol=2e-5)
    bayes = np.exp(joint - marginal[:, None])
    found = model.responsibilities(inputs).numpy()
    np.testing.assert_allclose(found, bayes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), bayes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        model.posterior(inputs).probs_parameter(), bayes, rtol=1e-4, atol=1e-6
    )
    # With the true posterior, the ELBO is the marginal.
    value = model.bound(inputs, objective=EnumeratedELBO()).value
    np.testing.assert_allclose(value, marginal, rtol=2e-5)


def gradients(model, inputs, objective):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.bound(inputs, objective=objective, training=True).loss)
    found = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    return [tf.convert_to_tensor(part).numpy() for part in found]


@pytest.mark.parametrize("kind", ["attending transformer", "separate attending"])
def test_gradient_of_the_marginal_is_that_of_em(kind):
    arguments = KINDS[kind]
    inputs = toys.inputs(grid=arguments.get("attends", False))
    model = toys.randomized(toys.captioner(**arguments), inputs)
    exact = gradients(model, inputs, ExactMarginal())
    em = gradients(model, inputs, EnumeratedELBO())
    assert max(np.abs(part).max() for part in exact) > 0.1
    for one, other, weight in zip(exact, em, model.trainable_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5, err_msg=weight.path)


def test_hard_em_trains_the_best_expert_alone():
    posterior = layers.Responsibilities(toys.EXPERTS, hard=True)
    model = toys.randomized(toys.captioner(separate=True, expert_posterior=posterior), INPUTS)
    joint = log_joint(model, INPUTS)
    rows = np.flatnonzero(joint.argmax(axis=1) == joint.argmax(axis=1)[0])
    chosen = {name: value[rows] for name, value in INPUTS.items()}
    objective = ReweightedWakeSleep(num_samples=1)
    bound = model.bound(chosen, objective=objective, training=True)
    np.testing.assert_allclose(bound.value, joint[rows].max(axis=1), rtol=2e-5)
    found = gradients(model, chosen, objective)
    changed = {
        k: max(
            np.abs(part).max()
            for weight, part in zip(model.trainable_weights, found, strict=True)
            if any(weight is own for own in model.experts.heads[k].trainable_weights)
        )
        for k in range(toys.EXPERTS)
    }
    best = joint[rows[0]].argmax()
    assert {k for k, size in changed.items() if size > 0} == {best}


def test_the_e_step_sees_no_dropout():
    model = toys.randomized(toys.captioner(dropout=0.5), INPUTS)
    joint = log_joint(model, INPUTS)
    expected = np.exp(joint - np.log(np.exp(joint).sum(1))[:, None])
    found = model.posterior(INPUTS, training=True).probs_parameter()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    noisy = model.bound(INPUTS, objective=EnumeratedELBO(), training=True).value
    assert np.abs(noisy - model.log_marginal(INPUTS)).max() > 0.05


@pytest.fixture
def bfloat16_pays(monkeypatch):
    monkeypatch.setattr(token_sequence, "_LARGE", 1)
    monkeypatch.setattr(token_sequence, "faster_dtype", lambda units, size: "bfloat16")


@pytest.mark.parametrize("kind", ["attending lstm", "separate attending"])
@pytest.mark.usefixtures("bfloat16_pays")
def test_the_e_step_of_training_alone_is_in_bfloat16(kind):
    inputs = toys.inputs(grid=True)
    model = toys.randomized(toys.captioner(**KINDS[kind]), inputs)
    joint = log_joint(model, inputs)
    bayes = np.exp(log_softmax(joint, axis=1))
    exact = model.posterior(inputs).probs_parameter()
    np.testing.assert_allclose(exact, bayes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.responsibilities(inputs), bayes, rtol=1e-4, atol=1e-6)
    rough = model.posterior(inputs, training=True).probs_parameter().numpy()
    assert 1e-4 < np.abs(rough - bayes).max() < 0.05
    # The M-step is not: its bound is of float32, with whatever q.
    value = model.bound(inputs, objective=EnumeratedELBO(), training=True).value
    elbo = (rough * (joint - np.log(rough))).sum(axis=1)
    np.testing.assert_allclose(value, elbo, rtol=2e-5)


@pytest.mark.usefixtures("bfloat16_pays")
def test_alignments_that_are_guessed_have_an_e_step_in_bfloat16_too():
    inputs = toys.inputs(grid=True)
    model = toys.randomized(toys.variational_attention(), inputs)
    rough = model.posterior(inputs, training=True).logits_parameter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_sequence, "faster_dtype", lambda units, size: "float32")
        exact = model.posterior(inputs, training=True).logits_parameter()
    assert 1e-5 < np.abs(rough - exact).max() < 0.2


def test_one_expert_has_no_e_step():
    experts = layers.SharedExperts(toys.head(), 1, embedding_units=3)
    model = toys.randomized(MixtureOfExpertsCaptioner(experts, seed=1), INPUTS)
    joint = log_joint(model, INPUTS)[:, 0]
    np.testing.assert_array_equal(model.posterior(INPUTS, training=True).probs_parameter(), 1)
    hard = ReweightedWakeSleep(num_samples=1)
    np.testing.assert_allclose(model.bound(INPUTS, objective=hard).value, joint, rtol=2e-5)
    calls = []
    experts.call = lambda *args, **kwargs: calls.append(kwargs)
    model.posterior(INPUTS, training=True)
    assert not calls


def test_the_gradient_of_drawn_experts_is_on_average_that_of_the_marginal():
    """By Fisher's identity. Eight means of 400 draws, off by at most 8 of their largest error."""
    model = toys.randomized(toys.captioner(), INPUTS)
    one = {name: value[3:4] for name, value in INPUTS.items()}
    exact = gradients(model, one, ExactMarginal())
    copies = {name: np.repeat(value, 400, axis=0) for name, value in one.items()}
    drawn = ReweightedWakeSleep(num_samples=1)
    joint = log_joint(model, one)[0]
    np.testing.assert_allclose(  # With the true posterior, each draw's weight is the marginal.
        model.bound(copies, objective=drawn, training=True).value,
        np.log(np.exp(joint).sum()),
        rtol=2e-5,
    )
    means = [gradients(model, copies, drawn) for _ in range(8)]
    for place, weight in enumerate(model.trainable_weights):
        each = np.stack([mean[place] for mean in means]) / 400
        error = each.std(axis=0, ddof=1) / np.sqrt(8)
        off = np.abs(each.mean(axis=0) - exact[place])
        assert off.max() < 8 * error.max() + 1e-4, weight.path


def test_temperature_balance_and_usage():
    part = layers.Responsibilities(3, temperature=2.0, balance=0.7, usage_decay=0.9)
    joint = np.array([[-3.0, -1.0, -4.0], [-2.0, -2.5, -9.0]], np.float32)
    usage = np.array([0.2, 0.7, 0.1])
    part.usage.assign(usage)
    expected = np.exp(log_softmax(joint / 2 - 0.7 * np.log(3 * usage), axis=1))
    np.testing.assert_allclose(part(joint, training=True).probs_parameter(), expected, rtol=1e-4)
    np.testing.assert_allclose(part.usage, 0.9 * usage + 0.1 * expected.mean(0), rtol=1e-4)
    plain = np.exp(log_softmax(joint, axis=1))
    np.testing.assert_allclose(part(joint).probs_parameter(), plain, rtol=1e-5)
    part.temperature.assign(1e6)
    part.usage.assign([1 / 3] * 3)
    np.testing.assert_allclose(part(joint, training=True).probs_parameter(), 1 / 3, atol=1e-4)


@pytest.mark.usefixtures("eager")
def test_usage_and_its_entropy_are_reported():
    model = toys.randomized(toys.captioner(), INPUTS)
    model.compile("sgd")
    logs = model.evaluate(INPUTS, batch_size=2, verbose=0, return_dict=True)
    joint = log_joint(model, INPUTS)
    usage = np.exp(log_softmax(joint, axis=1)).mean(axis=0)
    np.testing.assert_allclose([logs[f"usage_{k}"] for k in range(3)], usage, rtol=1e-4)
    np.testing.assert_allclose(logs["usage_entropy"], -(usage * np.log(usage)).sum(), rtol=1e-4)
    np.testing.assert_allclose(logs["bound"], np.log(np.exp(joint).sum(1)).mean(), rtol=1e-5)


def recognizing(**kwargs):
    encoder = networks.BagOfWordsEncoder(toys.VOCABULARY, 5, embedding_units=4, seed=2)
    recognition = layers.ExpertRecognition(encoder, toys.EXPERTS, **kwargs)
    return toys.randomized(toys.captioner(expert_posterior=recognition), INPUTS)


def test_sampled_experts_agree_with_enumeration():
    """3,000 copies of one row within 5 standard errors: fails once in 10^6."""
    model = recognizing()
    one = {name: value[3:4] for name, value in INPUTS.items()}
    exact = model.bound(one, objective=EnumeratedELBO()).value[0]
    copies = {name: np.repeat(value, 3000, axis=0) for name, value in one.items()}
    value = model.bound(copies, objective=ScoreFunctionELBO(num_samples=2)).value.numpy()
    assert value.std() > 0.1
    assert abs(value.mean() - exact) < 5 * value.std() / np.sqrt(3000)


@pytest.mark.parametrize(
    ("objective", "one_hot"),
    [
        (ScoreFunctionELBO(num_samples=2), False),
        (ReweightedWakeSleep(num_samples=2), False),
        (GumbelSoftmaxELBO(), True),
        (GumbelSoftmaxELBO(straight_through=True), True),
    ],
    ids=["score function", "wake-sleep", "gumbel", "straight through"],
)
def test_objectives_for_many_experts_train_every_part(objective, one_hot):
    model = recognizing(one_hot=one_hot)
    for weight, part in zip(
        model.trainable_weights, gradients(model, INPUTS, objective), strict=True
    ):
        assert np.isfinite(part).all(), weight.path
        assert np.abs(part).max() > 0, weight.path


def test_rows_have_the_same_loss_in_any_batch_and_padding():
    model = toys.randomized(toys.captioner(attends=True), toys.inputs(grid=True))
    inputs = toys.inputs(grid=True)
    together = model.bound(inputs).loss.numpy()
    longer = {**inputs, "token_ids": np.pad(inputs["token_ids"], [(0, 0), (0, 3)])}
    np.testing.assert_allclose(model.bound(longer).loss, together, rtol=1e-5)
    for b in range(len(together)):
        alone = {name: value[b : b + 1] for name, value in inputs.items()}
        np.testing.assert_allclose(model.bound(alone).loss, together[b : b + 1], rtol=1e-5)


@pytest.mark.slow
def test_comes_back_from_a_file_and_trains_on(tmp_path):
    recognition = layers.ExpertRecognition(
        networks.BagOfWordsEncoder(toys.VOCABULARY, 5, embedding_units=4, seed=2), toys.EXPERTS
    )
    model = toys.captioner(
        encoder=networks.MLP([toys.FEATURES], name="encoder"), expert_posterior=recognition
    )
    assert_comes_back(model, (INPUTS,), tmp_path, ScoreFunctionELBO(num_samples=2))


@pytest.mark.parametrize("kind", ["separate attending", "attending transformer"])
def test_every_part_comes_back_from_a_file(kind, tmp_path):
    arguments, inputs = KINDS[kind], toys.inputs(grid=True)
    posterior = layers.Responsibilities(toys.EXPERTS, hard=True, balance=0.5, temperature=2.0)
    model = toys.randomized(toys.captioner(expert_posterior=posterior, **arguments), inputs)
    posterior.temperature.assign(1.7)
    posterior.usage.assign([0.2, 0.5, 0.3])
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    np.testing.assert_array_equal(copy.log_marginal(inputs), model.log_marginal(inputs))


def test_comes_back_behind_the_encoder_of_its_features(tmp_path):
    model = toys.randomized(toys.captioner(attends=True), INPUTS)
    encoder = networks.MLP([toys.FEATURES], name="encoder")
    whole = model.with_encoder(encoder)
    source = np.random.default_rng(5).normal(size=(5, 7)).astype(np.float32)
    whole.build({"source": source.shape, "token_ids": INPUTS["token_ids"].shape})
    behind = {**INPUTS, "source": source}
    expected = model.log_marginal({**INPUTS, "source": encoder(source)})
    np.testing.assert_allclose(whole.log_marginal(behind), expected, rtol=1e-5)
    whole.save(tmp_path / "whole.keras")
    copy = keras.saving.load_model(tmp_path / "whole.keras")
    assert_same_weights(whole, copy)
    np.testing.assert_array_equal(copy.log_marginal(behind), whole.log_marginal(behind))


def test_mixed_precision(dtype_policy):
    dtype_policy("mixed_bfloat16")
    model = toys.captioner(attends=True)
    inputs = toys.inputs(grid=True)
    model.compile("adam", run_eagerly=True)
    assert np.isfinite(model.fit(inputs, verbose=0).history["loss"]).all()
    assert model.experts.head.decoder.compute_dtype == "bfloat16"
    assert {part.dtype for part in model.bound(inputs)} == {tf.float32}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: toys.captioner(expert_posterior=layers.Responsibilities(2)),
            "over 2 experts; .* 3",
        ),
        (lambda: layers.SharedExperts(toys.head(), 0), "`num_experts`.* received 0 and 64"),
        (lambda: layers.SharedExperts(toys.head(), 2, embedding_units=9), "conditioning of 7"),
        (lambda: layers.SeparateExperts([]), "received 0 of sizes"),
        (lambda: layers.Responsibilities(2, temperature=0.0), "temperature > 0"),
        (
            lambda: toys.captioner(attends=True).build(
                {"source": (None, 9), "token_ids": (None, 4)}
            ),
            "attend to vectors of 5 numbers; the features have 9",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def styled(scenes):
    """Images, token ids and true styles of rendered scenes, one row a caption."""
    texts = [text for texts in scenes.captions for text in texts]
    words = {word: 4 + i for i, word in enumerate(sorted({w for t in texts for w in t.split()}))}
    length = 1 + max(len(text.split()) for text in texts)
    token_ids = np.zeros((len(texts), length), np.int32)
    for row, text in enumerate(texts):
        ids = [words[word] for word in text.split()] + [2]
        token_ids[row, : len(ids)] = ids
    images = np.repeat(scenes.images, scenes.styles.shape[1], axis=0)
    return {"source": images, "token_ids": token_ids}, scenes.styles.ravel(), 4 + len(words)


def style_finder(vocabulary_size, length, experts):
    decoder = networks.LSTMDecoder(
        vocabulary_size, 48, conditioning_units=40, embedding_units=24, seed=1
    )
    return MixtureOfExpertsCaptioner(
        layers.SharedExperts(layers.TokenSequence(decoder, length), experts, embedding_units=16),
        encoder=networks.ConvolutionalEncoder((16, 32)),
        seed=1,
    )


@pytest.mark.slow
def test_experts_find_the_styles():
    """Nobody told the model who wrote what; it agrees with shuffled styles no more than chance.

    Quicker: `test_training_finds_the_styles_and_says_what_was_learnt`, of `dgm caption`.
    """
    keras.utils.set_random_seed(1)
    inputs, styles, size = styled(
        render_scenes(250, captions_per_image=2, num_styles=4, size=16, seed=2)
    )
    model = style_finder(size, inputs["token_ids"].shape[1], 4)
    model.compile(keras.optimizers.Adam(5e-3), ExactMarginal())
    logs = model.fit(inputs, epochs=5, batch_size=50, verbose=0).history
    experts = model.responsibilities(inputs).numpy().argmax(axis=1)
    assert normalized_mutual_info_score(styles, experts) > 0.9
    shuffled = np.random.default_rng(0).permutation(styles)
    assert normalized_mutual_info_score(shuffled, experts) < 0.05
    assert logs["usage_entropy"][-1] > 0.9 * np.log(4)
