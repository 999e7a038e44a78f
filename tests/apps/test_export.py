import json
import re
import shutil
import zipfile

import keras
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tfp_dgm import layers, models

SECRET = "1 text with conflicting labels, such as 'My account is 4711'"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model = models.VAE(encoder, None, layers.IndependentBernoulli((2, 2)), latent_units=1)
    model.build((None, 2, 2))
    model.save(folder / "model.keras")
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A model with one signature: an export of it takes seconds less."""
    folder = tmp_path_factory.mktemp("classifier")
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model = models.M2(2, encoder, None, layers.IndependentBernoulli((2, 2)), latent_units=1)
    model.build((None, 2, 2))
    model.save(folder / "model.keras")
    metrics = {"bound": -3.5, "history": [{"loss": 2.0}, {"loss": 1.0}], "warnings": [SECRET]}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def _export(model, output, *options):
    return CliRunner().invoke(app, ["export", *map(str, (model, "--output", output, *options))])


def test_a_models_folder_becomes_a_version_with_its_metrics(classifier, tmp_path):
    result = _export(classifier, tmp_path / "vae", "--batch-size", 4, "--batch-size", 1)
    assert result.exit_code == 0, result.output
    assert result.output.split()[-1] == str(tmp_path / "vae/1")
    card = json.loads((tmp_path / "vae/1/model_card.json").read_text())
    assert card["metrics"] == {"bound": -3.5, "last_epoch": {"loss": 1.0}}
    assert card["batch_sizes"] == [1, 4]
    assert "4711" not in (tmp_path / "vae/1/MODEL_CARD.md").read_text()


def test_a_card_of_ones_own(classifier, tmp_path):
    card = tmp_path / "card.json"
    card.write_text('{"limits": "noughts and ones"}')
    arguments = (classifier / "model.keras", tmp_path / "vae", "--version", 7, "--card", card)
    result = _export(*arguments, "--batch-size", 1)
    assert result.exit_code == 0, result.output
    assert "noughts and ones" in (tmp_path / "vae/7/MODEL_CARD.md").read_text()
    again = _export(*arguments, "--batch-size", 1)
    assert again.exit_code == 2
    assert "--version: expected a new positive integer" in again.output


@pytest.mark.parametrize(
    ("model", "card", "message"),
    [
        (None, None, "model.keras: no such file"),
        ("junk", None, "model.keras: cannot be loaded: damaged"),
        ("good", "no JSON", "card.json: not JSON"),
        ("good", "[]", "card.json: expected an object: data, metrics and limits; received list"),
        ("good", '{"limit": 1}', "card: expected data, metrics and limits; received ['limit']"),
    ],
)
def test_what_is_wrong_is_said(classifier, tmp_path, model, card, message):
    path = classifier / "model.keras" if model == "good" else tmp_path / "model.keras"
    if model == "junk":
        path.write_bytes(b"junk")
    options = []
    if card is not None:
        (tmp_path / "card.json").write_text(card)
        options = ["--card", tmp_path / "card.json"]
    result = _export(path, tmp_path / "vae", "--batch-size", 1, *options)
    assert result.exit_code == 2
    assert message in result.output
    assert not list(tmp_path.glob("vae/[0-9]*"))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ["likelihood"],
            -1,
            "(?s)edited.keras: cannot be loaded: TypeError: .*distribution layer.*received -1",
        ),
        (
            ["decoder"],
            -1,
            r"edited.keras: cannot be loaded: Model 'vae\w*' had a .* cannot be built",
        ),
        (
            ["encoder", "config", "layers", 1, "module"],
            3,
            "edited.keras: cannot be loaded: AttributeError: ",
        ),
        (["posterior", "config", "min_scale"], "x", "edited.keras: cannot be exported: .*'x'"),
        (["encoder"], None, "edited.keras: cannot be exported: TypeError: 'NoneType'"),
    ],
)
def test_a_model_whose_config_was_edited_is_named(saved, tmp_path, place, value, message):
    path = tmp_path / "edited.keras"
    with zipfile.ZipFile(saved / "model.keras") as whole, zipfile.ZipFile(path, "w") as edited:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                config = json.loads(content)
                part = config["config"]
                for key in place[:-1]:
                    part = part[key]
                part[place[-1]] = value
                content = json.dumps(config)
            edited.writestr(name, content)
    result = _export(path, tmp_path / "vae", "--batch-size", 1)
    assert result.exit_code == 2, result.exception
    assert re.search(message, result.output)
    assert not list(tmp_path.glob("vae/*")) + list(tmp_path.glob("vae/.*"))


def test_a_captioners_folder_points_to_its_own_command(tmp_path):
    (tmp_path / "captioner.keras").write_bytes(b"")
    result = _export(tmp_path, tmp_path / "served")
    assert result.exit_code == 2
    assert "holds a captioner, which `dgm caption export` exports" in result.output


def test_files_in_the_way_missing_or_malformed_are_named(saved, tmp_path):
    (tmp_path / "good.csv").write_text("a\n")
    result = _export(saved, tmp_path / "good.csv")
    assert result.exit_code == 2
    assert "good.csv: expected a folder or nothing; found a file" in result.output
    result = _export(saved, tmp_path / "served", "--card", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "Invalid value for '--card'" in result.output
    shutil.copy(saved / "model.keras", tmp_path)
    for content, message in (("{", "metrics.json: not JSON"), ("[]", "metrics.json: expected an")):
        (tmp_path / "metrics.json").write_text(content)
        result = _export(tmp_path, tmp_path / "served")
        assert result.exit_code == 2
        assert message in result.output
    assert not (tmp_path / "served").exists()
