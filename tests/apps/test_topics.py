"""`dgm topics`, `dgm topics predict` and `dgm cluster`, on a small file; and on to labels."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.labelling.tiny_encoder import write_tiny_encoder
from tests.serving.beam.answered_shards import asked
from tests.topic_modelling.made_texts import TOPICS, rows_of, write_texts


def _run(*words):
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("topics")
    write_texts(folder / "in.csv")
    (folder / "seeds.yaml").write_text("rockets: [rocket]\n")
    return folder


@pytest.fixture(scope="module")
def topics(folder):
    words = ("--text-column", "text", "--output", folder / "out", "--num-topics", 3, "--quiet")
    more = ("--seed-words", folder / "seeds.yaml", "--json", folder / "figures.json")
    result = _run("topics", folder / "in.csv", *words, *more)
    assert result.exit_code == 0, result.output
    return result


def test_topics_are_shown_with_their_shares(folder, topics):
    assert "120 texts, 3 topics" in topics.stdout
    assert "33.3%  rockets" in topics.stdout
    assert str(folder / "out" / "report.html") in topics.stdout
    figures = json.loads((folder / "figures.json").read_text())
    assert [one["seeded"] for one in figures["topics"]].count(True) == 1
    told = rows_of(folder / "out" / "documents.csv")
    assert {row["topic"] for row in told if row["kind"] == "space"} == {"rockets"}


def test_new_files_are_told(folder, topics):
    result = _run(
        "topics", "predict", folder / "out", folder / "in.csv", "--output", folder / "n.csv"
    )
    assert result.exit_code == 0, result.output
    assert "120 rows told" in result.stdout
    old, new = rows_of(folder / "out" / "documents.csv"), rows_of(folder / "n.csv")
    assert [row["topic"] for row in new] == [row["topic"] for row in old]
    again = _run(
        "topics", "predict", folder / "out", folder / "in.csv", "--output", folder / "n.csv"
    )
    assert again.exit_code == 0, again.output


def _same_as_the_stream(model, folder, tmp_path, kind):
    words = ("--output", tmp_path / "n.csv", "--mixture")
    done = _run("topics", "predict", model, folder / "in.csv", *words)
    assert done.exit_code == 0, done.output
    expected = rows_of(tmp_path / "n.csv")
    found = rows_of(asked(model, "serving_default", folder / "in.csv", tmp_path / "run"))
    assert [row["topic"] for row in found] == [row[kind] for row in expected]
    for row, other in zip(found, expected, strict=True):
        shares = [float(cell) for name, cell in other.items() if name.startswith("share of ")]
        assert json.loads(row["mixture"]) == pytest.approx(shares, abs=2e-3)
        probability = float(other[f"{kind}_probability"])
        assert float(row["probability"]) == pytest.approx(probability, abs=2e-3)


def test_a_shard_has_the_topics_of_the_stream(folder, topics, tmp_path):
    _same_as_the_stream(folder / "out", folder, tmp_path, "topic")


@pytest.mark.slow
def test_a_shard_has_the_topics_that_an_encoder_knows(folder, tmp_path):
    encoder = tmp_path / "encoder"
    write_tiny_encoder(encoder, [word for own in TOPICS.values() for word in own])
    asked = ("--text-column", "text", "--num-topics", 3, "--model", "ctm", "--encoder", encoder)
    done = _run("topics", folder / "in.csv", *asked, "--output", tmp_path / "ctm", "--quiet")
    assert done.exit_code == 0, done.output
    _same_as_the_stream(tmp_path / "ctm", folder, tmp_path, "topic")


def test_clusters_are_written_with_their_columns(folder, no_saved_model):
    words = (
        "--text-column",
        "text",
        "--output",
        folder / "c.csv",
        "--num-clusters",
        3,
        "--mixture",
    )
    result = _run("cluster", folder / "in.csv", *words, "--quiet")
    assert result.exit_code == 0, result.output
    assert "120 texts, 3 clusters" in result.stdout
    told = rows_of(folder / "c.csv")
    assert len({(row["kind"], row["cluster"]) for row in told}) == 3
    assert sum(name.startswith("share of ") for name in told[0]) == 3


@pytest.mark.slow
def test_clusters_learned_beside_an_encoder_are_told_by_the_copy_that_is_kept(folder, tmp_path):
    words = [word for own in TOPICS.values() for word in own]
    encoder = tmp_path / "encoder"
    write_tiny_encoder(encoder, words)
    asked = ("--text-column", "text", "--num-clusters", 3, "--encoder", encoder, "--quiet")
    result = _run("cluster", folder / "in.csv", *asked, "--output", tmp_path / "c.csv")
    assert result.exit_code == 0, result.output
    told = rows_of(tmp_path / "c.csv")
    assert len({(row["kind"], row["cluster"]) for row in told}) == 3
    settings = json.loads((tmp_path / "c.model" / "settings.json").read_text())
    assert settings["encoder"] == str(encoder)
    shutil.rmtree(encoder)
    again = _run(
        "topics", "predict", tmp_path / "c.model", folder / "in.csv", "--output", tmp_path / "n.csv"
    )
    assert again.exit_code == 0, again.output
    clusters = [row["cluster"] for row in rows_of(tmp_path / "n.csv")]
    assert clusters == [row["cluster"] for row in told]
    served = tf.saved_model.load(str(tmp_path / "c.model" / "saved_model" / "1"))
    texts = tf.constant([row["text"] for row in told[:5]])
    answer = served.signatures["serving_default"](text=texts)
    assert answer["topic"].numpy().astype(str).tolist() == clusters[:5]
    shares = [float(row["cluster_probability"]) for row in told[:5]]
    np.testing.assert_allclose(answer["probability"], shares, atol=1e-3)


def test_an_encoder_that_is_none_is_refused(folder, tmp_path):
    asked = ("--text-column", "text", "--encoder", tmp_path / "nowhere", "--quiet")
    result = _run("cluster", folder / "in.csv", *asked, "--output", tmp_path / "c.csv")
    assert result.exit_code == 2
    assert "--encoder: expected a folder or preset with a text encoder" in result.stderr
    assert not (tmp_path / "c.csv").exists()


@pytest.mark.slow
def test_from_topics_to_labels(folder, topics, eager, no_saved_model, monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)
    documents = folder / "out" / "documents.csv"
    words = ("--text-column", "text", "--label-column", "sure_topic", "--encoder", "none")
    result = _run("label", documents, *words, "--output", folder / "labelled.csv", "--quiet")
    assert result.exit_code == 0, result.output
    told = rows_of(folder / "labelled.csv")
    assert [row["predicted_label"] for row in told] == [row["topic"] for row in told]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--num-topics", 500), "Error: --num-topics: expected at most as many as there are"),
        (("--date-column", "kind"), "column 'kind': expected a date"),
        (("--seed-column", "none"), "no such column 'none'"),
    ],
)
def test_errors_speak_of_options(folder, words, said, tmp_path):
    asked = ("--text-column", "text", "--output", tmp_path / "out", "--quiet")
    result = _run("topics", folder / "in.csv", *asked, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_seed_that_no_text_has(folder, tmp_path):
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text("baking: [oven]\nrockets: [rockett]\n")
    asked = ("--text-column", "text", "--output", tmp_path / "out", "--quiet")
    result = _run("topics", folder / "in.csv", *asked, "--seed-words", seeds)
    assert result.exit_code == 2
    assert "line 2: no text has the word 'rockett'" in result.stderr
    assert "'rocket' (" in result.stderr
