"""Data as people have them: texts in lists, arrays and columns; batches, which are let go."""

import gc
import weakref

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.models.compressor_toys import compressor
from tests.models.text_vae_oracle import randomize
from tests.models.texts import make_language_model, make_vae
from tfp_dgm import models, networks, objectives
from tfp_dgm.models.data_intake import as_arrays
from tfp_dgm.text import BucketedBatches, WordVocabulary

TEXTS = ["a b c", "c", ""]
SENTENCES, KNOWN = ["cat sat cat", "mat sat", "cat"], ["cat", "", ""]
KINDS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "array": np.array(TEXTS),
    "bytes": np.array([text.encode() for text in TEXTS]),
    "objects": np.array(TEXTS, object),
    "column": pd.Series(TEXTS, index=[7, 5, 5]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_fit_evaluate_and_predict_take_texts(eager, kind):
    """As token ids [N, T], which no conversion touches, give them."""
    vocabulary = WordVocabulary(["a", "b", "c"])
    model = randomize(make_language_model(vocabulary=vocabulary))
    model.compile(keras.optimizers.SGD(0.0))
    token_ids, texts = vocabulary(tf.constant(TEXTS)), KINDS[kind]
    expected = model.evaluate(token_ids, verbose=0, return_dict=True)
    history = model.fit(texts, validation_data=(texts,), verbose=0).history
    found = [model.evaluate(texts, verbose=0, return_dict=True)]
    found += [{name: history[start + name][0] for name in expected} for start in ("", "val_")]
    found.append(model.train_on_batch(texts, return_dict=True))
    for logs in found:
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_predicted_in_their_order(eager, kind):
    vocabulary = WordVocabulary(["a", "b", "c"])
    model = randomize(make_vae(vocabulary=vocabulary))
    expected = model(vocabulary(tf.constant(TEXTS)))
    found = model.predict(KINDS[kind], batch_size=2, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_is_no_text_stays_what_it_is():
    numbers, column = np.zeros([2, 3]), pd.Series([1.0, 2.0])
    mixed = np.array(["a", None], object)
    for data in (numbers, column, mixed, None, [], tf.constant(["a"])):
        assert as_arrays(data) is data or data == []
    nested = as_arrays({"condition": numbers, "event": ["a", "b"]})
    assert nested["condition"] is numbers
    np.testing.assert_array_equal(nested["event"], [b"a", b"b"])
    pair = as_arrays((np.array(["a"]), numbers))
    assert isinstance(pair, tuple)
    assert pair[0].dtype == tf.string
    assert pair[1] is numbers


@pytest.mark.slow
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
        data = made(SENTENCES), made(KNOWN)
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


@pytest.mark.parametrize("how", ["fit", "validation", "evaluate", "predict"])
def test_batches_are_let_go(eager, how):
    """Keras makes data sets of them that TensorFlow keeps until the process ends."""
    model = randomize(make_vae(vocabulary=WordVocabulary(["a", "b", "c"])))
    model.compile("sgd")
    rows = list(model.token_ids(TEXTS).numpy())
    batches = BucketedBatches(rows, 2)
    if how == "fit":
        model.fit(batches, shuffle=False, verbose=0)
    elif how == "validation":
        model.fit(TEXTS, validation_data=batches, verbose=0)
    else:
        getattr(model, how)(batches, verbose=0)
    watched = weakref.ref(batches)
    del batches
    gc.collect()
    assert watched() is None
