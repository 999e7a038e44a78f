"""The jobs on files: what is written, what stays, and new files by the same model."""

import hashlib
import json
import re
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.topic_modelling.made_texts import TOPICS, rows_of, write_texts
from tfp_dgm.data import (
    DataError,
    read_label_settings,
    read_labelled_table,
    read_tag_settings,
)
from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.topic_modelling import clusters_of_file, predict_topics, topics_of_file

TEXT = ["text"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("topics")
    write_texts(folder / "in.csv")
    return folder


@pytest.fixture(scope="module")
def topics(folder):
    return topics_of_file(
        folder / "in.csv",
        folder / "out",
        text_columns=TEXT,
        num_topics=3,
        label_column="kind",
        date_column="date",
        mixture=True,
    )


@pytest.fixture(scope="module")
def clusters(folder):
    return clusters_of_file(
        folder / "in.csv", folder / "clusters.csv", text_columns=TEXT, num_clusters=3
    )


@pytest.mark.slow
def test_every_row_comes_back_with_its_topic(folder, topics):
    given, told = rows_of(folder / "in.csv"), rows_of(folder / "out" / "documents.csv")
    assert topics.output == folder / "out" / "documents.csv"
    assert [{name: row[name] for name in given[0]} for row in told] == given
    names = list(topics.outcome.names)
    added = ["topic", "topic_probability", "sure_topic", *(f"share of {name}" for name in names)]
    assert list(told[0]) == [*given[0], *added]
    scores = clustering_scores([row["kind"] for row in told], [row["topic"] for row in told])
    assert scores["accuracy"] == 1
    for row in told:
        shares = [float(row[f"share of {name}"]) for name in names]
        assert sum(shares) == pytest.approx(1, abs=2e-4)
        assert float(row["topic_probability"]) == max(shares)


def test_the_folder_holds_all_that_is_told(folder, topics):
    assert {path.name for path in (folder / "out").iterdir()} == {
        "documents.csv",
        "topics.yaml",
        "report.html",
        "metrics.json",
        "settings.json",
        "model.keras",
        "saved_model",
    }
    for path in topics.summary().split("\n")[-6:]:
        assert (folder / "out" / path.split("/")[-1]).exists()
    words = yaml.safe_load((folder / "out" / "topics.yaml").read_text())
    assert list(words) == list(topics.outcome.names)
    assert {frozenset(own[:8]) for own in words.values()} == set(map(frozenset, TOPICS.values()))
    settings = json.loads((folder / "out" / "settings.json").read_text())
    assert settings["kind"] == "topic"
    assert settings["names"] == list(topics.outcome.names)


def test_the_page_shows_topics_texts_trend_and_classes(folder, topics):
    page = (folder / "out" / "report.html").read_text()
    for name in topics.outcome.names:
        assert name in page
    for part in ("groups", "map", "trend", "classes", "typical", "number", "columns"):
        assert f'<section id="{part}">' in page
    assert page.count("<circle") == 120
    assert not re.search(r"<script|src=|@import|url\(http|href=\"http", page)
    assert "by quarter, from 2020-01-01 to 2022-07-01" in page


@pytest.mark.slow
def test_words_go_back_in_as_seeds(folder, topics, no_saved_model, tmp_path):
    given = {"rockets": ["rocket", "moon"], "baking": ["oven"], "games": ["goal", "team"]}
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text(yaml.safe_dump(given))
    again = topics_of_file(
        folder / "in.csv", tmp_path / "again", text_columns=TEXT, num_topics=3, seed_words=seeds
    )
    assert set(again.outcome.names) == set(given)
    told = {row["kind"]: row["topic"] for row in rows_of(again.output)}
    assert told == {"space": "rockets", "kitchen": "baking", "sport": "games"}
    same = topics_of_file(
        folder / "in.csv",
        tmp_path / "same",
        text_columns=TEXT,
        num_topics=3,
        seed_words=folder / "out" / "topics.yaml",
    )
    assert set(same.outcome.names) == set(topics.outcome.names)


def test_the_table_is_one_that_labels_are_read_of(topics):
    table = read_labelled_table(topics.output, text_columns=TEXT, label_column="sure_topic")
    assert table.classes == tuple(sorted(topics.outcome.names))
    assert (table.observed >= 0).sum() == topics.outcome.surer_half.sum() == 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["topic", "cluster"])
