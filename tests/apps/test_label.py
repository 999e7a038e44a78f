import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.snapshots import changes_of_files
from tfp_dgm.labelling import label_file, predict_file
from tfp_dgm.labelling.model_size import least_model_size
from tfp_dgm.labelling.shard_labelling import open_answers
from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.shard_answers import answer_shard
from tfp_dgm.serving.beam.shard_job import ShardJob

TOPICS = {
    "fruit": ["apple", "banana", "cherry", "grape", "melon", "pear", "plum", "juice", "orchard"],
    "metal": ["iron", "steel", "copper", "zinc", "alloy", "smelter", "rust", "furnace", "ore"],
    "ocean": ["wave", "tide", "reef", "whale", "coral", "sail", "harbour", "salt", "gull"],
}
COMMON = ["the", "a", "of", "and", "in", "on", "with", "for", "this", "that", "is", "was"]

# In a process where nothing of ours, nor Keras and TFP, can be imported.
SERVE = """
import json, sys
for name in ("keras", "tf_keras", "tensorflow_probability", "tfp_dgm"):
    sys.modules[name] = None
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = signature(text=tf.constant(json.load(sys.stdin)))
print(json.dumps({
    "label": [label.decode() for label in answer["label"].numpy()],
    "accept": answer["accept"].numpy().tolist(),
    "none_probability": answer["none_probability"].numpy().tolist(),
    "novelty": answer["novelty"].numpy().tolist(),
    "probabilities": answer["probabilities"].numpy().tolist(),
}))
"""


# The settings of a folder that `dgm label` wrote.
OURS = json.dumps({"versions": {"tfp-dgm": "0.1.0"}, "output": "out.csv"})
# A table that it wrote.
OLD = "text,label,predicted_label,probability,accept\nold,,x,0.9,true\n"


def _rows(count=240, seed=0):
    rng = np.random.default_rng(seed)
    names = sorted(TOPICS)
    truth = [names[k] for k in rng.integers(0, 3, count)]
    texts = [" ".join([*rng.choice(TOPICS[name], 4), *rng.choice(COMMON, 6)]) for name in truth]
    return texts, truth


def _table(path, **changes):
    texts, truth = _rows()
    labels = [name if n < 45 else "" for n, name in enumerate(truth)]
    labels[50], labels[51] = "fruit|metal", "metal|ocean"
    labels[3] = next(name for name in TOPICS if name != truth[3])  # A slip of the annotator.
    frame = pd.DataFrame({"id": [f"{n:03}" for n in range(len(texts))], "text": texts})
    frame = frame.assign(label=labels, **changes)
    frame.to_csv(path, index=False)
    return frame, truth


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("label")
    frame, truth = _table(folder / "in.csv")
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 40)
        done = label_file(
            folder / "in.csv",
            folder / "out.csv",
            text_columns=["text"],
            label_column="label",
            min_precision=0.8,
            seed=3,
            progress=lambda step, done, total: steps.append(step),
        )
    output = pd.read_csv(folder / "out.csv", dtype=str, keep_default_na=False)
    return {"done": done, "in": frame, "truth": truth, "out": output, "steps": steps}


def test_every_row_and_column_is_kept_in_order(job):
    pd.testing.assert_frame_equal(job["out"][["id", "text", "label"]], job["in"], check_dtype=False)


def test_predictions_are_right_on_separable_topics(job):
    hidden = job["out"]["label"] == ""
    right = job["out"]["predicted_label"] == job["truth"]
    assert right[hidden].mean() > 0.95


def test_columns_say_what_the_documentation_says(job):
    out, frame = job["out"], job["in"]
    single = frame["label"].isin(TOPICS)
    assert (out["accept"][single] == "").all()
    assert set(out["accept"][~single]) <= {"true", "false"}
    assert (out["suspect_label"][frame["label"] == ""] == "").all()
    right = pd.to_numeric(out["given_label_probability"])
    assert (right.isna() == (frame["label"] == "")).all()
    assert right.dropna().between(0, 1).all()
    best, second = out["probability"].astype(float), out["second_probability"].astype(float)
    assert (best >= second).all()
    assert (best + second <= 1 + 1e-5).all()
    assert (out["predicted_label"] != out["second_label"]).all()
    threshold = job["done"].outcome.threshold
    accepted = out["accept"] == "true"
    assert accepted.any()
    assert (best[accepted] >= threshold - 1e-6).all()


