"""Weights, shapes and values that reach every model: applied as they are meant, or refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import captioner_toys, compressor_toys, texts, toys
from tfp_dgm import layers, models, networks
from tfp_dgm.models.example_weights import weights_of_classes
from tfp_dgm.models.usage_entropy import UsageEntropy
from tfp_dgm.networks import MLP
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import NUM_SPECIAL

ROWS = 4
WEIGHTS = np.array([0.5, 2.0, 0.0, 3.0], np.float32)
LOSSES = np.array([1.0, -2.0, 7.0, 4.0], np.float32)
COUNTS = toys.counts(ROWS)[0]
BINARY = toys.binary(ROWS)
TEXTS = np.stack(texts.rule_texts(ROWS)).astype(np.int32)
NEGATIVE = (-1.0, "BagOfWords expects counts .* of 0 and more")
WHITE = (255.0, "IndependentBernoulli expects values from 0 to 1")
AFTER_END = (2, "TokenSequence expects ids below .* after 2")  # Another END follows.
UNPARSED = (2, "CompoundContextFreeGrammar expects 2 words or more and 2 .* after 2")


@dataclass(frozen=True)
class Case:
    """A model, what it is given, and a value that it refuses, in words."""

    make: Callable[[], models.LatentVariableModel]
    inputs: Any
    wrong: tuple[float, str]
    targets: np.ndarray | None = None

    def changed(self, change):
        """The inputs, changed where they are events of the likelihood."""
        inputs = keras.tree.map_structure(np.copy, self.inputs)
        if isinstance(inputs, dict):
            return {**inputs, "token_ids": change(inputs["token_ids"])}
        return change(inputs)


def m1_m2():
    upper = models.M2(
        toys.CLASSES, MLP([3]), None, layers.MultivariateNormalDiag(2), latent_units=2, name="upper"
    )
    return models.M1M2(toys.vae(name="lower"), upper)


def hierarchical():
    likelihood = layers.IndependentBernoulli(toys.WORDS)
    posterior, prior = layers.MultivariateNormalDiag(2), layers.StandardNormalPrior(2)
    return models.HierarchicalVAE([None], [posterior], [None], likelihood, prior=prior)


def categorical():
    likelihood = layers.IndependentBernoulli(toys.WORDS)
    return models.CategoricalVAE(MLP([3]), None, likelihood, num_variables=2, num_values=2)


def structured_vocabulary():
    words = [f"w{n}" for n in range(texts.V - NUM_SPECIAL)]
    return WordVocabulary(words, split_punctuation=False)


def compound_grammar():
    encoder = keras.Sequential([keras.layers.Embedding(texts.V, 3), keras.layers.LSTM(2)])
    likelihood = layers.CompoundContextFreeGrammar(texts.V, 2, 2, max_length=5, symbol_units=3)
    return models.CompoundGrammar(encoder, likelihood, latent_units=2)


def rationale_classifier():
    return models.RationaleClassifier(
        ["no", "yes"],
        structured_vocabulary(),
        networks.BagOfWordsEncoder(texts.V, 3, embedding_units=2, return_sequences=True),
        networks.BagOfWordsEncoder(texts.V, 3, embedding_units=2),
    )


def stochastic_recurrent():
    decoder = networks.GRUDecoder(texts.V, 3, conditioning_units=2, embedding_units=2)
    encoder = keras.layers.Embedding(texts.V, 2)
    return models.StochasticRecurrentTextModel(encoder, decoder, latent_units=2)


NONE = np.full(ROWS, -1)  # No example is annotated.
CASES = {
    models.VAE: Case(toys.vae, COUNTS, NEGATIVE),
    models.M2: Case(toys.m2, COUNTS, NEGATIVE, NONE),
    models.M1M2: Case(m1_m2, COUNTS, NEGATIVE, NONE),
    models.BagOfWordsVAE: Case(
        lambda: models.BagOfWordsVAE(np.ones(toys.WORDS), units=3, latent_units=2), COUNTS, NEGATIVE
    ),
    models.LatentDirichletAllocation: Case(
        lambda: models.LatentDirichletAllocation(2, toys.WORDS, steps=3),
        COUNTS,
        (-1.0, "`x` must be counts .* of 0 and more"),
    ),
    models.AmortizedTopicModel: Case(
        lambda: models.AmortizedTopicModel(
            layers.ProductOfTopics(toys.WORDS), layers.MultivariateNormalDiag(2), units=(3,)
        ),
        COUNTS,
        (-1.0, "`x` must be counts .* of 0 and more"),
    ),
    models.DocumentMixture: Case(
        lambda: models.DocumentMixture(2, toys.WORDS),
        COUNTS,
        (-1.0, "`x` must be counts .* of 0 and more"),
    ),
    models.HierarchicalVAE: Case(hierarchical, BINARY, WHITE),
    models.CategoricalVAE: Case(categorical, BINARY, WHITE),
    models.SigmoidBeliefNetwork: Case(
        lambda: models.SigmoidBeliefNetwork((toys.WORDS,), units=(2,)), BINARY, WHITE
    ),
    models.TextVAE: Case(texts.make_vae, TEXTS, AFTER_END),
    models.QuantizedTextVAE: Case(texts.make_quantized, TEXTS, AFTER_END),
    models.ChainVAE: Case(
        lambda: models.ChainVAE(texts.V, 2, keras.layers.Embedding(texts.V, 3)),
        TEXTS,
        (texts.V, "`x` must be whole numbers from 0 to"),
    ),
    models.CompoundGrammar: Case(compound_grammar, TEXTS, UNPARSED),
    models.ExactLikelihoodModel: Case(
        lambda: models.ExactLikelihoodModel(layers.IndependentBernoulli(toys.WORDS)), BINARY, WHITE
    ),
    models.MeanFieldModel: Case(
        lambda: models.MeanFieldModel(layers.FactorialHiddenMarkov(2, 2, 2, num_steps=3)),
        np.random.default_rng(1).normal(size=(ROWS, 3, 2)).astype(np.float32),
        (np.inf, "FactorialHiddenMarkov expects finite vectors"),
    ),
    models.StructuredLanguageModel: Case(
        lambda: models.StructuredLanguageModel(
            layers.HiddenMarkovText(texts.V, 2, 4, seed=1), structured_vocabulary()
        ),
        TEXTS,
        (texts.V, "`x` must be whole numbers from 0 to"),
    ),
    models.RationaleClassifier: Case(
        rationale_classifier, TEXTS, (texts.V, "`x` must be whole numbers from 0 to"), NONE
    ),
    models.StochasticRecurrentTextModel: Case(stochastic_recurrent, TEXTS, AFTER_END),
    models.SentenceCompressor: Case(compressor_toys.compressor, TEXTS, AFTER_END),
    models.LanguageModel: Case(texts.make_language_model, TEXTS, AFTER_END),
    models.LanguageModelMixture: Case(
        texts.make_mixture, TEXTS, (2, "ClusterTexts expects ids below .* after 2")
    ),
    models.VariationalAttentionCaptioner: Case(
        captioner_toys.variational_attention,
        {**captioner_toys.inputs(ROWS), "token_ids": TEXTS},
        AFTER_END,
    ),
    models.MixtureOfExpertsCaptioner: Case(
        captioner_toys.captioner,
        {**captioner_toys.inputs(ROWS), "token_ids": TEXTS},
        AFTER_END,
    ),
}
every_model = pytest.mark.parametrize("case", CASES.values(), ids=[cls.__name__ for cls in CASES])


def test_every_public_model_has_a_case():
    public = {getattr(models, name) for name in models.__all__}
    named = {part for part in public if isinstance(part, type)}
    subclasses = {part for part in named if issubclass(part, models.LatentVariableModel)}
    assert subclasses == CASES.keys() | {models.LatentVariableModel}


@every_model
def test_a_call_in_mixed_precision_reckons_as_training_does(case, dtype_policy):
    """In which no weight is cast but by who uses it: Keras calls parts of a model there, no model.

    301 and most of its multiples have no place in bfloat16.
    """
    dtype_policy("mixed_bfloat16")
    model = case.make()
    many = 301 if "counts" in case.wrong[1] else 1
    inputs = keras.tree.map_structure(lambda part: tf.constant(many * part), case.inputs)
    model.build(keras.tree.map_structure(np.shape, case.inputs, none_is_leaf=False))
    rng = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(scale=0.1, size=weight.shape))
    called, expected = (keras.tree.flatten(one(inputs)) for one in (model, model.call))
    for one, other in zip(called, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@every_model
def test_a_call_reads_doubles_as_floats(case):
    def doubled(part):
        return tf.constant(part, tf.float64 if part.dtype == np.float32 else part.dtype)

    model = case.make()
    floats = keras.tree.map_structure(tf.constant, case.inputs)
    expected = keras.tree.flatten(model(floats))
    found = keras.tree.flatten(model(keras.tree.map_structure(doubled, case.inputs)))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def with_known_losses(model, inputs, **kwargs):
    """The model, with losses of `LOSSES` times its first weight, which is 1; compiled."""
    model.build(keras.tree.map_structure(np.shape, inputs, none_is_leaf=False))
    first = model.trainable_weights[0]
    first.assign(np.ones(first.shape))

    def losses_per_example(inputs, targets, training):
        weights = model.trainable_weights
        unused = tf.add_n([0.0 * tf.reduce_sum(weight) for weight in weights[1:]])
        losses = LOSSES * tf.reduce_mean(weights[0]) + unused
        parts = {metric.name: (-losses, None) for metric in model.metrics[1:]}
        for usage in (metric for metric in model.metrics if isinstance(metric, UsageEntropy)):
            parts[usage.name] = (tf.one_hot([0, 0, 1, 1], usage.total.shape[0]), None)
        return losses, parts

    model.losses_per_example = losses_per_example
    model.compile(keras.optimizers.SGD(1.0), **kwargs)
    return model


@every_model
def test_weights_scale_each_loss_with_targets_or_without(case):
    """Weights multiply, the gradient's divisor stays B; what is logged is the weighted mean."""
    model = with_known_losses(case.make(), case.inputs, run_eagerly=True)
    data = {"x": case.inputs, "y": case.targets, "batch_size": ROWS, "verbose": 0}
    mean = (WEIGHTS * LOSSES).sum() / WEIGHTS.sum()
    evaluated = model.evaluate(**data, sample_weight=WEIGHTS, return_dict=True)
    np.testing.assert_allclose(evaluated["loss"], mean, rtol=1e-5)
    column = WEIGHTS[:, np.newaxis]
    history = model.fit(**data, sample_weight=column, shuffle=False).history
    np.testing.assert_allclose(history["loss"], [mean], rtol=1e-5)
    np.testing.assert_allclose(history["bound"], [-mean], rtol=1e-5)
    shares = np.array([2.5, 3.0]) / 5.5
    entropy = -(shares * np.log(shares)).sum()
    for name, expected in {"usage_entropy": entropy, "usage_perplexity": np.exp(entropy)}.items():
        if name in history:
            np.testing.assert_allclose(history[name], [expected], rtol=1e-5)
    step = (WEIGHTS * LOSSES).sum() / ROWS
    first = model.trainable_weights[0]
    np.testing.assert_allclose(np.mean(first), 1 - step / np.size(first), rtol=1e-5)


