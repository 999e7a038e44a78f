"""A captioner with latent alignments says in its SavedModel what it says in Python."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.models import captioner_toys as toys
from tfp_dgm.inference import expert_texts
from tfp_dgm.networks import LSTMEncoder
from tfp_dgm.serving import export
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

WORDS = ["a", "dog", "cat", "runs", "sits"]
SOURCES = ["x y z", "z", "w w"]


@pytest.fixture(scope="module")
def model():
    """Alignments are summed out by the plain captioner as by the one with a network."""
    made = toys.variational_attention(
        2,
        encoder=LSTMEncoder(8, toys.FEATURES, embedding_units=4, return_sequences=True),
        vocabulary=WordVocabulary(WORDS, max_length=toys.LENGTH),
        source_vocabulary=WordVocabulary(list("wxyz"), max_length=4),
    )
    inputs = {"source": made.source_vocabulary(tf.constant(SOURCES)).numpy()}
    return toys.randomized(made, {**inputs, "token_ids": toys.inputs(3)["token_ids"]})


def test_the_beam_and_the_scores_are_those_of_python(model, tmp_path):
    signatures = dict(signatures_of(model))
    kept = {
        "serving_default": signatures["serving_default"],
        "score": replace(signatures["score"], xla=True),
    }
    version = export(model, tmp_path / "saved", signatures=kept, batch_sizes=[3])
    served = tf.saved_model.load(str(version)).signatures
    encoded = model.encode(model.source_vocabulary(tf.constant(SOURCES)))
    texts = expert_texts(model, encoded, beam_size=3)
    answer = served["serving_default"](text=tf.constant(SOURCES))
    strings = model.vocabulary.detokenize(texts.token_ids).numpy()
    np.testing.assert_array_equal(answer["captions"], strings)
    assert len(set(strings.ravel())) > 2
    np.testing.assert_allclose(answer["log_probability"], texts.log_marginal, rtol=1e-4)
    captions = ["a dog", "cat sits sits", ""]
    inputs = {
        "source": model.source_vocabulary(tf.constant(SOURCES)),
        "token_ids": model.vocabulary(tf.constant(captions)),
    }
    expected = model.log_marginal(inputs).numpy()
    plain = served["score"](text=tf.constant(SOURCES), caption=tf.constant(captions))
    np.testing.assert_allclose(plain["log_probability"], expected, rtol=1e-4)
    ids = tf.pad(inputs["token_ids"], [[0, 0], [0, toys.LENGTH - inputs["token_ids"].shape[1]]])
    source = tf.pad(inputs["source"], [[0, 0], [0, 4 - inputs["source"].shape[1]]])
    twin = served["score_xla"](source=source, token_ids=ids)
    np.testing.assert_allclose(twin["log_probability"], expected, rtol=1e-4)
