"""Rationales: the bound by enumeration of all masks, limits, files, served words."""

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.references import hard_kumaraswamy
from tests.references.densities import softmax, softplus
from tests.saving import assert_same_weights
from tfp_dgm import layers, networks, objectives
from tfp_dgm.models import RationaleClassifier, load_model
from tfp_dgm.serving import export
from tfp_dgm.text import WordVocabulary

VOCABULARY = WordVocabulary(["good", "bad", "film", "a", "so"])
TEXTS = np.array([b"a good film", b"bad", b"so so bad film"])
CLASSES = ["down", "up"]
TARGETS = np.array([1, 0, 0])


def classifier(masks=None, encoder=networks.BagOfWordsEncoder, scale=0.8, **kwargs):
    """With weights drawn anew, so wide; 0 leaves them as they begin."""
    size = VOCABULARY.size
    model = RationaleClassifier(
        CLASSES,
        VOCABULARY,
        encoder(size, 4, embedding_units=3, return_sequences=True, seed=1, **kwargs),
        encoder(size, 5, embedding_units=3, seed=2, **kwargs),
        masks=masks,
        max_length=6,
        seed=3,
    )
    model.build((None,))
    random = np.random.default_rng(4)
    for weight in model.trainable_weights if scale else ():
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def float64(weights):
    return [np.asarray(weight, np.float64) for weight in weights]


def words_of(text):
    return [4 + VOCABULARY.tokens.index(word) for word in text.decode().split()]


def parameters_of_masks(model, text):
    """[T, P], word by word."""
    embedding, kernel, bias = float64(model.selector.weights)
    projection, shift = float64(model.masks.projection.weights)
    hidden = [np.maximum(embedding[word] @ kernel + bias, 0) for word in words_of(text)]
    return np.array([h @ projection + shift for h in hidden])


def class_probabilities(model, text, mask):
    embedding, kernel, bias = float64(model.classifier.weights)
    projection, shift = float64(model.head.weights)
    read = [m * embedding[word] for m, word in zip(mask, words_of(text), strict=True)]
    hidden = np.maximum(np.mean(read, axis=0) @ kernel + bias, 0)
    return softmax(hidden @ projection + shift)


def test_the_bound_of_binary_masks_is_that_of_all_masks():
    model = classifier(layers.IndependentBernoulli(1))
    objective = objectives.EnumeratedELBO()
    joint = model.annotated_joint(TEXTS[:1], TARGETS[:1])
    bound = model.bound_of(joint, objective=objective)
    logits = parameters_of_masks(model, TEXTS[0])[:, 0]
    p = 1 / (1 + np.exp(-logits))
    wanted = 0.0
    for mask in itertools.product((0, 1), repeat=3):
        chance = np.prod(np.where(mask, p, 1 - p))
        wanted += chance * np.log(class_probabilities(model, TEXTS[0], mask)[TARGETS[0]])
    np.testing.assert_allclose(bound.value, [wanted], rtol=1e-4)
    np.testing.assert_allclose(bound.kl, [0], atol=1e-6)
    np.testing.assert_allclose(joint.amounts["kept"], [p.mean()], rtol=1e-5)
    changes = sum(a * (1 - b) + (1 - a) * b for a, b in itertools.pairwise(p)) / 3
    np.testing.assert_allclose(joint.amounts["changes"], [changes], rtol=1e-5)


@pytest.mark.slow
def test_the_bound_of_gates_is_the_mean_over_draws_and_kept_that_of_the_atoms():
    model = classifier()
    bound = model.bound_of(
        model.annotated_joint(TEXTS[2:], TARGETS[2:]),
        objective=objectives.ELBO(num_samples=20_000),
        seed=(1, 2),
    )
    pairs = [[0.01 + softplus(rho) for rho in row] for row in parameters_of_masks(model, TEXTS[2])]
    # Draws by the book: k = (1 - u^(1 / b))^(1 / a), stretched and cut.
    random, found = np.random.default_rng(5), []
    for _ in range(5_000):
        masks = [(1 - random.random() ** (1 / b)) ** (1 / a) for a, b in pairs]
        masks = np.clip(1.2 * np.array(masks) - 0.1, 0, 1)
        found.append(np.log(class_probabilities(model, TEXTS[2], masks)[TARGETS[2]]))
    error = np.std(found) * np.sqrt(1 / 5_000 + 1 / 20_000)
    assert error < 0.02
    assert abs(bound.value[0] - np.mean(found)) < 5 * error
    kept = np.mean([1 - hard_kumaraswamy.atoms(a, b)[0] for a, b in pairs])
    amounts = model.joint(TEXTS[2:]).amounts
    np.testing.assert_allclose(amounts["kept"], [kept], rtol=1e-4)


