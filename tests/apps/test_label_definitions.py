"""`dgm label` of classes that a file defines: from no labels on, answers that stop at a group."""

import json

import numpy as np
import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

CLASSES = """\
- {name: fruit, description: apple and pear}
- {name: metal, description: iron and zinc, parent: mined}
- {name: stone, description: slate and chalk, parent: mined}
- {name: water, description: wave and tide}
"""
MINED = ["iron", "zinc", "slate", "chalk", *(f"mined{n}" for n in range(16))]
WORDS = {
    "fruit": ["apple", "pear", *(f"fruit{n}" for n in range(18))],
    "metal": MINED,
    "stone": MINED,
    "water": ["wave", "tide", *(f"water{n}" for n in range(18))],
}
ROWS, LABELLED = 260, 140


def _run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file with labels, where `mined` stands for either in some, one without, and results."""
    folder = tmp_path_factory.mktemp("definitions")
    rng = np.random.default_rng(0)
    truth = [sorted(WORDS)[k] for k in rng.integers(0, 4, ROWS)]
    texts = [" ".join(rng.choice(WORDS[k], 7, replace=False)) for k in truth]
    labels = [k if n < LABELLED else "" for n, k in enumerate(truth)]
    labels[:20] = ["mined" if WORDS[k] is MINED else k for k in labels[:20]]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / "in.csv", index=False)
    pd.DataFrame({"text": texts}).to_csv(folder / "bare.csv", index=False)
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "classes.yaml").write_text(CLASSES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
        for name, label in (("in", ["--label-column", "label"]), ("bare", [])):
            words = ["label", folder / f"{name}.csv", "--text-column", "text", *label, "--quiet"]
            words += ["--classes", folder / "classes.yaml", "--output", folder / f"{name}_out.csv"]
            words += ["--min-precision", "0.9"]
            done = _run(*words)
            assert done.exit_code == 0, done.output
    return folder


def test_a_group_is_accepted_where_its_classes_are_not(folder):
    out = pd.read_csv(folder / "in_out.csv")
    truth = np.array(json.loads((folder / "truth.json").read_text()))
    open_rows = np.arange(ROWS) >= LABELLED
    mined = np.isin(truth, ["metal", "stone"])
    assert (out.safe_label == "mined")[open_rows & mined].mean() > 0.7
    assert (out.safe_label == truth)[open_rows & ~mined].mean() > 0.9
    single = (out.label.fillna("") != "mined") & ~open_rows
    assert out.safe_label[single].isna().all()


def test_predict_gives_the_same_safe_labels(folder):
    done = _run(
        "predict", folder / "in_out.model", folder / "bare.csv", "--output", folder / "new.csv"
    )
    assert done.exit_code == 0, done.output
    new, out = pd.read_csv(folder / "new.csv"), pd.read_csv(folder / "in_out.csv")
    rows = out.label.isna()
    columns = ["predicted_label", "safe_label"]
    pd.testing.assert_frame_equal(new.loc[rows, columns], out.loc[rows, columns])
    np.testing.assert_allclose(
        new.safe_probability[rows], out.safe_probability[rows], atol=1e-5, equal_nan=True
    )


def test_the_report_and_the_metrics_tell_of_the_levels(folder):
    found = json.loads((folder / "in_out.model/metrics.json").read_text())["acceptance"]["levels"]
    out = pd.read_csv(folder / "in_out.csv")
    assert [level["groups"] for level in found] == [
        ["fruit", "metal", "stone", "water"],
        ["fruit", "mined", "water"],
    ]
    assert sum(level["accepted"] for level in found) == out.safe_label.notna().sum()
    report = (folder / "in_out.model/report.html").read_text()
    assert "Answers that stop at a group" in report
    assert "<code>safe_label</code>" in report


def test_without_labels_the_classes_are_told_by_what_is_said_of_them(folder):
    out = pd.read_csv(folder / "bare_out.csv")
    truth = np.array(json.loads((folder / "truth.json").read_text()))
    sure = np.isin(truth, ["fruit", "water"])
    assert (out.predicted_label == truth)[sure].mean() > 0.9
    assert not out.accept.any()
    assert out.safe_label.isna().all()
    report = (folder / "bare_out.model/report.html").read_text()
    assert "There are no labels yet" in report
    settings = json.loads((folder / "bare_out.model/settings.json").read_text())
    assert settings["definitions"][1] == {
        "name": "metal",
        "description": "iron and zinc",
        "examples": [],
        "parent": "mined",
    }


def test_each_column_has_classes_of_its_own(folder, tmp_path, monkeypatch):
    """One is defined and has no labels, the other has labels, and classes by name."""
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
    frame = pd.read_csv(folder / "in.csv").rename(columns={"label": "mood"})
    moods = np.where(frame.index % 2 == 0, "glad", "sad")
    frame["text"] += [{"glad": " smile", "sad": " tears"}[mood] for mood in moods]
    frame["mood"] = np.where(frame.index < LABELLED, moods, "")
    frame.insert(1, "topic", "")
    frame.to_csv(tmp_path / "in.csv", index=False)
    options = ["--text-column", "text", "--quiet", "--min-precision", "0.9", "--encoder", "none"]
    columns = ["--label-column", "topic", "--label-column", "mood"]
    named = ["--classes", f"topic={folder / 'classes.yaml'}", "--class", "mood=glad"]
    named += ["--class", "mood=sad"]
    output = tmp_path / "out.csv"
    done = _run("label", tmp_path / "in.csv", *options, *columns, *named, "--output", output)
    assert done.exit_code == 0, done.output
    truth = np.array(json.loads((folder / "truth.json").read_text()))
    out = pd.read_csv(output)
    sure = np.isin(truth, ["fruit", "water"])
    assert (out.topic_predicted_label == truth)[sure].mean() > 0.9
    assert (out.mood_predicted_label == moods).mean() > 0.9
    assert "topic_safe_label" in out
    assert "mood_safe_label" not in out
    settings = json.loads((tmp_path / "out.model/settings.json").read_text())
    assert settings["definitions"]["topic"][0]["name"] == "fruit"
    assert settings["levels"] == {"topic": [["fruit", "mined", "water"]], "mood": []}
    done = _run("predict", tmp_path / "out.model", output, "--output", tmp_path / "new.csv")
    assert done.exit_code == 2  # The columns are there already.
    done = _run(
        "predict", tmp_path / "out.model", tmp_path / "in.csv", "--output", tmp_path / "new.csv"
    )
    assert done.exit_code == 0, done.output
    new = pd.read_csv(tmp_path / "new.csv")
    assert "topic_safe_label" in new
    assert "mood_safe_label" not in new
    assert new.topic_predicted_label.tolist() == out.topic_predicted_label.tolist()


@pytest.mark.usefixtures("no_saved_model")
def test_annotators_answer_with_the_classes_that_are_defined(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
    frame = pd.read_csv(folder / "bare.csv")
    truth = np.array(json.loads((folder / "truth.json").read_text()))
    random = np.random.default_rng(1)
    for name in ("ann", "bob"):
        wrong = random.choice(["fruit", "metal", "stone", "water"], ROWS)
        said = np.where(random.random(ROWS) < 0.9, truth, wrong)
        frame[name] = np.where(frame.index < LABELLED, said, "")
    frame.to_csv(tmp_path / "in.csv", index=False)
    options = ["--text-column", "text", "--quiet", "--min-precision", "0.9", "--encoder", "none"]
    options += ["--answer-column", "ann", "--answer-column", "bob"]
    options += ["--classes", folder / "classes.yaml", "--output", tmp_path / "out.csv"]
    done = _run("label", tmp_path / "in.csv", *options)
    assert done.exit_code == 0, done.output
    out = pd.read_csv(tmp_path / "out.csv")
    sure = np.isin(truth, ["fruit", "water"])
    assert (out.inferred_label == truth)[sure & (out.index < LABELLED)].mean() > 0.9
    mined = np.isin(truth, ["metal", "stone"]) & (out.index >= LABELLED)
    assert (out.safe_label == "mined")[mined].mean() > 0.5

    frame.loc[0, "ann"] = "mined"
    frame.to_csv(tmp_path / "in.csv", index=False)
    done = _run("label", tmp_path / "in.csv", *options[:-1], tmp_path / "o.csv")
    assert done.exit_code == 2
    assert "unknown class 'mined'" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--class", "fruit"], "--class: expected none beside --classes, which name them all"),
        (["--label-column", "text"], "the label column is a text column"),
    ],
)
def test_what_contradicts_the_classes(folder, words, said):
    options = ["--text-column", "text", "--classes", folder / "classes.yaml"]
    done = _run("label", folder / "in.csv", *options, *words, "--output", folder / "o.csv")
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert not (folder / "o.csv").exists()
