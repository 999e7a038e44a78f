"""Texts as they come: NumPy's strings, which Keras takes none of, and lists."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.compressor_toys import compressor
from tfp_dgm import models, networks, objectives
from tfp_dgm.text import WordVocabulary

TEXTS, KNOWN = ["cat sat cat", "mat sat", "cat"], ["cat", "", ""]


@pytest.mark.parametrize(
    "given",
    [list, np.array, lambda texts: np.array(texts, "S"), lambda texts: np.array(texts, object)],
    ids=["list", "str", "bytes", "object"],
)
def test_texts_come_as_a_list_or_any_array(eager, given):
    trained = []
    for made in (given, tf.constant):
        model = compressor()
        model.compile("sgd")
        data = made(TEXTS), made(KNOWN)
        fitted = model.fit(*data, validation_data=data, shuffle=False, verbose=0).history
        stepped = model.train_on_batch(*data)
        found = model.evaluate(*data, verbose=0)
        trained.append((fitted, stepped, found, model.predict(data[0], verbose=0).tolist()))
    assert trained[0] == trained[1]


def test_classes_come_as_a_list(eager):
    words = WordVocabulary(["cat", "sat"])
    selector, classifier = (
        networks.BagOfWordsEncoder(words.size, 3, return_sequences=of_words)
        for of_words in (True, False)
    )
    model = models.RationaleClassifier(["no", "yes"], words, selector, classifier, seed=1)
    model.compile("sgd", objectives.ELBO())
    texts, classes = ["cat sat", "cat", ""], [1, -1, 0]
    logs = model.fit(texts, classes, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    found = model.evaluate(texts, classes, verbose=0, return_dict=True)
    answers = model.predict(texts, verbose=0).argmax(axis=1)
    np.testing.assert_allclose(found["accuracy"], (answers == classes)[[0, 2]].mean())


def test_a_batch_of_no_texts_has_answers_of_no_rows():
    assert compressor().predict_on_batch(tf.constant([], tf.string)).shape == (0, 3)
