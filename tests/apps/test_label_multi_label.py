"""`dgm label --multi-label`, and what `dgm predict` makes of its model."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.serving.beam.answered_shards import answered
from tfp_dgm.labelling import predict_file
from tfp_dgm.labelling.shard_labelling import open_answers
from tfp_dgm.models import load_model

WORDS = {
    "billing": ["card", "invoice", "fee", "price"],
    "late": ["delay", "waiting", "slow", "days"],
    "refund": ["money", "return", "owe", "cheque"],
}
ROWS, ANNOTATED = 200, 90
NEW = [
    "predicted_labels",
    "probabilities",
    "accepted_labels",
    "row_probability",
    "accept",
    "suspect_labels",
]


def _run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def _texts():
    rng = np.random.default_rng(7)
    truth = rng.random((ROWS, 3)) < 0.45
    texts = []
    for n, row in enumerate(truth):
        chosen = [w for k, name in enumerate(WORDS) if row[k] for w in rng.choice(WORDS[name], 3)]
        texts.append(" ".join([*chosen, *rng.choice(["the", "my", "was", "again"], 3), f"w{n}"]))
    return texts, truth


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multi")
    texts, truth = _texts()
    cells = [";".join(n for n, h in zip(WORDS, row, strict=True) if h) or "(none)" for row in truth]
    cells[ANNOTATED:] = [""] * (ROWS - ANNOTATED)
    cells[3] = "refund" if not truth[3, 2] else "(none)"  # A slip of the annotator.
    cells[100], cells[101] = "late;?", "!billing"
    pd.DataFrame({"text": texts, "tags": cells}).to_csv(folder / "in.csv", index=False)
    words = [
        "--text-column",
        "text",
        "--label-column",
        "tags",
        "--multi-label",
        "--encoder",
        "none",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
        done = _run(
            "label", folder / "in.csv", *words, "--min-precision", "0.8", "--seed", "1",
            "--output", folder / "out.csv", "--json", folder / "m.json",
        )  # fmt: skip
    assert done.exit_code == 0, done.output
    return folder, texts, truth, cells


def _read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _sets(cells):
    return np.array([[name in cell.split(";") for name in WORDS] for cell in cells])


@pytest.mark.slow
def test_rows_and_columns_are_kept_and_labels_are_right(job):
    folder, texts, truth, cells = job
    out = _read(folder / "out.csv")
    assert [*out] == ["text", "tags", *NEW]
    assert out["text"].tolist() == texts
    assert out["tags"].tolist() == cells
    hidden = np.array([cell == "" for cell in cells])
    assert (_sets(out["predicted_labels"]) == truth)[hidden].mean() > 0.97
    accepted = _sets(out["accepted_labels"])[hidden]
    assert accepted.sum() > 50
    assert truth[hidden][accepted].mean() >= 0.8
    rows = (out["accept"] == "true").to_numpy()
    assert rows.sum() > 30
    assert (_sets(out["predicted_labels"]) == truth).all(axis=1)[rows].mean() >= 0.8
    whole = np.array(["?" not in c and "!" not in c and c != "" for c in cells])
    assert (out["accept"][whole] == "").all()
    assert (out["suspect_labels"][hidden] == "").all()


@pytest.mark.slow
def test_what_is_known_of_a_row_is_kept_and_slips_are_suspected(job):
    folder, _, truth, _ = job
    out = _read(folder / "out.csv")
    assert "late" in out["predicted_labels"][100].split(";")
    assert "billing" not in out["predicted_labels"][101].split(";")
    assert "refund" in out["suspect_labels"][3]
    assert out["suspect_labels"][3].startswith("!") == (not truth[3, 2])


def test_report_metrics_and_card(job):
    folder = job[0]
    metrics = json.loads((folder / "m.json").read_text())
    rows = metrics["rows"]
    found = [rows[name] for name in ("all", "annotated", "partial", "unlabelled")]
    assert found == [ROWS, ANNOTATED, 2, ROWS - ANNOTATED - 2]
    assert metrics["cross_fitted"]["micro_f1"] > 0.9
    report = (folder / "out.model/report.html").read_text()
    for words in ("several labels a row", "Class by class", "accepted_labels", "cheque"):
        assert words in report


def test_the_served_model_answers_strings_as_the_live_one(job):
    folder, texts, _, _ = job
    asked = tf.constant([*texts[:5], "", "never seen"])
    live = load_model(folder / "out.model/model.keras")
    served = tf.saved_model.load(str(folder / "out.model/saved_model/1"))
    answer = served.signatures["serving_default"](text=asked)
    np.testing.assert_allclose(answer["probabilities"], live(asked), atol=1e-5)
    for cell, row in zip(answer["predicted_labels"].numpy(), answer["predicted"], strict=True):
        names = [name for name, here in zip(WORDS, row.numpy(), strict=True) if here]
        assert cell.decode() == (";".join(names) or "(none)")


@pytest.mark.slow
def test_predict_labels_as_the_labelling_did(job):
    folder = job[0]
    for ending in ("csv", "parquet"):
        done = _run(
            "predict", folder / "out.model", folder / "in.csv", "--output", folder / f"p.{ending}"
        )
        assert done.exit_code == 0, done.output
    out, again = _read(folder / "out.csv"), _read(folder / "p.csv")
    hidden = out["tags"] == ""
    for name in ("predicted_labels", "accepted_labels", "accept"):
        assert (out[name] == again[name])[hidden].all(), name
    row = pd.read_parquet(folder / "p.parquet").iloc[0]
    assert set(row["probabilities"]) == set(WORDS)


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "no_saved_model")
@pytest.mark.parametrize("ending", ["jsonl", pytest.param("parquet", marks=pytest.mark.slow)])
def test_lists_come_back_as_lists(tmp_path, monkeypatch, ending):
    """Quicker than as Parquet: `test_table_writer.py`, of lists there."""
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)
    texts, truth = _texts()
    with (tmp_path / "in.jsonl").open("w") as file:
        for n, (text, row) in enumerate(zip(texts, truth, strict=True)):
            names = [name for name, here in zip(WORDS, row, strict=True) if here]
            file.write(json.dumps({"text": text} | ({"tags": names} if n < 60 else {})) + "\n")
    done = _run(
        "label", tmp_path / "in.jsonl", "--text-column", "text", "--label-column", "tags",
        "--multi-label", "--encoder", "none", "--output", tmp_path / f"out.{ending}",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    read = pd.read_parquet if ending == "parquet" else (lambda p: pd.read_json(p, lines=True))
    out = read(tmp_path / f"out.{ending}")
    assert {type(cell) for cell in out["predicted_labels"]} <= {list, np.ndarray}
    found = np.array([[name in cell for name in WORDS] for cell in out["predicted_labels"]])
    assert (found == truth)[60:].mean() > 0.9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--reasons"], "--reasons: labels with --multi-label come without"),
        (["--separator", "!"], "--separator: expected something to stand between labels"),
        (["--class", "only"], "unknown class 'a'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, words, message):
    (tmp_path / "t.csv").write_text("text,tags\nx,a\ny,b\n")
    done = _run(
        "label", tmp_path / "t.csv", "--text-column", "text", "--label-column", "tags",
        "--multi-label", "--output", tmp_path / "o.csv", *words,
    )  # fmt: skip
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert not (tmp_path / "o.csv").exists()


DEFINED = """\
- {name: billing, description: card and invoice and fee and price}
- {name: late, description: delay and waiting and slow and days, parent: after}
- {name: refund, description: money and return and owe and cheque, parent: after}
"""


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [0, 12])
def test_definitions_teach_before_labels_do(tmp_path, monkeypatch, labelled):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 20)
    texts, truth = _texts()
    (tmp_path / "classes.yaml").write_text(DEFINED)
    frame = pd.DataFrame({"text": texts})
    words = ["--text-column", "text", "--multi-label", "--encoder", "none"]
    if labelled:
        cells = [
            ";".join(n for n, h in zip(WORDS, row, strict=True) if h) or "(none)" for row in truth
        ]
        frame["tags"] = [*cells[:labelled], *[""] * (ROWS - labelled)]
        words += ["--label-column", "tags"]
    frame.to_csv(tmp_path / "in.csv", index=False)
    words += ["--classes", tmp_path / "classes.yaml", "--output", tmp_path / "out.csv"]
    done = _run("label", tmp_path / "in.csv", *words)
    assert done.exit_code == 0, done.output
    out = pd.read_csv(tmp_path / "out.csv")
    told = [dict(one.split("=") for one in cell.split(";")) for cell in out.probabilities]
    probabilities = np.array([[float(row.get(name, 0)) for name in WORDS] for row in told])
    # A class is likelier in a text that has it than in one that has not, nearly always.
    for k in range(3):
        has, lacks = probabilities[truth[:, k], k], probabilities[~truth[:, k], k]
        assert (has[:, np.newaxis] > lacks).mean() > 0.9
    assert ("There are no labels yet" in done.output) == (labelled == 0)
    if not labelled:
        assert not out.accept.any()
    settings = json.loads((tmp_path / "out.model/settings.json").read_text())
    assert settings["definitions"][1]["parent"] == "after"
    done = _run(
        "predict", tmp_path / "out.model", tmp_path / "in.csv", "--output", tmp_path / "n.csv"
    )
    assert done.exit_code == 0, done.output
    found = pd.read_csv(tmp_path / "n.csv").predicted_labels[labelled:]
    assert found.tolist() == out.predicted_labels[labelled:].tolist()


def test_definitions_of_columns_of_0_and_1_must_be_theirs(tmp_path):
    (tmp_path / "classes.yaml").write_text(DEFINED)
    pd.DataFrame({"text": ["a", "b"], "billing": [1, 0], "later": [0, 1]}).to_csv(
        tmp_path / "in.csv", index=False
    )
    words = ["--text-column", "text", "--multi-label", "--classes", tmp_path / "classes.yaml"]
    words += ["--label-column", "billing", "--label-column", "later"]
    done = _run("label", tmp_path / "in.csv", *words, "--output", tmp_path / "out.csv")
    assert done.exit_code == 2
    assert "of which 'late' is only on one side" in " ".join(done.output.split())


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_shard_has_the_answers_of_the_stream(job, tmp_path, ending):
    folder, texts, *_ = job
    source, plain = tmp_path / f"in{ending}", tmp_path / f"plain{ending}"
    frame = pd.DataFrame({"text": texts[:40]})
    if ending == ".csv":
        frame.to_csv(source, index=False)
    elif ending == ".jsonl":
        frame.to_json(source, orient="records", lines=True)
    else:
        frame.to_parquet(source)
    predict_file(folder / "out.model", source, plain)
    answers = open_answers(str(folder / "out.model"), ending, False)
    found, _ = answered(answers, source, tmp_path / "run")
    assert found.read_bytes() == plain.read_bytes()