def test_a_set_of_classes_limits_the_prediction(job):
    assert job["out"]["predicted_label"][50] in {"fruit", "metal"}
    assert job["out"]["predicted_label"][51] in {"metal", "ocean"}


def test_the_slip_of_the_annotator_is_found(job):
    assert job["out"]["suspect_label"][3] == "true"
    assert job["out"]["label"][3] == job["in"]["label"][3]
    assert (job["out"]["suspect_label"] == "true").sum() <= 3


def test_report_metrics_and_settings_are_written(job):
    folder = job["done"].model_directory
    metrics = json.loads((folder / "metrics.json").read_text())
    settings = json.loads((folder / "settings.json").read_text())
    assert metrics["rows"]["all"] == 240
    assert metrics["rows"]["copies"] == job["done"].outcome.copies
    assert sum(row["share"] for row in metrics["classes"]) == pytest.approx(1)
    assert settings["seed"] == 3
    assert settings["source"] == "in.csv"
    assert settings["versions"]["tensorflow"] == tf.__version__
    assert "fruit" in (folder / "report.html").read_text()
    assert job["steps"][0] == "Reading the table"


def test_live_model_file_and_saved_model_agree(job):
    folder = job["done"].model_directory
    texts = [*job["in"]["text"][200:], "", "unknown words only", "ÄPFEL apple \N{PILE OF POO}"]
    reloaded = keras.models.load_model(folder / "model.keras")
    expected = reloaded(tf.constant(texts)).numpy()
    live = job["done"].outcome.probabilities[200:]  # Rows without a label.
    np.testing.assert_allclose(expected[: len(live)], live, atol=1e-5)
    answer = subprocess.run(
        [sys.executable, "-c", SERVE, str(folder / "saved_model" / "1")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(answer.stdout)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert answer["label"] == [reloaded.classes[k] for k in expected.argmax(axis=1)]
    sure = expected.max(axis=1) >= reloaded.threshold
    assert answer["accept"][:-1] == sure[:-1].tolist()
    assert sure[-1]
    assert not answer["accept"][-1]  # Half of its words were in no text.
    assert answer["none_probability"] == [0] * len(texts)
    # Training texts are near; what nothing is known of is as far as a text can be.
    assert np.mean(answer["novelty"][:-3]) < 0.6
    assert answer["novelty"][-2:] == pytest.approx([1, 1])


def test_export_takes_over_what_the_card_said(job, tmp_path, monkeypatch):
    module = sys.modules["tfp_dgm.serving.exporting"]
    all_of = module.signatures_of
    first = lambda model: {"serving_default": replace(all_of(model)["serving_default"], xla=False)}  # noqa: E731
    monkeypatch.setattr(module, "signatures_of", first)
    folder = job["done"].model_directory
    result = CliRunner().invoke(
        app, ["export", str(folder), "--output", str(tmp_path / "served"), "--batch-size", "1"]
    )
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "served/1/model_card.json").read_text())
    rows = {"all": 240, "labelled": 45, "set_valued": 2, "unlabelled": 193, "copies": 0}
    assert card["data"] == {"source": "in.csv", **rows}
    assert set(card["metrics"]) == {"cross_fitted", "acceptance"}
    assert card["metrics"]["acceptance"]["asked_precision"] == 0.8
    assert card["limits"].startswith("Knows these classes and no other.")