def test_a_new_file_is_told_as_the_old_was(folder, topics, clusters, kind, tmp_path):
    job = {"topic": topics, "cluster": clusters}[kind]
    told = []
    rows = predict_topics(
        job.model_directory,
        folder / "in.csv",
        tmp_path / "new.csv",
        mixture=True,
        progress=lambda *step: told.append(step),
    )
    assert rows == 120
    assert told[-1] == (f"Telling {kind}s of in.csv", 120, None)
    old, new = rows_of(job.output), rows_of(tmp_path / "new.csv")
    assert [row[kind] for row in old] == [row[kind] for row in new]
    name = f"{kind}_probability"
    before, after = ([float(row[name]) for row in table] for table in (old, new))
    np.testing.assert_allclose(before, after, atol=0.02)
    assert {f"share of {name}" for name in job.outcome.names} <= set(new[0])


def test_clusters_are_those_that_texts_were_made_of(folder, clusters):
    assert (folder / "clusters.model" / "model.keras").exists()
    told = rows_of(folder / "clusters.csv")
    assert list(told[0])[-3:] == ["cluster", "cluster_probability", "sure_cluster"]
    truth = [row["kind"] for row in told]
    assert clustering_scores(truth, [row["cluster"] for row in told])["accuracy"] == 1
    assert "120 texts, 3 clusters" in clusters.summary()


def test_the_saved_model_takes_strings(folder, topics):
    served = tf.saved_model.load(str(folder / "out" / "saved_model" / "1"))
    texts = topics.outcome.texts[:3]
    answer = served.signatures["serving_default"](text=tf.constant([*texts, ""]))
    told = [name.decode() for name in answer["topic"].numpy()]
    assert told == [topics.outcome.names[k] for k in topics.outcome.best[:3]] + [""]
    np.testing.assert_allclose(answer["mixture"][:3], topics.outcome.mixtures[:3], atol=0.02)
    assert set(answer) == {"mixture", "topic", "probability", "words"}


def test_no_folder_of_topics_is_taken_for_a_labelling(topics, clusters):
    for found, kind in ((topics, "topic"), (clusters, "cluster")):
        with pytest.raises(DataError, match=f"{found.model_directory}: .* found one of {kind}s"):
            read_label_settings(found.model_directory)
        with pytest.raises(DataError, match="expected a folder that `dgm tag` wrote"):
            read_tag_settings(found.model_directory)


def test_a_new_file_says_how_many_texts_are_in_words_that_the_model_lacks(folder, topics, tmp_path):
    known = [row["text"] for row in rows_of(folder / "in.csv")[:2]]
    lines = ["text", *known, "火箭发射", '""', "zzz qqq"]
    (tmp_path / "new.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    warnings = []
    how = {"text_columns": TEXT, "warn": warnings.append}
    predict_topics(topics.model_directory, tmp_path / "new.csv", tmp_path / "told.csv", **how)
    assert [bool(row["topic"]) for row in rows_of(tmp_path / "told.csv")] == [True] * 2 + [
        False
    ] * 3
    assert warnings[-1] == "3 of 5 texts have no topic: the model knows none of their words."
    warnings.clear()
    predict_topics(topics.model_directory, folder / "in.csv", tmp_path / "old.csv", **how)
    assert warnings == []


@pytest.mark.slow
@pytest.mark.usefixtures("no_saved_model")
def test_a_run_for_the_same_file_replaces_the_folder_and_others_do_not(tmp_path):
    write_texts(tmp_path / "in.csv", 60)
    how = {"text_columns": TEXT, "num_topics": 3}
    topics_of_file(tmp_path / "in.csv", tmp_path / "out", **how)
    write_texts(tmp_path / "in.csv", 66)
    topics_of_file(tmp_path / "in.csv", tmp_path / "out", **how)
    assert len(rows_of(tmp_path / "out" / "documents.csv")) == 66
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="it would be replaced"):
        topics_of_file(tmp_path / "in.csv", tmp_path / "out", **how)


