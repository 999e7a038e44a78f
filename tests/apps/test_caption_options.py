"""What `dgm caption` refuses before any work: options out of range or without effect, and files."""

from pathlib import Path

import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tfp_dgm.captioning import CaptionSettings
from tfp_dgm.data import DataError
from tfp_dgm.settings import read_settings


def refused(*arguments):
    """The message, without the frame that Typer draws around it."""
    result = CliRunner().invoke(app, ["caption", *map(str, arguments)])
    assert result.exit_code == 2, result.output
    return " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "m", "--output=o", "--beam-width=0"), "Invalid value for '--beam-width'"),
        (("describe", "m", "x", "--temperature=-1"), "Invalid value for '--temperature'"),
        (("describe", "m", "x", "--top-p=2"), "Invalid value for '--top-p'"),
        (("describe", "m", "x", "--num-captions=0"), "Invalid value for '--num-captions'"),
        (("evaluate", "m", "x", "--seed=-1"), "Invalid value for '--seed'"),
        (("render", "--output=o", "--num-images=-1"), "Invalid value for '--num-images'"),
        (("render", "--output=o", "--num-images=1"), "Invalid value for '--num-images'"),
        (("render", "--output=o", "--seed=2147483648"), "Invalid value for '--seed'"),
        (
            ("describe", "m", "x", "--sample", "--temperature=0"),
            "Invalid value for '--temperature'",
        ),
        (("describe", "m", "x", "--temperature=0.5"), "--temperature: shapes draws; give --sample"),
        (("evaluate", "m", "x", "--top-p=0.5"), "--top-p: shapes draws; give --sample, too"),
        (("describe", "m", "x", "--num-captions=3"), "--num-captions: there is one of each expert"),
        (("evaluate", "m", "x", "--sample", "--beam-width=2"), "--beam-width: nothing is searched"),
        (
            ("describe", "m", "x", "--diversity=0.5", "--num-captions=1"),
            "--diversity: of the beam of one expert; give --expert",
        ),
        (
            ("describe", "m", "x", "--expert=0", "--sample", "--diversity=0.5"),
            "--diversity: of the beam of one expert; give --expert, without --sample",
        ),
        (
            ("describe", "m", "x", "--html=gone/page.html"),
            "'--html': gone/page.html: the folder 'gone' does not exist",
        ),
        (
            ("evaluate", "m", "x", "--json=gone/m.json"),
            "'--json': gone/m.json: the folder 'gone' does not exist",
        ),
        (
            ("evaluate", "m", "x", "--responsibilities=gone/r"),
            "'--responsibilities': gone/r: the folder 'gone' does not exist",
        ),
        (("train", "x", "--output=o", "--settings=none.yaml"), "Invalid value for '--settings'"),
        (
            ("train", "x", "--output=o", "--set=learning_rate=-1"),
            "learning_rate must be greater than 0; received -1",
        ),
    ],
    ids=str,
)
def test_options_are_checked_first(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)


def test_files_that_are_damaged_or_in_the_way_are_named(tmp_path):
    (tmp_path / "bad.json").write_text('{"epochs": 3')
    message = refused("train", "x", "--output=o", f"--settings={tmp_path / 'bad.json'}")
    assert "bad.json: not JSON" in message
    model = tmp_path / "model"
    model.mkdir()
    (model / "settings.json").write_text("{}")
    (model / "captioner.keras").write_bytes(b"junk")
    message = refused("export", model, f"--output={tmp_path / 'bad.json'}")
    assert "bad.json: expected a folder or nothing; found a file" in message
    (tmp_path / "x").write_text("a text\n")
    assert "keras: cannot be loaded: damaged" in refused("describe", model, tmp_path / "x")
    assert "none: no such file or folder" in refused("describe", model, tmp_path / "none")


def test_a_missing_file_of_settings_is_named():
    with pytest.raises(DataError, match=r"none.yaml: expected a file of settings: No such file"):
        read_settings(CaptionSettings, Path("none.yaml"), [])