@every_model
def test_values_outside_the_support_are_refused(case):
    model = with_known_losses(case.make(), case.inputs, run_eagerly=True)
    value, message = case.wrong

    def spoil(events):
        events[2, 2] = value
        return events

    with pytest.raises(
        tf.errors.InvalidArgumentError, match=rf"(?s){message}.*received.*row\D+2\b"
    ):
        model.fit(case.changed(spoil), case.targets, verbose=0, shuffle=False)


@every_model
def test_inputs_of_another_shape_are_refused(case):
    model = with_known_losses(case.make(), case.inputs, run_eagerly=True)
    inputs = case.changed(lambda events: events[..., np.newaxis])
    with pytest.raises(ValueError, match=r"expected the shape \[B, .*\]; received \(4, .*, 1\)"):
        model.train_on_batch(inputs, case.targets)


def mixture(**kwargs):
    return with_known_losses(toys.mixture(**kwargs), BINARY)


STEP = 1 - (WEIGHTS * LOSSES).sum() / ROWS / (toys.WORDS * toys.CLASSES)


@pytest.mark.parametrize("kind", ["data set", "generator", "train_on_batch"])
def test_weights_without_targets_from_anywhere(kind):
    model, weights = mixture(), WEIGHTS[:, np.newaxis]
    if kind == "data set":
        dataset = tf.data.Dataset.from_tensors(0).map(lambda _: (BINARY, None, weights))
        model.fit(dataset, verbose=0, shuffle=False)
    elif kind == "generator":
        batches = (batch for batch in [(BINARY, None, weights)] * 2)  # Keras looks at two.
        model.fit(batches, steps_per_epoch=1, verbose=0, shuffle=False)
    else:
        model.train_on_batch(BINARY, sample_weight=weights)
    np.testing.assert_allclose(np.mean(model.trainable_weights[0]), STEP, rtol=1e-5)