def test_predict_streams_the_same_answers(job, tmp_path, monkeypatch):
    module = sys.modules["tfp_dgm.labelling.file_prediction"]
    monkeypatch.setattr(module, "_ROWS_PER_CHUNK", 100)
    monkeypatch.setattr(module, "_ROWS_WITHOUT_ENCODER", 32)
    texts = job["in"]["text"].tolist()
    pd.DataFrame({"text": texts * 2}).to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    command = ["predict", str(job["done"].model_directory), str(tmp_path / "new.jsonl")]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "new.csv")])
    assert result.exit_code == 0, result.output
    answers = pd.read_csv(tmp_path / "new.csv", keep_default_na=False)
    assert len(answers) == len(texts) * 2
    unlabelled = np.flatnonzero(job["in"]["label"] == "")
    for copy in (0, 1):
        same = answers.iloc[copy * len(texts) + unlabelled]
        expected = job["out"].iloc[unlabelled]
        assert same["predicted_label"].tolist() == expected["predicted_label"].tolist()
        np.testing.assert_allclose(
            same["probability"], expected["probability"].astype(float), atol=1e-5
        )


def test_a_shard_has_the_answers_of_the_stream(job, tmp_path):
    """What a worker of `dgm predict --runner` does to a file, beside `dgm predict` of it."""
    model = str(job["done"].model_directory)
    texts = job["in"]["text"].tolist()[:60]
    pd.DataFrame({"id": range(60), "text": texts}).to_csv(tmp_path / "in.csv", index=False)
    plain = tmp_path / "plain.csv"
    predict_file(model, tmp_path / "in.csv", plain)
    shard_job = ShardJob(str(tmp_path / "run"), ["text"], [("id", ""), ("text", "")])
    (shard,) = shards_of(tmp_path / "in.csv")
    record = answer_shard(open_answers(model, ".csv", False), shard_job, shard)
    assert shard_job.answers_path(shard).read_bytes() == plain.read_bytes()
    shard_job.answers_path(shard).unlink()
    answer_shard(open_answers(f"file://{model}", ".csv", False), shard_job, shard)
    assert shard_job.answers_path(shard).read_bytes() == plain.read_bytes()  # By its URL, too.
    (told,) = record.told
    assert told["labels"] == pd.read_csv(plain)["predicted_label"].value_counts().to_dict()
    assert sum(told["novelty"]) == told["texts"] == 60


@pytest.mark.slow
def test_predict_on_a_runner_gives_the_files_of_the_stream(job, tmp_path):
    pytest.importorskip("apache_beam")
    model = str(job["done"].model_directory)
    texts = job["in"]["text"].tolist()
    (tmp_path / "in").mkdir()
    command = ["predict", model, str(tmp_path / "in/*.csv"), "--runner", "DirectRunner"]
    for number in range(3):
        frame = pd.DataFrame({"text": texts[80 * number : 80 * number + 80]})
        frame.to_csv(tmp_path / f"in/{number}.csv", index=False)
        predict_file(model, tmp_path / f"in/{number}.csv", tmp_path / f"{number}.csv")
    (tmp_path / "in/bad.csv").write_text("text,more\na,b\n")
    workers = ["--runner-option", "direct_num_workers=2"]
    result = CliRunner().invoke(app, [*command, *workers, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'in/bad.csv'}: expected the columns ['text']" in result.output
    assert "240 rows of 3 files" in result.output
    for number in range(3):
        found = tmp_path / f"out/shards/{number}.csv"
        assert found.read_bytes() == (tmp_path / f"{number}.csv").read_bytes()
    (tmp_path / "in/bad.csv").unlink()
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "out"), "--resume"])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out/metrics.json").read_text())["rows"] == 240


