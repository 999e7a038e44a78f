"""Trainings that read shards: the same as of one file, whatever their kind; faults are named."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.sentence_modelling.untrained_models import sentences, settings_of
from tfp_dgm.data import DataError
from tfp_dgm.models import load_model
from tfp_dgm.sentence_modelling import claim_run, fit_vocabulary, train_text_model
from tfp_dgm.sentence_modelling.sentence_files import SentenceFiles, store_texts
from tfp_dgm.settings import Cluster
from tfp_dgm.training import Workers

# Of few steps each.
pytestmark = pytest.mark.usefixtures("eager")


def example(**features):
    kinds = {bytes: "bytes_list", int: "int64_list"}
    made = tf.train.Example()
    for name, values in features.items():
        getattr(made.features.feature[name], kinds[type(values[0])]).value.extend(values)
    return made.SerializeToString()


def write_records(path, records, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return path


def write_shards(folder, kind, texts):
    """Three shards of the texts, in order."""
    folder.mkdir()
    for number in range(3):
        part = texts[20 * number : 20 * (number + 1)]
        path = folder / f"part-{number}.{kind}"
        if kind == "parquet":
            pd.DataFrame({"text": part}).to_parquet(path)
        elif kind == "jsonl":
            path.write_text("".join(json.dumps({"text": text}) + "\n" for text in part))
        elif kind.startswith("tfrecord"):
            compression = "GZIP" if kind.endswith("gz") else ""
            write_records(path, (example(text=[text.encode()]) for text in part), compression)
        elif kind.endswith("gz"):
            path.write_bytes(gzip.compress("\n".join(part).encode()))
        else:
            path.write_text("\n".join(part))
    return folder


def train(learnt, judged, folder, **chosen):
    settings = settings_of({"batch_size": 16, "seed": 3, "epochs": 1, **chosen})
    with claim_run(folder, settings) as run:
        train_text_model(learnt, judged, run, settings, say=str)
    return load_model(folder / "model.keras").get_weights(), (folder / "history.json").read_text()


@pytest.fixture(scope="module")
def of_one_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    for name, count, seed in (("train", 60, 0), ("valid", 20, 1)):
        (folder / f"{name}.txt").write_text(sentences(count, seed))
    weights, history = train(folder / "train.txt", folder / "valid.txt", folder / "run")
    return folder / "valid.txt", weights, history


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["txt.gz", "jsonl", "parquet", "tfrecord", "tfrecord.gz"])
def test_shards_train_as_one_file_does(of_one_file, tmp_path, kind):
    valid, expected, history = of_one_file
    folder = write_shards(tmp_path / "in", kind, sentences(60, 0).splitlines())
    weights, found = train(folder / f"*.{kind}", valid, tmp_path / "run")
    # What is estimated of the posterior is equal to float32's rounding.
    for figures, others in zip(json.loads(found), json.loads(history), strict=True):
        assert figures == pytest.approx(others, rel=1e-5, abs=1e-6)
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert not (tmp_path / "run" / "state").exists()


def test_a_shard_that_is_changed_is_other_data(tmp_path):
    folder = write_shards(tmp_path / "in", "txt", sentences(60, 0).splitlines())
    digests = []
    for change in ("", "", "\na man sits"):
        path = folder / "part-1.txt"
        path.write_text(path.read_text() + change)
        files = SentenceFiles(folder)
        vocabulary = fit_vocabulary(settings_of(), files)
        digests.append(store_texts(files, vocabulary, 8, tmp_path / "stored").digest)
    assert digests[0] == digests[1] != digests[2]


def test_what_is_left_out_is_counted_by_shard(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a dog\n\n\na man\n")
    (tmp_path / "in" / "b.txt").write_bytes(b"a dog\n" + b"dog " * 30 + b"\n\xff\n")
    files = SentenceFiles(tmp_path / "in")
    stored = store_texts(files, fit_vocabulary(settings_of(), files), 8, tmp_path / "stored")
    assert len(stored.rows) == 3
    assert stored.warnings == [
        f"{tmp_path}/in/a.txt: 2 of 4 lines left out, empty: line 2, 3",
        f"{tmp_path}/in/b.txt: 1 sentences of more than 8 tokens, left out: line 2",
        f"{tmp_path}/in/b.txt: 1 of 3 lines left out, not UTF-8: line 3",
    ]


RECORD = example(text=[b"a dog"])


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "expected at least one sentence; the file is empty"),
        ([RECORD, b"\xff\xff"], "record 2: expected a tf.train.Example"),
        (
            [RECORD, example(texts=[b"a"])],
            "record 2: no such feature 'text'; the features are texts",
        ),
        ([RECORD, example(text=[b"a", b"b"])], "record 2: expected one text .*; received 2"),
        ([RECORD, example(text=[3])], r"record 2: .*received 0 \(of int64_list\)"),
        ([RECORD, example(text=[b" "]), example(text=[b"\xff"])], None),
    ],
)
def test_records_at_fault_are_named(tmp_path, records, message):
    path = write_records(tmp_path / "a.tfrecord", records)
    if message is None:
        found = [(place, fault) for _, place, _, fault in SentenceFiles(path).placed()]
        assert found == [("record 1", None), ("record 2", "empty"), ("record 3", "not UTF-8")]
        return
    with pytest.raises(DataError, match=message):
        list(SentenceFiles(path))


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_a_damaged_record_is_named(tmp_path, compression):
    random = np.random.default_rng(0)
    records = [example(text=[random.bytes(40).hex().encode()]) for _ in range(400)]
    path = write_records(
        tmp_path / ("a.tfrecord" + (".gz" if compression else "")), records, compression
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 - 7])  # Not between two records.
    with pytest.raises(DataError, match=r"record \d+: the TFRecord file is damaged"):
        list(SentenceFiles(path))
    if not compression:
        path.write_bytes(content[:5000] + b"?" + content[5001:])
        with pytest.raises(DataError, match=r"record \d+: the TFRecord file is damaged"):
            list(SentenceFiles(path))


def test_inner_loops_of_several_workers_are_refused(tmp_path):
    files = [tmp_path / "train.txt", tmp_path / "valid.txt"]
    for file in files:
        file.write_text(sentences(20, 0))
    settings = settings_of({"remedies.aggressive": "true"})
    workers = Workers(Cluster(("a:1", "b:1"), 0))
    with (
        pytest.raises(DataError, match=r"settings: remedies\.aggressive is for one process"),
        claim_run(tmp_path / "run", settings) as run,
    ):
        train_text_model(*files, run, settings, workers=workers, say=str)
    assert not (tmp_path / "run").exists()