def test_what_stands_for_all_masks_is_predicted_with():
    model = classifier(layers.IndependentBernoulli(1))
    for text in TEXTS:
        mask = (parameters_of_masks(model, text)[:, 0] > 0).astype(float)
        wanted = class_probabilities(model, text, mask)
        np.testing.assert_allclose(model(tf.constant([text]))[0], wanted, rtol=1e-4)


MASKS = {
    "gates": lambda: layers.HardKumaraswamy(1, min_concentration=0.1),
    "binary": lambda: layers.IndependentBernoulli(1),
    "chain": lambda: layers.LinearChain(2),
}
every_kind = pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)


@pytest.mark.slow
@every_kind
def test_no_row_depends_on_its_batch(masks):
    model = classifier(masks(), networks.LSTMEncoder)
    together = model(tf.constant(TEXTS))
    amounts = model.joint(TEXTS).amounts
    for row, text in enumerate(TEXTS):
        alone = tf.constant([text])
        np.testing.assert_allclose(model(alone)[0], together[row], rtol=1e-4)
        for name, amount in model.joint(alone).amounts.items():
            np.testing.assert_allclose(amount[0], amounts[name][row], rtol=1e-4, atol=1e-6)
        # Wider padding.
        ids = np.pad(model.token_ids(alone), [[0, 0], [0, 4]])
        np.testing.assert_allclose(model(ids)[0], together[row], rtol=1e-4)
    # Nothing is kept where there is no word, and an empty text has an answer, too.
    selection = model.selection(TEXTS)
    ids = model.token_ids(TEXTS).numpy()
    assert not selection.kept.numpy()[ids == 0].any()
    assert not selection.mask.numpy()[ids == 0].any()
    np.testing.assert_allclose(tf.reduce_sum(model(tf.constant([b""]))), 1, rtol=1e-5)
    assert model.joint(np.array([b""])).amounts["kept"].numpy() == [0]


@every_kind
def test_gradients_reach_every_weight_and_annotations_decide_what_is_learnt(masks, eager):
    model = classifier(masks())
    model.objective = objectives.Constrained(
        model.default_objective().objective, [objectives.AtMost("kept", 0.2, multiplier=1.0)]
    )

    def gradients(targets):
        with tf.GradientTape() as tape:
            loss, _ = model.losses_per_example(TEXTS, targets, training=False)
        weights = [weight.value for weight in model.trainable_weights]
        return tape.gradient(loss, weights, unconnected_gradients="zero")

    for weight, gradient in zip(model.trainable_weights, gradients(TARGETS), strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-6, weight.path
    # Without any label nothing is learnt of the classes.
    free = gradients(np.full(3, -1))
    of_head = [
        tf.convert_to_tensor(free[i])
        for i, w in enumerate(model.trainable_weights)
        if w.path.startswith(model.head.path) or "head" in w.path
    ]
    assert of_head
    assert all(np.abs(gradient).max() < 1e-6 for gradient in of_head)


def words_that_decide(count, seed=0):
    """Texts of five words, one of which, good or bad, is the class; the rest is noise."""
    random = np.random.default_rng(seed)
    texts, classes = [], random.integers(0, 2, count)
    for label in classes:
        words = random.choice(["film", "a", "so"], 5)
        words[random.integers(5)] = ["bad", "good"][label]
        texts.append(" ".join(words))
    return np.array([text.encode() for text in texts]), classes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("masks", "objective", "scale", "learning_rate"),
    [
        # Saturated gates have no gradient, and begin as Keras has them.
        (layers.HardKumaraswamy(1), objectives.ELBO(), 0, 0.03),
        (layers.IndependentBernoulli(1), objectives.ScoreFunctionELBO(), 0.8, 0.1),
        (layers.IndependentBernoulli(1), objectives.StraightThroughELBO(), 0.8, 0.1),
        (layers.IndependentBernoulli(1), objectives.SPIGOTELBO(), 0.8, 0.1),
        (layers.LinearChain(2), objectives.ScoreFunctionELBO(), 0.8, 0.1),
    ],
    ids=["gates", "score_function", "straight_through", "spigot", "chain"],
)
def test_the_words_that_decide_are_found(masks, objective, scale, learning_rate):
    """One word in five: found, and no more than a little beside it."""
    texts, classes = words_that_decide(400)
    model = classifier(type(masks).from_config(masks.get_config()), scale=scale)
    limit = objectives.AtMost("kept", 0.2, learning_rate=learning_rate)
    model.compile(keras.optimizers.Adam(0.03), objectives.Constrained(objective, [limit]))
    ids = model.token_ids(texts).numpy()
    model.fit(ids, classes, epochs=16, batch_size=50, verbose=0)
    found = model.evaluate(ids, classes, batch_size=400, verbose=0, return_dict=True)
    kept = model.selection(ids).mask.numpy() > 0
    decisive = np.isin(ids, [4, 5])
    assert found["accuracy"] > 0.98
    assert np.mean(kept[decisive]) > 0.98
    assert np.mean(kept[~decisive]) < 0.1
    assert found["kept"] < 0.3


