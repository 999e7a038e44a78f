"""Texts are drawn by the seeds of their rows: in any number, and on a server."""

import numpy as np
import pytest
import tensorflow as tf

from tests.sentence_modelling.untrained_models import untrained
from tfp_dgm.sentence_modelling import generate, load_text_model
from tfp_dgm.serving.signatures.signatures_of import signatures_of


@pytest.fixture(scope="module", params=["vae", "language_model"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    return load_text_model(untrained(folder, {"model": request.param}))


def test_a_server_writes_the_same_texts_by_the_same_seeds(model):
    texts = generate(model, 3, seed=7)
    body = signatures_of(model)["generate"].body
    seeds = np.array([[7, 2], [7, 0]], np.int32)  # Of rows in another order.
    served = body(seed=tf.constant(seeds), temperature=tf.ones([2]))
    found = model.vocabulary.detokenize(served["token_ids"]).numpy()
    assert [text.decode() for text in found] == [texts[2], texts[0]]
    assert len(set(texts)) > 1


def test_more_texts_begin_with_the_same(model, monkeypatch):
    monkeypatch.setattr("tfp_dgm.sentence_modelling.generation.AT_ONCE", 2)
    assert generate(model, 5, seed=7)[:3] == generate(model, 3, seed=7)
    assert generate(model, 3, seed=8) != generate(model, 3, seed=7)
