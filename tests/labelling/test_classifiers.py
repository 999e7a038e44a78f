"""Classifiers of several label columns in one model."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.labelling_models import TEXTS, classifier, column_classifiers
from tests.labelling.made_classifiers import drawn_classifier
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.models import load_model
from tfp_dgm.serving import export

WORDS = ["apple", "pear", "iron", "zinc"]
# What a column may be called, and an input of TensorFlow may not.
COLUMNS = ("topic", "mo/od \u00dc.", "")


@pytest.fixture(scope="module")
def several():
    """Three that share the first's features, and their answers one by one."""
    first = drawn_classifier(WORDS, seed=1)
    alone = [first]
    for seed, classes in ((2, ("a", "b", "c")), (3, ("u", "v"))):
        other = drawn_classifier(WORDS, classes=classes, seed=seed)
        shared = {
            name: first.given_arguments()[name]
            for name in ("vae_words", "vae_scale", "word_counts", "tf_idf", "lsa", "vae", "encoder")
        }
        alone.append(type(first)(**other.given_arguments() | shared))
        alone[-1].build()
    return TextClassifiers.of(dict(zip(COLUMNS, alone, strict=True))), alone


def test_each_column_is_answered_as_by_its_classifier_alone(several):
    model, alone = several
    texts = tf.constant(["apple iron", "pear", "", "zinc zinc apple"])
    answers = model(texts)
    assert list(answers) == list(COLUMNS)
    for column, one in zip(COLUMNS, alone, strict=True):
        np.testing.assert_allclose(answers[column], one(texts), rtol=1e-6)
    assert not np.allclose(answers[COLUMNS[0]], answers[COLUMNS[1]])


def test_what_reads_the_text_is_saved_once(several, tmp_path):
    model, alone = several
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.columns == COLUMNS
    assert [one.classes for one in again.classifiers] == [one.classes for one in alone]
    first, *others = again.classifiers
    for other in others:
        assert (other.lsa, other.vae, other.word_counts) == (
            first.lsa,
            first.vae,
            first.word_counts,
        )
    own = [*alone[0].heads, *alone[0].naive_bayes, alone[0].student]
    shared = len(alone[0].weights) - sum(len(layer.weights) for layer in own)
    assert len(again.weights) == sum(len(one.weights) - shared for one in alone) + shared
    texts = tf.constant(["apple iron", "zinc"])
    for column, answer in again(texts).items():
        np.testing.assert_allclose(answer, model(texts)[column], rtol=1e-6)


@pytest.mark.slow
def test_the_served_columns_have_prefixes(tmp_path):
    model = column_classifiers()[0]
    signature = model.serving_signatures()["serving_default"]
    plain = {"serving_default": replace(signature, xla=False)}
    folder = export(model, tmp_path / "served", batch_sizes=[2], signatures=plain)
    answer = tf.saved_model.load(str(folder)).signatures["serving_default"](text=tf.constant(TEXTS))
    twin = signature.uncompiled_twin(*signature.prepare()(tf.constant(TEXTS)).values())
    finished = signature.finish()(*twin.values())
    expected = model(tf.constant(TEXTS))
    for column in ("topic", "mood/tone"):
        probabilities = expected[column].numpy()
        for found in (answer, finished):
            np.testing.assert_allclose(found[f"{column}_probabilities"], probabilities, rtol=1e-5)
        names = model.by_column[column].classes
        best = [names[k].encode() for k in probabilities.argmax(axis=1)]
        assert answer[f"{column}_label"].numpy().tolist() == best
    # Of the golden classifier, 0.8; the other accepts nothing.
    accepted = expected["topic"].numpy().max(axis=1) >= 0.8
    np.testing.assert_array_equal(answer["topic_accept"], accepted)
    assert not answer["mood/tone_accept"].numpy().any()
    assert set(model.serving_signatures()) == {"serving_default", "encode"}


def test_a_classifier_for_each_column():
    model = classifier()[0]
    arguments = {
        name: model.given_arguments()[name]
        for name in ("vae_words", "vae_scale", "word_counts", "tf_idf", "lsa", "vae", "encoder")
    }
    with pytest.raises(ValueError, match="answering: expected as many as there are columns"):
        TextClassifiers(["a"], [], **arguments)
