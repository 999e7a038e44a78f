"""`dgm iwae` on small images: files in, folder, table and figures out, and what it refuses."""

import json

import matplotlib.image
import numpy as np
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.docs.made_files import digits
from tests.image_modelling.small_images import images

SMALL = {"latents.units": [3], "latents.hidden_units": [6], "epochs": 2, "batch_size": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("iwae")
    np.savez(path / "images.npz", images=images())
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["iwae", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def train(folder, name, *arguments, code=0, **settings):
    chosen = [f"--set={name}={value}" for name, value in {**SMALL, **settings}.items()]
    data = ("--data", folder / "images.npz", "--output", folder / name)
    return run("train", *data, *chosen, *arguments, code=code)


@pytest.fixture(scope="module")
def model(folder):
    train(folder, "model")
    return folder / "model"


@pytest.mark.slow
def test_evaluate_prints_a_table_and_writes_all_numbers(folder, model):
    result = run(
        *("evaluate", model, "--data", folder / "images.npz", "--num-samples", 40),
        *("--num-images", 12, "--json", folder / "e.json"),
    )
    report = json.loads((folder / "e.json").read_text())
    assert "log likelihood" in result.output
    assert f"{report['log_likelihood']:.2f}" in result.output
    assert (report["num_examples"], report["log_likelihood_num_examples"]) == (60, 12)
    assert json.loads((model / "run.json").read_text())["data"] == {
        "images": str(folder / "images.npz")
    }


@pytest.mark.slow
def test_figures_of_samples_and_reconstructions(folder, model):
    for name in ("s.png", "again.png"):
        run("sample", model, "--output", folder / name, "--num-images", 7, "--seed", 3)
    assert matplotlib.image.imread(folder / "s.png").shape[:2] == (5, 28)
    assert (folder / "s.png").read_bytes() == (folder / "again.png").read_bytes()
    data = ("--data", folder / "images.npz", "--num-images", 5)
    run("reconstruct", model, "--output", folder / "r.png", *data)
    image = matplotlib.image.imread(folder / "r.png")[..., 0]
    assert image.shape == (10, 20)
    # The upper row is the images, binarised: black and white.
    assert set(np.unique(image[1:5, 1:4])) <= {0.0, 1.0}
    assert "there already" in run("sample", model, "--output", folder / "s.png", code=2).output


@pytest.mark.slow
def test_the_default_digits_are_fetched_split_and_used(tmp_path, monkeypatch):
    """Quicker: of images of a file, below; the split of the digits, in `test_image_sets.py`."""
    monkeypatch.setattr("tfp_dgm.data.image_sets.fetch", lambda name: digits(tmp_path))
    settings = tmp_path / "small.yaml"
    settings.write_text("latents: {units: [2], hidden_units: [3]}\nepochs: 1\nbatch_size: 500\n")
    one = ("--set", "objective.num_samples=1")
    result = run("train", "--output", tmp_path / "model", "--settings", settings, *one)
    assert "4,500 images" in result.output
    evaluated = ("evaluate", tmp_path / "model", "--num-samples", 2)
    run(*evaluated, "--json", tmp_path / "e.json")
    assert json.loads((tmp_path / "e.json").read_text())["num_examples"] == 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "objective.kind=disarm"), "for normal latents; received disarm"),
        (("--set", "batch_size=61"), "--batch-size: expected at most the number of images, 60"),
        (("--data", "nowhere.idx"), "nowhere.idx: no such file or folder"),
        (("--resume",), "there is nothing to resume"),
    ],
)
def test_what_train_refuses(folder, arguments, message):
    result = train(folder, "refused", *arguments, code=2)
    assert message in " ".join(result.output.split())
    assert not (folder / "refused").exists()


def test_images_of_another_size_are_refused(folder, model):
    np.savez(folder / "large.npz", images=np.zeros((3, 5, 5)))
    result = run("evaluate", model, "--data", folder / "large.npz", code=2)
    assert "as trained on; received (5, 5)" in " ".join(result.output.split())


def test_what_is_no_finished_training_is_refused(folder, model):
    assert "holds a finished run" in train(folder, "model", code=2).output
    (folder / "mine").mkdir()
    lost = run("sample", folder / "mine", "--output", folder / "x.png", code=2)
    assert "expected the folder of a finished training" in lost.output
