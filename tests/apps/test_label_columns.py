"""`dgm label` of several label columns."""

import json

import numpy as np
import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.serving.beam.answered_shards import answered
from tests.without_saved_models import without_saved_models
from tfp_dgm.labelling import label_file, predict_file
from tfp_dgm.labelling.shard_labelling import open_answers

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

TOPICS = {"fruit": ["apple", "grape", "melon", "pear"], "metal": ["iron", "zinc", "rust", "ore"]}
MOODS = {"bad": ["awful", "poor"], "good": ["lovely", "great"], "so so": ["okay", "fair"]}
ROWS, LABELLED = 120, 48


def _run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def _table(path):
    rng = np.random.default_rng(5)
    topics, moods = (
        [list(kinds)[k] for k in rng.integers(0, len(kinds), ROWS)] for kinds in (TOPICS, MOODS)
    )
    texts = [
        f"{' '.join(rng.choice(TOPICS[topic], 3))} {' '.join(rng.choice(MOODS[mood], 2))} w{n}"
        for n, (topic, mood) in enumerate(zip(topics, moods, strict=True))
    ]
    frame = pd.DataFrame({"text": texts, "topic": topics, "Mood/tone": moods})
    given = frame.copy()
    given.loc[LABELLED:, "topic"] = ""
    given.loc[: ROWS - LABELLED, "Mood/tone"] = ""  # Other rows than those with a topic.
    given.to_csv(path, index=False)
    return frame


def _read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    truth = _table(folder / "in.csv")
    columns = ["--label-column", "topic", "--label-column", "Mood/tone"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
        words = ["label", folder / "in.csv", "--text-column", "text", "--min-precision", "0.8"]
        words += ["--reasons", "--seed", "3"]
        done = _run(*words, *columns, "--output", folder / "out.csv", "--json", folder / "m.json")
        assert done.exit_code == 0, done.output
        with without_saved_models():
            alone = label_file(
                folder / "in.csv",
                folder / "alone.csv",
                text_columns=["text"],
                label_column="Mood/tone",
                min_precision=0.8,
                reasons=True,
                seed=3,
            )
    return folder, truth, done, alone


def test_each_column_gets_what_it_gets_alone(job):
    folder, truth, _, alone = job
    out, other = _read(folder / "out.csv"), _read(folder / "alone.csv")
    new = [name for name in other if name not in truth]
    assert [*out] == [*truth, *(f"topic_{n}" for n in new), *(f"Mood/tone_{n}" for n in new)]
    for name in new:
        assert (out[f"Mood/tone_{name}"] == other[name]).all(), name
    for column in ("topic", "Mood/tone"):
        hidden = out[column] == ""
        assert (out[f"{column}_predicted_label"] == truth[column])[hidden].mean() > 0.9
    found = json.loads((folder / "out.model/columns/Mood_tone/metrics.json").read_text())
    single = json.loads((alone.model_directory / "metrics.json").read_text())
    for metrics in (found, single):
        del metrics["seconds"]
    assert found == single


def test_the_folder_has_one_model_and_a_report_of_each(job):
    folder, _, done, _ = job
    model = folder / "out.model"
    assert {path.name for path in model.iterdir()} == {
        *("model.keras", "saved_model", "settings.json", "metrics.json", "report.html", "columns")
    }
    figures = json.loads((model / "metrics.json").read_text())
    assert list(figures["columns"]) == ["topic", "Mood/tone"]
    assert figures == json.loads((folder / "m.json").read_text())
    assert figures["columns"]["topic"]["rows"]["labelled"] == LABELLED
    settings = json.loads((model / "settings.json").read_text())
    assert settings["label_columns"] == ["topic", "Mood/tone"]
    assert settings["classes"] == {"topic": sorted(TOPICS), "Mood/tone": sorted(MOODS)}
    page = (model / "report.html").read_text()
    for name in ("topic", "Mood_tone"):
        assert f'href="columns/{name}/report.html"' in page
    assert "<bdi>Mood/tone</bdi>_" in (model / "columns/Mood_tone/report.html").read_text()
    assert "topic: 72 rows labelled" in done.stdout
    assert "Mood/tone: 73 rows labelled" in done.stdout


def test_the_model_predicts_all_columns(job, tmp_path):
    folder, *_ = job
    words = ["predict", folder / "out.model", folder / "in.csv", "--reasons"]
    done = _run(*words, "--output", tmp_path / "again.csv")
    assert done.exit_code == 0, done.output
    again, out = _read(tmp_path / "again.csv"), _read(folder / "out.csv")
    for column in ("topic", "Mood/tone"):
        hidden = out[column] == ""
        for name in ("predicted_label", "second_label", "accept", "reasons"):
            full = f"{column}_{name}"
            assert (again[full] == out[full])[hidden].all(), full
        ours, before = (frame[f"{column}_probability"].astype(float) for frame in (again, out))
        np.testing.assert_allclose(ours[hidden], before[hidden], atol=2e-6)
    # What it wrote it may replace, and nothing else.
    assert _run(*words, "--output", tmp_path / "again.csv").exit_code == 0
    (folder / "out.model/columns/topic/mine.txt").write_text("kept")
    columns = ["--label-column", "topic", "--label-column", "Mood/tone"]
    again = ["label", folder / "in.csv", "--text-column", "text", *columns]
    refused = _run(*again, "--output", folder / "out.csv")
    assert refused.exit_code == 2
    assert "it would be replaced" in " ".join(refused.output.split())
    (folder / "out.model/columns/topic/mine.txt").unlink()


@pytest.mark.parametrize(
    ("header", "columns", "options", "message"),
    [
        ("text,a,b", "a b", "--class x", "--class: expected COLUMN=CLASS, of one of the label"),
        ("text,a,b", "a b", "--class b=x", "column 'b': unknown class 'u'"),
        ("text,a,a=b", "a a=b", "--class a=b=x", "which may be of 'a' or 'a=b'"),
        ("text,a,b", "a b", "--annotator-column a", "--annotator-column: expected one --label"),
        ("text,a,b", "a b", "--answer-column a", "--answer-column: expected in place of --label-"),
        ("text,a,b", "a a", "", "--label-column: expected each column once; received 'a' again"),
        ("text,a,a_second", "a a_second", "", "'a_second_probability' would be of 'a' and of"),
        ("text,a,b_accept,b", "a b", "", "the table already has 'b_accept'"),
    ],
)
def test_bad_columns_are_explained_and_nothing_is_written(
    tmp_path, header, columns, options, message
):
    between = "," * (header.count(",") - 1)
    (tmp_path / "in.csv").write_text(f"{header}\none,x{between}u\ntwo,y{between}v\n")
    words = [word for name in columns.split() for word in ("--label-column", name)]
    command = ["label", tmp_path / "in.csv", "--text-column", "text", *words, *options.split()]
    done = _run(*command, "--output", tmp_path / "out.csv")
    assert done.exit_code == 2, done.output
    said = " ".join(done.stderr.replace("\u2502", " ").split())
    assert message in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_shard_has_the_answers_of_the_stream(job, tmp_path):
    folder = job[0]
    predict_file(folder / "out.model", folder / "in.csv", tmp_path / "plain.csv")
    answers = open_answers(str(folder / "out.model"), ".csv", False)
    found, record = answered(answers, folder / "in.csv", tmp_path / "run")
    assert found.read_bytes() == (tmp_path / "plain.csv").read_bytes()
    assert [told["texts"] for told in record.told] == [ROWS, ROWS]
