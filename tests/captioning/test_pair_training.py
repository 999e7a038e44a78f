"""Pairs of texts in shards: gone through, held out by their letters, shuffled over all files."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfp_dgm.captioning import CaptionSettings, PairFiles, claim_run, train_on_pairs
from tfp_dgm.captioning.pair_training import store_pairs
from tfp_dgm.data import DataError
from tfp_dgm.models import load_model
from tfp_dgm.settings import read_settings
from tfp_dgm.text import StoredRows, WordVocabulary

TINY = {
    "num_experts": 2,
    "units": 6,
    "embedding_units": 4,
    "experts.embedding_units": 3,
    "context_units": 4,
    "max_length": 6,
    "source_max_length": 6,
    "dropout": 0.0,
    "vocabulary.min_count": 1,
    "batch_size": 16,
}
NUMBERS = ["one", "two", "three", "four", "five", "six"]


def _rows(count, seed):
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(NUMBERS, random.integers(1, 4))) for _ in range(count)]
    return [{"source": text, "target": text.replace("o", "0")} for text in texts]


def _write(folder):
    """Three kinds of the same 90 rows; gives them."""
    rows = _rows(90, 0)
    rows[7]["target"] = " "
    for name in ("jsonl", "parquet", "csv", "one"):
        (folder / name).mkdir()
    for part in range(3):
        own = rows[30 * part : 30 * part + 30]
        text = "".join(json.dumps(row) + "\n" for row in own)
        (folder / f"jsonl/{part}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
        pd.DataFrame(own).to_parquet(folder / f"parquet/{part}.parquet")
        pd.DataFrame(own).to_csv(folder / f"csv/{part}.csv", index=False)
    pd.DataFrame(rows).to_parquet(folder / "one/all.parquet")
    return rows


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    return folder, _write(folder)


@pytest.mark.parametrize("kind", ["jsonl", "parquet/*", "csv/?.csv", "one"])
def test_all_pairs_come_in_order_and_on_one_side(shards, kind):
    folder, rows = shards
    files = PairFiles(folder / kind, seed=3)
    blank = []
    sides = [
        list(files.pairs(held_out=held_out, blank=lambda: blank.append(1)))
        for held_out in (False, True)
    ]
    expected = [(row["source"], row["target"]) for row in rows if row["target"].strip()]
    held_out = {source for source, _ in sides[1]}
    assert held_out.isdisjoint(source for source, _ in sides[0])
    assert sides[0] == [pair for pair in expected if pair[0] not in held_out]
    assert sides[1] == [pair for pair in expected if pair[0] in held_out]
    assert 0 < len(held_out) < 20
    assert len(blank) == 1
    assert {
        source for source, _ in PairFiles(folder / kind, seed=4).pairs(held_out=True)
    } != held_out


def test_what_is_stored_is_what_the_vocabularies_say(shards, tmp_path):
    folder, _ = shards
    files = PairFiles(folder / "jsonl")
    pairs = list(files.pairs(held_out=False))
    both = tuple(WordVocabulary.fit(texts) for texts in zip(*pairs, strict=True))
    stored = store_pairs(files, both, tmp_path, held_out=False)
    for (source, target), *rows in zip(pairs, stored.sources, stored.targets, strict=True):
        assert [row.tolist() for row in rows] == [
            vocabulary.encode_all([text])[0].tolist()
            for vocabulary, text in zip(both, (source, target), strict=True)
        ]
    assert stored.num_sources == len({source for source, _ in pairs})
    batches = stored.batches(16, seed=1)
    seen = np.concatenate([batches.index(i) for i in range(len(batches))])
    assert sorted(seen) == list(range(len(pairs)))
    assert max(np.diff(seen)) > 30  # An epoch goes back and forth over the files.
    ((batch,), *_) = batches
    for ids, place in zip(batch["source"], batches.index(0), strict=True):
        assert [n for n in ids if n] == stored.sources[int(place)].tolist()


@pytest.mark.parametrize("change", ["another target", "one more"])
def test_files_that_change_between_sources_and_targets_are_refused(tmp_path, monkeypatch, change):
    lines = [json.dumps({"source": f"one {n}", "target": f"two {n}"}) for n in range(40)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text("\n".join(lines) + "\n")
    files = PairFiles(tmp_path / "in")
    vocabulary = WordVocabulary.fit(["one two"])
    write = StoredRows.write

    def and_change(folder, rows):
        write(folder, rows)
        lines[30] = json.dumps({"source": "one 30", "target": "six"})
        more = lines if change == "another target" else [*lines, lines[0]]
        (tmp_path / "in/a.jsonl").write_text("\n".join(more) + "\n")

    monkeypatch.setattr(StoredRows, "write", staticmethod(and_change))
    with pytest.raises(DataError, match="/in: the files changed while they were read"):
        store_pairs(files, (vocabulary, vocabulary), tmp_path / "out", held_out=False)


def _trained(folder, path, settings, **asked):
    with claim_run(folder, settings, data={}, **asked) as run:
        return train_on_pairs(PairFiles(path, seed=settings.seed), run, settings)


def _settings(**more):
    return read_settings(
        CaptionSettings, None, [f"{name}={value}" for name, value in {**TINY, **more}.items()]
    )


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_shards_train_as_one_file_and_a_run_goes_on(shards, tmp_path, monkeypatch):
    folder, _ = shards
    settings = _settings(epochs=2)
    whole = _trained(tmp_path / "whole", folder / "one", settings)
    assert whole.metrics["captions"]["train"] + whole.metrics["captions"]["validation"] == 89
    assert whole.metrics["warnings"] == ["1 blank captions left out"]

    class KilledError(Exception):
        pass

    from tfp_dgm.captioning.batches import CaptionBatches

    take = CaptionBatches.__getitem__

    def killed(self, i):
        if self.seed is not None and self.epoch == 1 and i == 2:
            raise KilledError
        return take(self, i)

    monkeypatch.setattr(CaptionBatches, "__getitem__", killed)
    with pytest.raises(tf.errors.UnknownError, match="KilledError"):
        _trained(tmp_path / "cut", folder / "jsonl", settings)
    monkeypatch.setattr(CaptionBatches, "__getitem__", take)
    cut = _trained(tmp_path / "cut", folder / "jsonl", settings, resume=True)
    assert cut.history == whole.history
    ours, theirs = (
        load_model(tmp_path / name / "captioner.keras").weights for name in ("cut", "whole")
    )
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own, other)
    with pytest.raises(DataError, match="no such column 'question'"):
        list(PairFiles(folder / "csv", "question").pairs(held_out=False))


def test_what_is_no_table_of_pairs_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("one\n")
    with pytest.raises(DataError, match=r"a\.txt: expected tables of pairs"):
        PairFiles(tmp_path / "in")
    (tmp_path / "in/a.txt").unlink()
    (tmp_path / "in/a.csv").write_text("source,target\none,1\n")
    (tmp_path / "in/b.csv").write_text("source,target\ntwo,\n")
    with pytest.raises(DataError, match=r"b\.csv: there is no caption"):
        list(PairFiles(tmp_path / "in").pairs(held_out=False))