@pytest.mark.usefixtures("no_saved_model")
def test_a_table_of_clusters_that_a_person_corrected_is_not_replaced(tmp_path):
    write_texts(tmp_path / "in.csv", 60)
    output = tmp_path / "out.csv"
    how = {"text_columns": TEXT, "num_clusters": 3}
    clusters_of_file(tmp_path / "in.csv", output, **how)
    clusters_of_file(tmp_path / "in.csv", output, **how)  # As it was written.
    settings = json.loads((tmp_path / "out.model" / "settings.json").read_text())
    assert settings["documents"] == hashlib.sha256(output.read_bytes()).hexdigest()[:16]
    corrected = output.read_text().replace("rocket", "Rocket", 1)
    output.write_text(corrected)
    for model, said in ((None, "was edited"), (tmp_path / "another.model", "no folder of its run")):
        with pytest.raises(DataError, match=f"out.csv .*{said}"):
            clusters_of_file(tmp_path / "in.csv", output, model_directory=model, **how)
    assert output.read_text() == corrected
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv", "out.model"}


@pytest.mark.slow
def test_a_full_disk_at_the_end_keeps_all_elsewhere(tmp_path, monkeypatch):
    write_texts(tmp_path / "in.csv", 60)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    how = {"text_columns": TEXT, "num_topics": 3}
    module = sys.modules["tfp_dgm.topic_modelling.topic_folder"]
    export = module.export

    def full(model, folder, **options):
        if "temporary" not in str(folder):
            raise OSError(28, "No space left on device")
        return export(model, folder, **options)

    monkeypatch.setattr(module, "export", full)
    with pytest.raises(DataError, match="No space left on device; all of it is kept in") as error:
        topics_of_file(tmp_path / "in.csv", tmp_path / "out", **how)
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "temporary"}
    (kept,) = (tmp_path / "temporary").iterdir()
    assert str(error.value).endswith(f" {kept / 'out'}")
    told = tmp_path / "told.csv"
    predict_topics(kept / "out", tmp_path / "in.csv", told)
    before = rows_of(kept / "out" / "documents.csv")
    assert [row["topic"] for row in before] == [row["topic"] for row in rows_of(told)]

    def fuller(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "export", fuller)
    with pytest.raises(DataError, match="nothing could be kept in"):
        topics_of_file(tmp_path / "in.csv", tmp_path / "out", **how)


def test_nothing_is_written_where_something_is_wrong(folder, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text,topic\nrocket moon,x\noven flour,y\n")
    with pytest.raises(DataError, match="the table already has 'topic'"):
        topics_of_file(source, tmp_path / "out", text_columns=TEXT)
    source.write_text("text\nrocket\nrocket\n")
    with pytest.raises(DataError, match="two or more different texts"):
        topics_of_file(source, tmp_path / "out", text_columns=TEXT)
    with pytest.raises(DataError, match="two or more different texts"):
        clusters_of_file(source, tmp_path / "out.csv", text_columns=TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_folder_of_another_kind_tells_nothing(folder, topics, tmp_path):
    with pytest.raises(DataError, match="a folder that `dgm topics` or `dgm cluster` wrote"):
        predict_topics(tmp_path, folder / "in.csv", tmp_path / "o.csv")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "settings.json").write_bytes((folder / "out" / "settings.json").read_bytes())
    (broken / "model.keras").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be loaded"):
        predict_topics(broken, folder / "in.csv", tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()