def test_predict_warns_of_a_file_of_another_world(job, tmp_path):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["dog", "cat", "cow", "the"], 8)) for _ in range(60)]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "new.csv", index=False)
    model = str(job["done"].model_directory)
    command = ["predict", model, str(tmp_path / "new.csv"), "--output", str(tmp_path / "out.csv")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Warning: The texts are unlike those that the model was trained on: 100%" in said
    assert "Warning: Labels are predicted in other shares than in the training's file" in said
    out = pd.read_csv(tmp_path / "out.csv")
    assert (out["novelty"] > 0.999).all()
    assert not out["accept"].any()


def test_predict_names_a_folder_without_a_model(tmp_path):
    _table(tmp_path / "in.csv")
    command = ["predict", str(tmp_path), str(tmp_path / "in.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "out.csv")])
    assert result.exit_code == 2
    assert "expected a folder that `dgm label` wrote" in result.output


@pytest.mark.parametrize("settings", ['{"seed": 0}', "[]"])
def test_predict_names_a_folder_of_another_job(tmp_path, settings):
    _table(tmp_path / "in.csv")
    (tmp_path / "settings.json").write_text(settings)
    command = ["predict", str(tmp_path), str(tmp_path / "in.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "out.csv")])
    assert result.exit_code == 2
    assert result.output.strip() == (
        f"Error: {tmp_path}: expected a folder that `dgm label` wrote; "
        "settings.json does not name text_columns, encoder"
    )


def _label(folder, *options, output="out.csv", source="in.csv"):
    command = ["label", str(folder / source), "--text-column", "text", "--label-column", "label"]
    return CliRunner().invoke(app, [*command, "--output", str(folder / output), *options])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file is empty; expected a header row"),
        ("text,label\n", ": there is a header but no row"),
        ("text,klass\na,b\n", ": no such column 'label'; the columns are 'text', 'klass'"),
        ("text,label\na b,\nc d,\n", ", column 'label': there are no labels at all"),
        ("text,label\na b,x\nc d,x\n", "expected labels of two or more classes; received only 'x'"),
        ("text,label\na b,x\nc d,y|z\ne f,y\n", ", line 3, column 'label': unknown class 'z'"),
        ("text,label\na b,x\nc d,y,z\n", "expected 2, but line 3 has 3"),
        ('text,label\n"a b,x\nc d,y\n', ", line 2: a quote is opened and never closed"),
    ],
)
def test_bad_tables_are_explained_and_nothing_is_written(tmp_path, content, message):
    (tmp_path / "in.csv").write_text(content)
    result = _label(tmp_path)
    assert result.exit_code == 2
    assert "in.csv" in result.output
    assert message in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_text_that_is_not_utf8_is_explained(tmp_path):
    (tmp_path / "in.csv").write_bytes("text,label\nna\xefve,x\nb,y\n".encode("latin-1"))
    result = _label(tmp_path)
    assert result.exit_code == 2
    assert "UTF-8" in result.output


@pytest.mark.parametrize(
    ("options", "output", "message"),
    [
        ((), "nowhere/out.csv", "nowhere' does not exist; create it first"),
        ((), "in.csv", "itself; choose another name for the output"),
        ((), "out.xlsx", "unsupported extension '.xlsx'; expected one of .csv"),
        (("--min-precision", "1.5"), "out.csv", "Invalid value for '--min-precision'"),
        (("--min-precision", "1"), "out.csv", "--min-precision: expected a share"),
        (("--label-column", "text"), "out.csv", "column 'text': the label column is a text column"),
        (("--seed", "-1"), "out.csv", "Invalid value for '--seed'"),
        (("--seed", str(2**31)), "out.csv", "Invalid value for '--seed'"),
    ],
)
def test_bad_arguments_are_explained_and_nothing_is_written(tmp_path, options, output, message):
    _table(tmp_path / "in.csv")
    before = (tmp_path / "in.csv").read_bytes()
    result = _label(tmp_path, *options, output=output)
    assert result.exit_code == 2
    assert message in result.output.replace("\n", "")
    assert (tmp_path / "in.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_column_that_is_there_already_is_named(tmp_path):
    _table(tmp_path / "in.csv", predicted_label="x")
    result = _label(tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path / 'in.csv'}: the table already has 'predicted_label'" in result.output


def test_predict_names_a_column_of_the_input_that_is_there_already(job, tmp_path):
    _table(tmp_path / "in.csv", accept="x")
    command = ["predict", str(job["done"].model_directory), str(tmp_path / "in.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "out.csv")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'in.csv'}: the table already has 'accept'" in result.output
    assert not (tmp_path / "out.csv").exists()


def test_an_interrupted_run_leaves_the_old_output(tmp_path, monkeypatch):
    _table(tmp_path / "in.csv")
    (tmp_path / "out.csv").write_text(OLD)
    (tmp_path / "out.model").mkdir()
    (tmp_path / "out.model" / "settings.json").write_text(OURS)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    module = sys.modules["tfp_dgm.labelling.labelling_task"]
    monkeypatch.setattr(module, "fit_classifier", interrupted)
    with pytest.raises(KeyboardInterrupt):
        label_file(
            tmp_path / "in.csv", tmp_path / "out.csv", text_columns=["text"], label_column="label"
        )
    assert (tmp_path / "out.csv").read_text() == OLD
    assert (tmp_path / "out.model" / "settings.json").read_text() == OURS


def test_a_table_of_somebody_else_is_never_replaced(tmp_path):
    _table(tmp_path / "in.csv")
    for output in ("out.csv", "out.parquet"):
        (tmp_path / output).write_text("id,probability\n1,0.5\n")
        command = ["predict", str(tmp_path), str(tmp_path / "in.csv"), "--output"]
        for result in (
            _label(tmp_path, output=output),
            CliRunner().invoke(app, [*command, str(tmp_path / output)]),
        ):
            assert result.exit_code == 2
            assert "expected nothing or an earlier result there" in result.output
        assert (tmp_path / output).read_text() == "id,probability\n1,0.5\n"


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        (".", {}, "would be replaced, and holds"),
        ("nowhere/model", {}, "does not exist"),
        ("mine", {"thesis.tex": "precious"}, "`dgm label` wrote"),
        ("mine", {"settings.json": '{"editor.fontSize": 12}'}, "`dgm label` wrote"),
        ("mine", {"settings.json": OURS, "notes.txt": "precious"}, "`dgm label` wrote"),
        ("mine", {"settings.json": OURS.replace("out.csv", "x.csv")}, "belongs to the output"),
        (
            "mine",
            {
                "settings.json": OURS,
                "saved_model/1/saved_model.pb": "ours",
                "saved_model/2/saved_model.pb": "of `dgm export`",
            },
            "mine/saved_model would be replaced; expected the version 1 alone, which "
            "`dgm label` wrote, and found 2;",
        ),
    ],
)
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path, model, content, message):
    _table(tmp_path / "in.csv")
    (tmp_path / "mine").mkdir()
    for name, text in content.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(text)
    result = _label(tmp_path, "--model", str(tmp_path / model))
    assert result.exit_code == 2
    assert result.output.startswith("Error: --model: ")
    assert message in " ".join(result.output.split())
    for name, text in content.items():
        assert (tmp_path / "mine" / name).read_text() == text


@pytest.fixture
def trained(job, monkeypatch):
    """Gives what `job` learned and exported in the place of another training and export."""
    folder = job["done"].model_directory
    model = keras.models.load_model(folder / "model.keras")
    learnt = lambda *_, **__: (model, job["done"].outcome)  # noqa: E731
    exported = lambda _, to, **__: shutil.copytree(folder / "saved_model", to)  # noqa: E731
    task = sys.modules["tfp_dgm.labelling.labelling_task"]
    monkeypatch.setattr(task, "fit_classifier", learnt)
    monkeypatch.setattr(sys.modules["tfp_dgm.labelling.model_folder"], "export", exported)


def test_a_full_disk_while_the_table_is_finished_keeps_the_model(tmp_path, trained, monkeypatch):
    _table(tmp_path / "in.csv")
    (tmp_path / "out.csv").write_text(OLD)
    (tmp_path / "out.model").mkdir()
    (tmp_path / "out.model" / "settings.json").write_text(OURS)
    sync = os.fsync

    def full(descriptor):
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).match(".out.*.csv"):
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    result = _label(tmp_path)
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"{tmp_path / 'out.csv'}: cannot be written: No space left on device; " in said
    assert (tmp_path / "out.csv").read_text() == OLD
    assert (tmp_path / "out.model" / "settings.json").read_text() == OURS
    kept = tmp_path / "out.model.kept"
    command = [
        "predict",
        str(kept),
        str(tmp_path / "in.csv"),
        "--output",
        str(tmp_path / "out.csv"),
    ]
    assert f"the model is kept in {kept}; once" in said
    assert f"`dgm {' '.join(command)}` does it" in said
    monkeypatch.undo()
    assert CliRunner().invoke(app, command).exit_code == 0
    labelled = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert set(labelled["predicted_label"]) == set(TOPICS)


@pytest.fixture
def no_training(monkeypatch):
    """Makes training an error: what can be known before is to be said before."""

    def train(*_, **__):
        raise AssertionError

    monkeypatch.setattr(sys.modules["tfp_dgm.labelling.labelling_task"], "fit_classifier", train)


def test_integers_that_the_output_cannot_hold_are_known_before_training(tmp_path, no_training):
    rows = [{"text": f"w{n} w", "label": "xy"[n % 2], "id": 2**64 + n} for n in range(6)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = _label(tmp_path, source="in.jsonl", output="out.parquet")
    assert result.exit_code == 2
    assert "a column cannot be written as Parquet ('id': " in " ".join(result.output.split())


def test_a_disk_without_room_is_known_before_training(tmp_path, no_training, monkeypatch):
    _table(tmp_path / "in.csv")
    usage = SimpleNamespace(total=10**9, free=700_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    result = _label(tmp_path)
    assert result.exit_code == 2
    assert "received a disk with 700.0 kB left" in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_name_that_is_too_long_is_known_before_training(tmp_path, no_training):
    _table(tmp_path / "in.csv")
    result = _label(tmp_path, output="w" * 245 + ".csv")
    assert result.exit_code == 2
    assert "cannot be written: File name too long" in " ".join(result.output.split())


def test_the_least_size_of_a_model_is_less_than_its_size(job):
    files = job["done"].model_directory.rglob("*")
    size = sum(path.stat().st_size for path in files if path.is_file())
    assert size / 2 < least_model_size(job["in"]["text"].tolist(), 3) < size


def test_a_full_disk_while_the_model_is_written_keeps_it_elsewhere(tmp_path, trained, monkeypatch):
    _table(tmp_path / "in.csv")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    module = sys.modules["tfp_dgm.labelling.model_folder"]
    export = module.export

    def full(model, folder, **options):
        if "temporary" not in str(folder):
            raise tf.errors.ResourceExhaustedError(None, None, "a/b; No space left on device")
        return export(model, folder, **options)

    monkeypatch.setattr(module, "export", full)
    result = _label(tmp_path)
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"Error: {tmp_path / 'out.model'}: cannot be written: No space left on device; " in said
    (kept,) = (tmp_path / "temporary").iterdir()
    assert f"the labelled table is kept as {kept / 'out.csv'}; the model is kept in" in said
    assert len(pd.read_csv(kept / "out.csv")) == 240
    assert (kept / "out.model/saved_model/1/saved_model.pb").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "temporary"}


def test_where_nothing_can_be_kept_it_is_said(tmp_path, trained, monkeypatch):
    _table(tmp_path / "in.csv")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.modules["tfp_dgm.labelling.model_folder"], "export", full)
    monkeypatch.setattr(sys.modules["tfp_dgm.labelling.labelled_file"], "write_table", full)
    result = _label(tmp_path)
    assert result.exit_code == 2
    assert "; nothing could be kept in " in " ".join(result.output.split())


def test_quotes_as_letters_and_formulas_in_the_output(tmp_path, job, trained):
    frame, _ = _table(tmp_path / "in.csv")
    rows = [
        f'=1+1\t"{text}\t{label}' for text, label in zip(frame["text"], frame["label"], strict=True)
    ]
    rows[10] += '"'  # Where the first quote would end.
    (tmp_path / "in.tsv").write_text("\n".join(["id\ttext\tlabel", *rows]))
    result = _label(tmp_path, "--no-quoting", "--guard-formulas", source="in.tsv")
    assert result.exit_code == 0, result.output
    labelled = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert labelled["text"].tolist() == [f'"{text}' for text in frame["text"]]
    assert set(labelled["id"]) == {"'=1+1"}
    settings = json.loads((tmp_path / "out.model/settings.json").read_text())
    assert settings["quoting"] is False


def test_reasons_stand_beside_the_answers(tmp_path, job, trained):
    """Of words that the topics share, no reason is among the strongest; a reload finds the same."""
    frame, _ = _table(tmp_path / "in.csv")
    result = _label(tmp_path, "--reasons", "--guard-formulas")
    assert result.exit_code == 0, result.output
    labelled = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert list(labelled)[-1] == "reasons"
    assert labelled["predicted_label"].tolist() == job["out"]["predicted_label"].tolist()
    unlabelled = labelled[frame["label"] == ""]
    for row in unlabelled.itertuples():
        first, *others = row.reasons.split("; ")
        word, added = first.split()
        assert word in TOPICS[row.predicted_label]
        assert float(added) > 0
        assert all(why.split()[0] in row.text.lower().split() for why in others)
    frame[["text"]].to_csv(tmp_path / "new.csv", index=False)
    command = ["predict", str(tmp_path / "out.model"), str(tmp_path / "new.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "again.csv"), "--reasons"])
    assert result.exit_code == 0, result.output
    again = pd.read_csv(tmp_path / "again.csv", keep_default_na=False)
    assert again["reasons"][unlabelled.index].tolist() == unlabelled["reasons"].tolist()
    (tmp_path / "taken.csv").write_text("text,reasons\napple,x\n")
    command[2] = str(tmp_path / "taken.csv")
    result = CliRunner().invoke(app, [*command, str(tmp_path / "third.csv"), "--reasons"])
    assert result.exit_code == 2
    assert "the table already has 'reasons'" in result.output
    (tmp_path / "out.model/model.keras").write_bytes(b"PK cut short")
    command[2] = str(tmp_path / "new.csv")
    result = CliRunner().invoke(app, [*command, str(tmp_path / "third.csv"), "--reasons"])
    assert result.exit_code == 2
    assert "model.keras" in " ".join(result.output.split())
    assert not (tmp_path / "third.csv").exists()


def test_rationales_stand_beside_the_answers_and_are_served(tmp_path, job, monkeypatch):
    """Words of the row's own; no answer changes; the folder's SavedModel gives the same."""
    model = keras.models.load_model(job["done"].model_directory / "model.keras")
    task = sys.modules["tfp_dgm.labelling.labelling_task"]
    monkeypatch.setattr(task, "fit_classifier", lambda *_, **__: (model, job["done"].outcome))
    monkeypatch.setattr("tfp_dgm.labelling.rationale_fitting._STEPS", 150)
    frame, _ = _table(tmp_path / "in.csv")
    result = _label(tmp_path, "--rationales", "--seed", "3")
    assert result.exit_code == 0, result.output
    labelled = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert list(labelled)[-1] == "rationale"
    pd.testing.assert_frame_equal(labelled.drop(columns="rationale"), job["out"])
    told = labelled[labelled["rationale"] != ""]
    assert len(told) > len(labelled) / 2
    of_topics = []
    for row in told.itertuples():
        kept = row.rationale.split()
        assert set(kept) <= set(row.text.lower().split())
        of_topics += [word in TOPICS[row.predicted_label] for word in kept]
    assert np.mean(of_topics) > 0.6
    scores = json.loads((tmp_path / "out.model/metrics.json").read_text())["rationales"]
    assert scores["held_out"] == labelled["text"].nunique() // 10
    assert "that it had not learnt from" in (tmp_path / "out.model/report.html").read_text()
    frame[["text"]].to_csv(tmp_path / "new.csv", index=False)
    command = ["predict", str(tmp_path / "out.model"), str(tmp_path / "new.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "again.csv")])
    assert result.exit_code == 0, result.output
    again = pd.read_csv(tmp_path / "again.csv", keep_default_na=False)
    unlabelled = labelled[frame["label"] == ""]
    assert again["rationale"][unlabelled.index].tolist() == unlabelled["rationale"].tolist()
    kinds = open_answers(str(tmp_path / "out.model"), ".parquet", False).kinds
    assert str(kinds["rationale"]) == "string"
    (tmp_path / "taken.csv").write_text("text,rationale\napple,x\n")
    command[2] = str(tmp_path / "taken.csv")
    result = CliRunner().invoke(app, [*command, str(tmp_path / "third.csv")])
    assert result.exit_code == 2
    assert "the table already has 'rationale'" in result.output
    result = _label(tmp_path, "--rationales", source="taken.csv", output="third.csv")
    assert result.exit_code == 2
    assert not (tmp_path / "third.csv").exists()


def test_predict_reads_quotes_and_guards_formulas_as_label_does(tmp_path, job, monkeypatch):
    # Batches of a few rows: the answers are the same.
    monkeypatch.setattr("tfp_dgm.labelling.answer_columns._CHARACTERS_PER_BATCH", 200)
    texts = job["in"]["text"][200:210].tolist()
    expected = job["out"]["predicted_label"][200:210].tolist()
    rows = [f"=1+1\t{text}" for text in texts]
    rows[2], rows[5] = rows[2].replace("\t", '\t"'), f'{rows[5]}"'
    (tmp_path / "new.tsv").write_text("\n".join(["id\ttext", *rows]))
    command = ["predict", str(job["done"].model_directory), str(tmp_path / "new.tsv"), "--output"]
    command += [str(tmp_path / "new.csv"), "--guard-formulas"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Warning: A quoted cell holds line ends and delimiters" in said
    assert "lines 4 to 7; if quotes are letters like any other, read with --no-quoting." in said
    assert "7 rows labelled" in said
    result = CliRunner().invoke(app, [*command, "--no-quoting"])
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.output
    labelled = pd.read_csv(tmp_path / "new.csv")
    assert set(labelled["id"]) == {"'=1+1"}
    assert labelled["predicted_label"].tolist() == expected


WEIGHTS = "saved_model/1/variables/variables.data-00000-of-00001"
GRAPH = "saved_model/1/saved_model.pb"


@pytest.mark.parametrize(
    ("file", "length", "message"),
    [
        (WEIGHTS, None, "No such file"),
        (WEIGHTS, 1000, "Read less bytes than requested"),
        (WEIGHTS.replace("data-00000-of-00001", "index"), 100, "not an sstable"),
        (GRAPH, 100, "Cannot parse file"),
        (GRAPH, 0, "0 MetaGraphs"),
    ],
)
def test_predict_names_a_damaged_model(job, tmp_path, file, length, message):
    model = tmp_path / "damaged"
    shutil.copytree(job["done"].model_directory, model)
    content = (model / file).read_bytes()
    (model / file).unlink()
    if length is not None:
        (model / file).write_bytes(content[:length])
    (tmp_path / "new.csv").write_text("text\napple\n")
    command = ["predict", str(model), str(tmp_path / "new.csv"), "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "out.csv")])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"Error: {model / 'saved_model' / '1'}: expected the SavedModel that `dgm label`" in said
    assert message in said
    assert not (tmp_path / "out.csv").exists()


def test_a_kill_while_writing_leaves_the_old_output_or_the_new(tmp_path, trained):
    """At every change of a file: table first, folder an instant later, each of them whole."""
    _table(tmp_path / "in.csv")
    (tmp_path / "out.csv").write_text(OLD)
    (tmp_path / "out.model").mkdir()
    (tmp_path / "out.model" / "settings.json").write_text(OURS)
    found = []

    def look():
        there = [(tmp_path / name) for name in ("out.model", ".out.model.old")]
        folder = next(path for path in there if path.exists())
        state = [(tmp_path / "out.csv").read_text(), sorted(os.listdir(folder)), folder.name]
        if state not in found:
            found.append(state)

    with changes_of_files(look):
        assert _label(tmp_path).exit_code == 0
    new = (tmp_path / "out.csv").read_text()
    files = ["metrics.json", "model.keras", "report.html", "saved_model", "settings.json"]
    assert new.count("\n") == 241
    assert found == [
        [OLD, ["settings.json"], "out.model"],
        [new, ["settings.json"], "out.model"],
        [new, ["settings.json"], ".out.model.old"],
        [new, files, "out.model"],
    ]


def test_help_loads_no_tensorflow():
    code = (
        "import sys; from tfp_dgm_apps.cli import app; import tfp_dgm; "
        "assert 'tensorflow' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