def test_a_file_brings_everything_back(tmp_path, eager):
    model = classifier(MASKS["gates"](), networks.GRUEncoder, dropout=0.2)
    limits = [objectives.AtMost("kept", 0.3, multiplier=0.7), objectives.AtMost("changes", 0.2)]
    model.compile("adam", objectives.Constrained(objectives.ELBO(num_samples=2), limits))
    model.train_on_batch(TEXTS, TARGETS)
    model.save(tmp_path / "model.keras")
    copy = load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    assert repr(copy.objective) == repr(model.objective)
    np.testing.assert_array_equal(copy(tf.constant(TEXTS)), model(tf.constant(TEXTS)))


@pytest.mark.slow
def test_the_served_model_tells_class_and_words(tmp_path):
    model = classifier(layers.IndependentBernoulli(1))
    signature = model.serving_signatures()["serving_default"]
    signatures = {"serving_default": replace(signature, xla=False)}
    version = export(model, tmp_path / "saved", signatures=signatures, batch_sizes=[2])
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = served(text=tf.constant(TEXTS))
    for row, text in enumerate(TEXTS):
        words = text.decode().split()
        mask = parameters_of_masks(model, text)[:, 0] > 0
        wanted = class_probabilities(model, text, mask.astype(float))
        kept = " ".join(word for word, m in zip(words, mask, strict=True) if m)
        assert answer["rationale"].numpy()[row].decode() == kept
        assert answer["label"].numpy()[row].decode() == CLASSES[wanted.argmax()]
        np.testing.assert_allclose(answer["probability"][row], wanted.max(), rtol=1e-4)
        np.testing.assert_array_equal(answer["mask"][row, : len(words)], mask)
    twin = signature.twin()(signature.prepare()(tf.constant(TEXTS))["token_ids"])
    np.testing.assert_allclose(twin["probabilities"], answer["probabilities"], rtol=1e-4)


def test_a_mask_of_the_users_own_is_read_without_a_first_call():
    selector = networks.BagOfWordsEncoder(VOCABULARY.size, 3, return_sequences=True)
    reader = networks.BagOfWordsEncoder(VOCABULARY.size, 3)
    model = RationaleClassifier(CLASSES, VOCABULARY, selector, reader)
    token_ids = model.token_ids(tf.constant(TEXTS))
    logits = model.class_logits(token_ids, tf.ones([1, *token_ids.shape]))
    assert logits.shape == (1, len(TEXTS), len(CLASSES))


def test_wrong_parts_are_refused():
    selector = networks.BagOfWordsEncoder(9, 4, return_sequences=True)
    pooled = networks.BagOfWordsEncoder(9, 4)

    def make(selector=selector, classifier=pooled, **kwargs):
        return RationaleClassifier(CLASSES, VOCABULARY, selector, classifier, **kwargs)

    with pytest.raises(ValueError, match="`selector` must have return_sequences=True"):
        make(selector=pooled)
    with pytest.raises(ValueError, match="`classifier` must have return_sequences=False"):
        make(classifier=selector)
    with pytest.raises(TypeError, match="`classifier` must be a SequenceEncoder; received <Dense"):
        make(classifier=keras.layers.Dense(3))
    with pytest.raises(ValueError, match="vocabulary has 9 tokens, the selector 10"):
        make(selector=networks.BagOfWordsEncoder(10, 4, return_sequences=True))
    with pytest.raises(ValueError, match="`max_length` must be >= 1; received 0"):
        make(max_length=0)
    with pytest.raises(TypeError, match="`masks` must be a distribution layer"):
        make(masks=keras.layers.Dense(1))
    model = make(masks=layers.Dirichlet(2))
    with pytest.raises(ValueError, match=r"expected HardKumaraswamy\(1\).*received <Dirichlet"):
        model(tf.constant(TEXTS))
    for layer in (layers.HardKumaraswamy(2), layers.IndependentBernoulli(3)):
        model = make(masks=layer)
        with pytest.raises(ValueError, match="one variable a word; received one of"):
            model(tf.constant(TEXTS))