def test_weights_of_validation_data_without_targets():
    model = mixture()
    run = {"batch_size": ROWS, "verbose": 0, "shuffle": False}
    history = model.fit(BINARY, validation_data=(BINARY, None, WEIGHTS), **run).history
    updated = 1 - LOSSES.mean() / (toys.WORDS * toys.CLASSES)
    mean = (WEIGHTS * LOSSES).sum() / WEIGHTS.sum()
    np.testing.assert_allclose(history["val_loss"], [mean * updated], rtol=1e-5)


@pytest.mark.parametrize("shape", [(), (1,), (ROWS, 2), (1, ROWS), (ROWS, 1, 1)], ids=str)
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"`sample_weight` must be .*4 examples; received the"):
        mixture().train_on_batch(BINARY, sample_weight=np.ones(shape, np.float32))


def test_weights_of_a_data_set_of_unknown_shape_are_refused_when_it_runs():
    signature = (tf.TensorSpec([None, 6]), tf.TensorSpec([None, 1]), tf.TensorSpec([None]))
    batches = tf.data.Dataset.from_generator(
        lambda: [(BINARY, np.zeros([ROWS, 1]), np.ones(1))], output_signature=signature
    )
    message = "Mixture: `sample_weight` must be of as many examples as the inputs"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        mixture().fit(batches, verbose=0, shuffle=False)


