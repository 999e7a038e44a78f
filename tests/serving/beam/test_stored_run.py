"""A run whose files and folder are told by URLs; file:// stands for a bucket."""

import json
import threading

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.serving.toys import Letters
from tfp_dgm.data import DataError
from tfp_dgm.serving import export
from tfp_dgm.serving.opening import Opening

pytest.importorskip("apache_beam")
from tfp_dgm.serving.beam import BulkRun, answer_shards, predict_shards
from tfp_dgm.serving.beam.run_place import StoredRunPlace
from tfp_dgm.serving.beam.shard_answers import answer_shard

OPENING = Opening("tests.serving.beam.letter_counts", "open_counts", (), False)
OPTIONS = {"direct_num_workers": "1", "direct_running_mode": "in_memory"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("tfp_dgm.serving.beam.run_place._SECONDS_OF_A_RACE", 0.0)


@pytest.fixture
def bucket(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        texts = [f"row {name} {n}" for n in range(6)] + [f"{name}mark"]
        frame = pd.DataFrame({"id": range(7), "text": texts})
        frame.to_csv(tmp_path / f"in/{name}.csv", index=False)
    return tmp_path


def _run(bucket, pattern="in/*.csv", *, model="letters", **asked):
    run = BulkRun(
        f"file://{bucket}/{pattern}",
        asked.pop("output", f"file://{bucket}/out"),
        runner_options=OPTIONS,
        **asked,
    )
    return answer_shards(lambda ending: OPENING, run, default_columns=["text"], model={"m": model})


def _found(folder):
    return {path.name: path.read_bytes() for path in (folder / "shards").iterdir()}


def _expected(bucket):
    """What pandas makes of the sources."""
    found = {}
    for path in (bucket / "in").iterdir():
        frame = pd.read_csv(path)
        frame["letters"] = frame["text"].map(len)
        frame["upper"] = frame["text"].map(lambda text: text.upper() if text.isalpha() else None)
        found[path.name] = frame.to_csv(index=False).encode()
    return found


def test_files_and_folder_may_be_stored(bucket):
    totals = _run(bucket)
    assert _found(bucket / "out") == _expected(bucket)
    assert {path.name for path in (bucket / "out").rglob("*") if path.is_file()} == {
        *("a.csv", "b.csv", "c.csv", "metrics.json", "run.json", "settings.json"),
    }
    assert json.loads((bucket / "out/run.json").read_text())["finished"]
    assert json.loads((bucket / "out/metrics.json").read_text())["rows"] == 21
    assert totals.folder == f"file://{bucket}/out"
    with pytest.raises(DataError, match=r"^file://.*/out: holds a finished run; name another"):
        _run(bucket)


@pytest.mark.slow
def test_a_stored_run_goes_on_where_it_was_stopped(bucket):
    good = (bucket / "in/b.csv").read_bytes()
    (bucket / "in/b.csv").write_bytes(b"id,other\n1,x\n")
    totals = _run(bucket)
    assert [*totals.failures] == [f"file://{bucket}/in/b.csv"]
    (letter,) = map(json.loads, (bucket / "out/dead_letters.jsonl").read_text().splitlines())
    assert (letter["file"], letter["row"]) == (f"file://{bucket}/in/b.csv", None)
    assert sorted(_found(bucket / "out")) == ["a.csv", "c.csv"]
    with pytest.raises(DataError, match=r"out: holds an unfinished run; resume it"):
        _run(bucket)
    with pytest.raises(DataError, match="has other settings: m is 'letters', received 'x'"):
        _run(bucket, resume=True, model="x")
    kept = (bucket / "out/shards/a.csv").stat().st_ino
    (bucket / "in/b.csv").write_bytes(good)
    (bucket / "in/c.csv").unlink()
    warnings = []
    totals = _run(bucket, resume=True, warn=warnings.append)
    assert warnings == ["c.csv: its source is gone; so are its answers"]
    assert totals.failures == {}
    assert _found(bucket / "out") == _expected(bucket)
    assert (bucket / "out/shards/a.csv").stat().st_ino == kept
    assert not (bucket / "out/state").exists() or not [*(bucket / "out/state").iterdir()]
    assert not (bucket / "out/dead_letters.jsonl").exists()


def test_a_stored_folder_of_something_else_is_left_alone(bucket):
    (bucket / "out").mkdir()
    (bucket / "out/diary.txt").touch()
    with pytest.raises(DataError, match=r"^file://.*received a folder with 'diary\.txt'"):
        _run(bucket)
    assert [path.name for path in (bucket / "out").iterdir()] == ["diary.txt"]


def test_a_run_that_loses_its_folder_to_another_ends_with_an_error(bucket, monkeypatch):
    """The other resumes it while it works."""
    publish = StoredRunPlace.publish

    def taken_over(self):
        monkeypatch.setattr(StoredRunPlace, "publish", publish)
        _run(bucket, resume=True)
        publish(self)

    monkeypatch.setattr(StoredRunPlace, "publish", taken_over)
    with pytest.raises(DataError, match="another run began or went on there"):
        _run(bucket)
    assert _found(bucket / "out") == _expected(bucket)
    assert json.loads((bucket / "out/run.json").read_text())["finished"]


@pytest.mark.slow
def test_of_two_runs_that_begin_at_once_one_has_the_folder(bucket, monkeypatch):
    meet = threading.Barrier(2)
    monkeypatch.setattr("tfp_dgm.serving.beam.run_place._SECONDS_OF_A_RACE", 1.0)
    bring = StoredRunPlace.claim

    def claim(self):
        meet.wait()
        bring(self)

    monkeypatch.setattr(StoredRunPlace, "claim", claim)
    ends = []

    def run(model):
        try:
            ends.append(_run(bucket, model=model).rows)
        except DataError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=run, args=(model,)) for model in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows, said = sorted(ends, key=str)
    assert rows == 21
    assert "another run began or went on there" in said
    assert _found(bucket / "out") == _expected(bucket)


def test_parts_of_stored_files_are_fetched_alone(bucket, monkeypatch):
    monkeypatch.setattr("tfp_dgm.serving.beam.parts._BYTES_PER_PART", 4000)
    table = pa.table({"id": range(900), "text": [f"text {n % 7} {n}" for n in range(900)]})
    pq.write_table(table, bucket / "in/x.parquet", row_group_size=100, compression="none")
    fetched = []
    read = "tfp_dgm.serving.beam.shard_reader.read_spans"
    from tfp_dgm.data.object_storage import read_spans

    monkeypatch.setattr(
        read, lambda place, spans: fetched.extend(spans) or read_spans(place, spans)
    )
    from tfp_dgm.serving.beam import shards_of
    from tfp_dgm.serving.beam.parts import in_parts
    from tfp_dgm.serving.beam.shard_reader import open_shard

    parts = in_parts(shards_of(f"file://{bucket}/in/x.parquet"))
    assert len(parts) > 2
    ids = []
    for part in parts:
        with open_shard(part) as reader:
            for chunk in reader.chunks(64):
                assert chunk.lines.tolist() == [n + 1 for n in chunk.frame["id"]]
                ids += chunk.frame["id"].tolist()
    assert ids == list(range(900))
    size = (bucket / "in/x.parquet").stat().st_size
    footers = sum(end - start for start, end in fetched if end == size)
    assert sum(end - start for start, end in fetched) - footers <= size


@pytest.mark.slow
def test_a_stored_model_is_asked_in_a_worker(bucket):
    model = Letters()
    plain = {"serving_default": model.serving_signatures()["serving_default"]}
    export(model, bucket / "letters", batch_sizes=[1], signatures=plain)
    asked = BulkRun(f"file://{bucket}/in/a.csv", f"file://{bucket}/out", runner_options=OPTIONS)
    totals = predict_shards(f"file://{bucket}/letters", asked)
    assert totals.rows == 7
    labels = pd.read_csv(bucket / "out/shards/a.csv")["label"]
    assert set(labels) <= {"low", "high"}
    settings = json.loads((bucket / "out/settings.json").read_text())
    assert settings["model"] == f"file://{bucket}/letters/1"


def _fail_after(count):
    """A runner whose storage is full after some shards."""

    def run(given, shards, opening, job):
        for shard in shards[:count]:
            answer_shard(opening(), job, shard)
        raise DataError("the storage is full")

    return run


def test_a_run_that_fails_keeps_what_was_recorded_and_else_takes_itself_back(bucket, monkeypatch):
    runner = "tfp_dgm.serving.beam.shard_run.run_directly"
    monkeypatch.setattr(runner, _fail_after(0))
    with pytest.raises(DataError, match="the storage is full"):
        _run(bucket)
    assert [path for path in (bucket / "out").rglob("*") if path.is_file()] == []
    monkeypatch.setattr(runner, _fail_after(2))
    with pytest.raises(DataError, match="the storage is full"):
        _run(bucket)
    kept = {name: (bucket / "out/shards" / name).stat().st_ino for name in ("a.csv", "b.csv")}
    with pytest.raises(DataError, match=r"out: holds an unfinished run; resume it"):
        _run(bucket)
    monkeypatch.setattr(
        runner,
        lambda given, shards, opening, job: [
            answer_shard(opening(), job, shard) for shard in shards
        ],
    )
    assert _run(bucket, resume=True).rows == 21
    assert _found(bucket / "out") == _expected(bucket)
    assert {name: (bucket / "out/shards" / name).stat().st_ino for name in kept} == kept


def test_a_hidden_file_that_is_asked_for_is_answered(bucket, monkeypatch):
    monkeypatch.setattr(
        "tfp_dgm.serving.beam.shard_run.run_directly",
        lambda given, shards, opening, job: [
            answer_shard(opening(), job, shard) for shard in shards
        ],
    )
    (bucket / "in/a.csv").rename(bucket / "in/.a.csv")
    assert _run(bucket, "in/.a.csv").rows == 7
    assert [*_found(bucket / "out")] == [".a.csv"]
