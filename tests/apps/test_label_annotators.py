"""`dgm label` on what several annotators labelled."""

import json

import numpy as np
import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

TOPICS = {"fruit": ["apple", "grape", "melon", "pear"], "metal": ["iron", "zinc", "rust", "ore"]}
RIGHT = {"ann": 0.9, "bob": 0.8, "cyd": 0.75, "wrong": 0.15}
ROWS, ANSWERED = 110, 70


def _columns():
    """Texts, their classes, and the answers of each annotator to the first rows."""
    rng = np.random.default_rng(1)
    names = sorted(TOPICS)
    truth = [names[k] for k in rng.integers(0, 2, ROWS)]
    texts = [f"{' '.join(rng.permutation(TOPICS[name])[:3])} {n}" for n, name in enumerate(truth)]
    other = {"fruit": "metal", "metal": "fruit"}
    answers = {
        who: [
            (name if rng.random() < right else other[name]) if n < ANSWERED else ""
            for n, name in enumerate(truth)
        ]
        for who, right in RIGHT.items()
    }
    return texts, truth, answers


def _label(folder, *options):
    command = ["label", str(folder / "in.csv"), "--text-column", "text", *options]
    return CliRunner().invoke(app, [*command, "--output", str(folder / "out.csv")])


@pytest.mark.slow
@pytest.mark.parametrize("long", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_truths_are_inferred_and_annotators_judged(
    tmp_path, monkeypatch, eager, no_saved_model, long
):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 5)
    texts, truth, answers = _columns()
    frame = pd.DataFrame({"text": texts, **answers})
    options = [word for who in RIGHT for word in ("--answer-column", who)]
    if long:
        options = ["--label-column", "label", "--annotator-column", "who"]
        frame = frame.melt("text", list(RIGHT), "who", "label")
        frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    frame.to_csv(tmp_path / "in.csv", index=False)
    done = _label(tmp_path, *options)
    assert done.exit_code == 0, done.output
    assert "systematically wrong" in done.stderr

    out = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(out[list(frame)], frame, check_dtype=False)
    true = out["text"].map(dict(zip(texts, truth, strict=True)))
    answered = out["inferred_label"] != ""
    assert answered.sum() == ANSWERED * (len(RIGHT) if long else 1)
    assert (out["inferred_label"] == true)[answered].mean() > 0.95
    assert (out["predicted_label"] == true)[~answered].mean() > 0.9
    assert ((out["inferred_probability"] != "") == answered).all()
    assert out.groupby("text")["probability"].nunique().eq(1).all()

    found = json.loads((tmp_path / "out.model/metrics.json").read_text())
    assert found["rows"]["all"] == ROWS
    verdicts = {one["name"]: one["verdict"] for one in found["annotators"]["each"]}
    assert verdicts == dict.fromkeys(RIGHT, "reliable") | {"wrong": "adversary"}
    assert 'id="annotators"' in (tmp_path / "out.model/report.html").read_text()
    settings = json.loads((tmp_path / "out.model/settings.json").read_text())
    assert settings.get("label_column") == ("label" if long else None)
    assert settings.get("answer_columns") == (None if long else list(RIGHT))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--answer-column", "ann", "--answer-column", "bop"], "no such column 'bop'"),
        (["--label-column", "ann", "--annotator-column", "whom"], "no such column 'whom'"),
        (
            ["--label-column", "ann", "--annotator-column", "text"],
            "column 'text': the label column is a text column",
        ),
        (["--answer-column", "ann", "--answer-column", "bob"], "'inferred_label'"),
        (
            ["--answer-column", "ann", "--answer-column", "bob", "--class", "x"],
            "column 'ann': unknown class 'y'",
        ),
    ],
)
def test_bad_columns_are_explained_and_nothing_is_written(tmp_path, options, message):
    (tmp_path / "in.csv").write_text("text,ann,bob,inferred_label\none,x,y,\ntwo,y,,\n")
    done = _label(tmp_path, *options)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