def test_targets_of_other_examples_are_refused():
    with pytest.raises(ValueError, match=r"Mixture: `y` must be of as many .* 4; received .*\(1,"):
        mixture().train_on_batch(BINARY, np.zeros(1))


def test_metric_of_experts_takes_weights_in_a_column():
    metric = UsageEntropy(2)
    metric.update_state(tf.one_hot([0, 1, 1, 0], 2), WEIGHTS[:, np.newaxis])
    shares = np.array([3.5, 2.0]) / 5.5
    np.testing.assert_allclose(metric.result(), -(shares * np.log(shares)).sum(), rtol=1e-5)
    with pytest.raises(ValueError, match=r"UsageEntropy: .* received the shape \(1, 4\)"):
        metric.update_state(tf.one_hot([0, 1, 1, 0], 2), WEIGHTS[np.newaxis])


CLASS_WEIGHT = {0: 5.0, 1: 2.0, -1: 0.5}
MATRIX = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (MATRIX, [5.0, 0.5, 0.5, 0.5, 2.0, 1.0]),
        (MATRIX.astype(np.float32), [5.0, 0.5, 0.5, 0.5, 2.0, 1.0]),
        (np.array([0, -1, 2, 1]), [5.0, 0.5, 1.0, 2.0]),
        (np.array([[0.0], [-1.0], [2.0]]), [5.0, 0.5, 1.0]),
    ],
)
def test_weights_of_classes(targets, expected):
    np.testing.assert_array_equal(weights_of_classes(targets, CLASS_WEIGHT), expected)


