"""One dialect: what several commands can be told has one spelling, one meaning and one default."""

import importlib.metadata
import json
import runpy
import typing
from types import SimpleNamespace

import pytest
from tfp_dgm_apps import _shared_options
from tfp_dgm_apps._json_output import show_figures
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.apps.commands import COMMANDS, options
from tfp_dgm.data import DataError

# What the shared options are called elsewhere, and switches that the dialect has no use for.
OTHER_SPELLINGS = {
    *("-o", "--out", "--outdir", "--out-dir", "--output-dir", "--output-path", "--directory"),
    *("--dest", "--destination", "--to", "--save", "--folder", "--figure-path"),
    *("--config", "--conf", "--params", "--hparams", "--setting", "--option", "--override"),
    *("--continue", "--restart", "--restore", "--checkpoint", "--random-seed", "--rng", "-s"),
    *("--json-output", "--as-json", "--metrics", "--figures", "--report"),
    *("-n", "-k", "--n", "--k", "--count", "--number", "--num", "--samples", "--draws"),
    *("--n-samples", "--pairs", "--texts", "--bounds"),
    *("--beam", "--beams", "--beam-size", "--num-beams", "--n-beams"),
    *("--batch", "--batchsize", "--bs", "--force", "--overwrite", "--yes", "-f", "-y"),
    *("--verbose", "--silent", "--no-progress", "-v", "-q", "--verbosity", "--log-level"),
}
# The commands that lack an option, since it would mean nothing there.
WITHOUT = {
    "--seed": {
        *("predict", "tag predict", "export", "review", "serve", "serve-check", "caption export"),
        *("datasets list", "datasets fetch", "datasets path"),
        *("text-vae reconstruct", "text-vae encode", "topics predict"),
    },
    "--json": {
        *(
            "predict",
            "tag predict",
            "export",
            "review",
            "serve",
            "caption export",
            "caption render",
        ),
        *("datasets list", "datasets fetch", "datasets path", "datasets export"),
        *("text-vae encode", "iwae sample", "iwae reconstruct", "topics predict"),
    },
    "--quiet": {"check", "datasets list"},
    "--output": {
        *("check", "review", "serve", "serve-check", "caption evaluate", "caption describe"),
        *("text-vae evaluate", "text-vae generate", "text-vae reconstruct"),
        *("text-vae interpolate", "text-vae impute", "iwae evaluate"),
        *("datasets list", "datasets fetch", "datasets path"),
    },
}


SHARED = {
    information.default: information  # Where Typer keeps the first spelling.
    for information in (
        typing.get_args(annotated)[1]
        for annotated in vars(_shared_options).values()
        if hasattr(annotated, "__metadata__")
    )
}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_spelled_as_everywhere(name):
    spelled = {word for option in options(COMMANDS[name]) for word in option.opts}
    assert spelled & OTHER_SPELLINGS == set()
    assert all(word.startswith("--") and word == word.lower() for word in spelled)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_shared_option_is_the_shared_one(name):
    for option in options(COMMANDS[name]):
        for word in set(option.opts) & SHARED.keys():
            shared = SHARED[word]
            assert option.help == shared.help, word
            assert option.show_default == shared.show_default, word
            limits = (getattr(option, "min", None), getattr(option, "max", None))
            assert limits == (shared.min, shared.max), word


def test_a_shared_option_has_one_default():
    defaults = {word: set() for word in SHARED}
    for command in COMMANDS.values():
        for option in options(command):
            for word in set(option.opts) & SHARED.keys():
                defaults[word].add((option.default, option.required))
    assert {word: found for word, found in defaults.items() if len(found) > 1} == {}


def test_what_two_commands_share_says_the_same():
    """Of all options, those too that a group keeps for itself."""
    helps = {}
    for name, command in COMMANDS.items():
        group = name.partition(" ")[0]
        for option in options(command):
            helps.setdefault((group, option.opts[0]), set()).add(option.help)
    assert {key: found for key, found in helps.items() if len(found) > 1} == {}


@pytest.mark.parametrize("word", WITHOUT)
def test_a_command_has_what_every_command_has(word):
    """A new command has the option, or says above that it means nothing to it."""
    lacking = {
        name
        for name, command in COMMANDS.items()
        if word not in {other for option in options(command) for other in option.opts}
    }
    assert lacking == WITHOUT[word]


def test_trainers_are_told_alike():
    everything = {"--output", "--settings", "--set", "--resume", "--seed", "--json", "--quiet"}
    trainers = {name: command for name, command in COMMANDS.items() if name.endswith(" train")}
    assert len(trainers) == 3
    for name, command in trainers.items():
        assert everything <= {word for option in options(command) for word in option.opts}, name


def test_an_option_of_an_older_spelling_is_refused_with_the_new_one():
    result = CliRunner().invoke(app, ["caption", "export", "m", "--output", "o", "--beam-wdth=2"])
    assert result.exit_code == 2
    assert "--beam-width" in result.output


def test_versions():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"tfp_dgm {importlib.metadata.version('tfp-dgm')}",
        f"TensorFlow {importlib.metadata.version('tensorflow')}",
        f"Keras {importlib.metadata.version('keras')}",
        f"TensorFlow Probability {importlib.metadata.version('tensorflow-probability')}",
    ]


def test_the_module_runs_the_commands(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["dgm", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("tfp_dgm_apps", run_name="__main__")
    assert not ended.value.code
    assert "tfp_dgm " in capsys.readouterr().out


def test_the_command_lines_settings_stand_over_the_files():
    def context(source):
        return SimpleNamespace(get_parameter_source=lambda name: SimpleNamespace(name=source))

    overrides = _shared_options.overrides
    assert overrides(context("DEFAULT"), ["a=1"], 0) == ["a=1"]
    assert overrides(context("COMMANDLINE"), ["a=1"], 0) == ["a=1", "seed=0"]
    assert overrides(context("DEFAULT"), None, 0) == []


def test_figures_go_to_people_and_to_a_file_or_to_standard_output_alone(tmp_path, capsys):
    figures = {"ä": 1.5}
    show_figures(figures, tmp_path / "f.json", lambda: print("shown"))
    assert capsys.readouterr().out == "shown\n"
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8")) == figures
    show_figures(figures, _shared_options.STANDARD_OUTPUT, lambda: print("shown"))
    assert json.loads(capsys.readouterr().out) == figures
    show_figures(figures, None, lambda: print("shown"))
    assert capsys.readouterr().out == "shown\n"


def test_figures_are_shown_before_they_are_written(tmp_path, capsys):
    with pytest.raises(DataError):
        show_figures({}, tmp_path / "gone" / "f.json", lambda: print("shown"))
    assert capsys.readouterr().out == "shown\n"
