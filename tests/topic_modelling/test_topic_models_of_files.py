"""Files by neural models: what is written names the model; the encoder stands in what is served."""

import numpy as np
import pytest
import tensorflow as tf

from tests.labelling.tiny_encoder import write_tiny_encoder
from tests.topic_modelling.made_texts import COMMON, OWN_WORDS, rows_of, write_texts
from tfp_dgm.data import TOPIC_MODELS, DataError, read_json
from tfp_dgm.models import load_model
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.topic_modelling import amortized_fitting, predict_topics, topics_of_file
from tfp_dgm.topic_modelling.document_encoder import document_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neural")
    write_texts(folder / "in.csv", 90)
    return folder


def _found(folder, model, **asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(amortized_fitting, "_EPOCHS", 12)
        return topics_of_file(
            folder / "in.csv",
            folder / model,
            text_columns=["text"],
            num_topics=3,
            model=model,
            mixture=True,
            **asked,
        )


@pytest.mark.slow
def test_a_file_by_an_embedded_topic_model(folder):
    job = _found(folder, "etm")
    assert "90 texts, 3 topics by etm" in job.summary()
    told = rows_of(job.output)
    assert len({(row["kind"], row["topic"]) for row in told}) == 3
    metrics = read_json(folder / "etm" / "metrics.json", "metrics")
    assert metrics["model"] == "etm"
    assert metrics["active_units"] in (2, 3)
    weighted = metrics["importance_weighted"]
    assert weighted["documents"] == 90
    assert weighted["perplexity"] == pytest.approx(np.exp(-weighted["nats_a_word"]), rel=1e-4)
    assert "etm" in (folder / "etm" / "report.html").read_text("utf-8")
    assert predict_topics(folder / "etm", folder / "in.csv", folder / "n.csv") == 90
    assert [row["topic"] for row in rows_of(folder / "n.csv")] == [row["topic"] for row in told]


@pytest.mark.slow
def test_the_encoder_of_a_contextualised_model_is_served_with_it(folder):
    preset = write_tiny_encoder(folder / "tiny", [*OWN_WORDS, *COMMON])
    job = _found(folder, "ctm", encoder=preset)
    settings = read_json(folder / "ctm" / "settings.json", "settings")
    assert (settings["model"], settings["encoder"]) == ("ctm", preset)
    assert job.outcome.seconds["encoding"] > 0
    told = rows_of(job.output)
    teller = load_model(folder / "ctm" / "model.keras")
    texts = [row["text"] for row in told[:6]]
    mixtures, _ = teller.mixtures_of(texts)
    shares = [[float(row[name]) for name in row if name.startswith("share of")] for row in told[:6]]
    np.testing.assert_allclose(mixtures, shares, atol=1e-3)
    served = tf.saved_model.load(str(folder / "ctm" / "saved_model" / "1"))
    answer = served.signatures["serving_default"](text=tf.constant([*texts, ""]))
    np.testing.assert_allclose(answer["mixture"][:6], mixtures, atol=1e-4)
    assert answer["topic"].numpy()[:6].astype(str).tolist() == [row["topic"] for row in told[:6]]
    assert answer["topic"].numpy()[6] == b""
    # The tiny encoder reads 16 tokens of a text; these have 14 words.
    assert not any("longer than" in warning for warning in job.warnings)


def test_encoders_that_do_not_go_with_the_model_are_named(tmp_path, monkeypatch):
    for model in TOPIC_MODELS[:3]:
        assert document_encoder(None, model) is document_encoder("none", model) is None
        with pytest.raises(DataError, match=f"encoder: the model '{model}' reads words alone"):
            document_encoder("auto", model)
    with pytest.raises(DataError, match="encoder: the model 'ctm' needs one; received 'none'"):
        document_encoder("none", "ctm")
    with pytest.raises(DataError, match="model: expected one of lda, prodlda, etm, ctm"):
        document_encoder(None, "lsa")
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"needs one, and none is at hand\. .*in the cache"):
        document_encoder("auto", "ctm")
    encoder = SentenceEncoder.from_preset(write_tiny_encoder(tmp_path / "tiny", list(COMMON)))
    assert document_encoder(encoder, "ctm") is encoder