@pytest.mark.parametrize("kind", ["arrays", "data set", "train_on_batch"])
def test_class_weight_leaves_what_is_not_annotated_alone(kind):
    model = mixture()
    targets, weights = MATRIX[:ROWS], np.array([5.0, 1.0, 1.0, 1.0])
    if kind == "arrays":
        model.fit(BINARY, targets, class_weight={0: 5.0}, batch_size=ROWS, verbose=0, shuffle=False)
    elif kind == "data set":
        dataset = tf.data.Dataset.from_tensors((BINARY, targets))
        model.fit(dataset, class_weight={0: 5.0}, verbose=0, shuffle=False)
    else:
        model.train_on_batch(BINARY, targets, class_weight={0: 5.0})
    step = (weights * LOSSES).sum() / ROWS / (toys.WORDS * toys.CLASSES)
    np.testing.assert_allclose(np.mean(model.trainable_weights[0]), 1 - step, rtol=1e-5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": BINARY}, "`class_weight` needs targets"),
        ({"x": BINARY, "y": NONE, "sample_weight": WEIGHTS}, "received both"),
        ({"x": tf.data.Dataset.from_tensors(BINARY)}, "batches of inputs alone"),
        ({"x": tf.data.Dataset.from_tensors((BINARY, NONE, WEIGHTS))}, "received both"),
        ({"x": BINARY, "y": np.zeros([ROWS, 1, 1])}, r"received shape \(4, 1, 1\)"),
    ],
)
def test_class_weight_without_one_class_an_example_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        mixture().fit(**data, class_weight={0: 5.0}, verbose=0, shuffle=False)


def test_weights_beside_a_data_set_are_left_for_keras_to_refuse():
    with pytest.raises(ValueError, match="`sample_weights` should not be passed"):
        mixture().fit(tf.data.Dataset.from_tensors(BINARY), sample_weight=WEIGHTS, verbose=0)


def test_arguments_of_a_step_may_be_given_by_place():
    model = with_known_losses(toys.mixture(), BINARY)
    logs = model.train_on_batch(BINARY, None, None, None, True)
    assert logs["loss"] == pytest.approx(LOSSES.mean())


def test_grey_pixels_are_given_their_cross_entropy():
    grey = BINARY * 0.5 + 0.25
    model = models.ExactLikelihoodModel(layers.IndependentBernoulli(toys.WORDS))
    model.build(grey.shape)
    kernel, bias = model.likelihood.projection.weights
    kernel.assign(tf.zeros_like(kernel))
    bias.assign(np.linspace(-2, 2, toys.WORDS))
    white = 1 / (1 + np.exp(-np.linspace(-2, 2, toys.WORDS)))
    expected = -(grey * np.log(white) + (1 - grey) * np.log(1 - white)).sum(axis=1).mean()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    assert model.train_on_batch(grey, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: np.where(ids == 2, texts.V, ids),
        lambda ids: np.where(ids == 2, -1, ids),
        lambda ids: np.pad(ids, [(0, 0), (1, 0)]),  # PAD before
        lambda ids: np.pad(ids, [(0, 0), (1, 0)], constant_values=1),  # START before
    ],
)
def test_token_ids_that_no_decoder_writes_are_refused(change):
    model = with_known_losses(texts.make_language_model(), TEXTS)
    with pytest.raises(tf.errors.InvalidArgumentError, match="TokenSequence expects ids below 7"):
        model.train_on_batch(change(TEXTS))


@pytest.mark.parametrize("make", [texts.make_vae, texts.make_language_model])
def test_token_ids_that_are_no_integers_are_refused(make):
    with pytest.raises(tf.errors.InvalidArgumentError, match="token ids must be integers"):
        make().predict(TEXTS + np.float32(0.7), verbose=0)


@pytest.mark.parametrize(
    "data", [BINARY * 255, tf.data.Dataset.from_tensors((BINARY * 255, NONE))], ids=["array", "set"]
)
def test_values_are_refused_where_xla_drops_the_assertions_of_a_step(data):
    model = with_known_losses(toys.mixture(), BINARY, jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expects values from 0 to 1"):
        model.fit(data, verbose=0, shuffle=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expects values from 0 to 1"):
        model.evaluate(data, verbose=0)
