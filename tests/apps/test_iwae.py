"""`dgm iwae` on small images: folders, figures, numbers, resumption, and what it refuses."""

import json

import matplotlib.image
import numpy as np
import pytest
from tfp_dgm_apps import _image_training
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tfp_dgm.training import ResumeTraining

KINDS = np.array([np.tril(np.ones((4, 3))), np.triu(np.ones((4, 3)))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("iwae")
    noise = np.random.default_rng(0).uniform(0, 0.1, (60, 4, 3))
    np.savez(path / "images.npz", images=np.abs(KINDS[np.arange(60) % 2] - noise))
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["iwae", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def train(folder, name, *arguments, code=0):
    settings = ("--epochs", 3, "--batch-size", 20, "--learning-rate", 0.01)
    data = ("--data", folder / "images.npz")
    return run("train", folder / name, *data, *settings, *arguments, code=code)


@pytest.fixture(scope="module")
def model(folder):
    train(folder, "model")
    return folder / "model"


def weights(path):
    loaded, _ = _image_training.load(path)
    return [weight.numpy() for weight in loaded.weights]


def test_the_folder_holds_model_settings_numbers_and_figures(folder, model):
    files = sorted(file.name for file in model.iterdir())
    assert files == [
        *("metrics.json", "model.keras", "reconstructions.png", "samples.png", "settings.json")
    ]
    settings = json.loads((model / "settings.json").read_text())
    assert settings["objective"] == "dreg"
    assert settings["epochs"] == 3
    history = json.loads((model / "metrics.json").read_text())["history"]
    assert len(history) == 3
    assert history[2]["bound"] > history[0]["bound"]
    # Rows of ten tiles of 4 x 3, each with a line above and to its left.
    assert matplotlib.image.imread(model / "samples.png").shape[:2] == (50, 40)
    assert matplotlib.image.imread(model / "reconstructions.png").shape[:2] == (10, 40)
    assert not list(folder.glob(".model*"))


def test_evaluate_prints_a_table_and_writes_all_numbers(folder, model):
    result = run(
        *("evaluate", model, "--data", folder / "images.npz", "--samples", 40, "--images", 12),
        *("--gaps", 4, "--annealing", 10, "--annealing-images", 4, "--json", folder / "e.json"),
    )
    report = json.loads((folder / "e.json").read_text())
    assert "log likelihood" in result.output
    assert f"{report['log_likelihood']:.2f}" in result.output
    assert report["num_examples"] == 12
    assert -12 * np.log(2) < report["log_likelihood"] < 0
    assert report["log_likelihood"] > report["elbo"]
    assert report["annealing"]["num_images"] == 4
    assert report["annealing"]["simulated_upper"] < 0
    assert report["gaps"]["amortisation_gap"] > 0


def test_figures_of_samples_and_reconstructions(folder, model):
    run("sample", model, folder / "s.png", "--count", 7, "--seed", 3)
    first = (folder / "s.png").read_bytes()
    assert matplotlib.image.imread(folder / "s.png").shape[:2] == (5, 28)
    run("sample", model, folder / "s.png", "--count", 7, "--seed", 3)
    assert (folder / "s.png").read_bytes() == first
    data = ("--data", folder / "images.npz", "--count", 5)
    run("reconstruct", model, folder / "r.png", *data)
    image = matplotlib.image.imread(folder / "r.png")[..., 0]
    assert image.shape == (10, 20)
    # The upper row is the images, binarised: black and white.
    assert set(np.unique(image[1:5, 1:4])) <= {0.0, 1.0}


def test_a_killed_training_goes_on_to_the_same_numbers(folder, model, monkeypatch):
    def killed(self, epoch, logs=None):
        save(self, epoch, logs)
        if epoch == 0:
            raise KeyboardInterrupt

    save = ResumeTraining.on_epoch_end
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ResumeTraining, "on_epoch_end", killed)
        _image_training.train(
            *arguments_of(folder, model), folder / "killed", lambda *progress: None
        )
    assert not (folder / "killed").exists()
    refused = train(folder, "killed", "--seed", 8, code=2)
    assert "they differ in seed" in refused.output
    train(folder, "killed")
    for weight, expected in zip(weights(folder / "killed"), weights(model), strict=True):
        np.testing.assert_array_equal(weight, expected)


def arguments_of(folder, model):
    settings = json.loads((model / "settings.json").read_text())
    del settings["program"]
    images = np.load(folder / "images.npz")["images"].astype(np.float32)
    return _image_training.Settings(**settings), images


@pytest.mark.parametrize(
    "arguments",
    [
        ("--layers", 2),
        ("--latents", "bernoulli", "--layers", 2, "--binarisation", "fixed"),
        ("--latents", "bernoulli", "--objective", "nvil", "--samples", 1),
        ("--latents", "categorical", "--objective", "gumbel-softmax", "--samples", 1),
        ("--objective", "wake-sleep", "--binarisation", "none"),
    ],
)
def test_every_kind_of_model(folder, arguments):
    train(folder, "other", "--epochs", 1, *arguments)
    loaded, settings = _image_training.load(folder / "other")
    assert settings["latents"] in ("normal", "bernoulli", "categorical")
    images = _image_training.sample(loaded, (4, 3), 3, seed=1)
    assert images.shape == (5, 12)
    assert np.isfinite(images).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--objective", "vimco"), "expected one of elbo, iwae, dreg, stl, wake-sleep for normal"),
        (("--latents", "bernoulli", "--samples", 1), "at least 2 for vimco, got 1"),
        (("--latents", "categorical", "--layers", 2), "--layers: expected 1 for categorical"),
        (("--batch-size", 61), "at most the number of images, 60; got 61"),
        (("--data", "nowhere.idx"), "nowhere.idx: no such file or folder"),
    ],
)
def test_what_train_refuses(folder, arguments, message):
    result = train(folder, "refused", *arguments, code=2)
    assert message in " ".join(result.output.split())
    assert not (folder / "refused").exists()


def test_other_folders_are_left_alone(folder, model):
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine/thesis.txt").write_text("all of it")
    assert "expected nothing there" in train(folder, "mine", code=2).output
    assert (folder / "mine/thesis.txt").read_text() == "all of it"
    assert "wrote" in run("sample", folder / "mine", folder / "x.png", code=2).output


def test_images_of_another_size_are_refused(folder, model):
    np.savez(folder / "large.npz", images=np.zeros((3, 5, 5)))
    result = run("evaluate", model, "--data", folder / "large.npz", code=2)
    assert "as trained on; got (5, 5)" in " ".join(result.output.split())


def test_what_evaluate_refuses(folder):
    train(folder, "binary", "--epochs", 1, "--latents", "bernoulli")
    arguments = ("evaluate", folder / "binary", "--data", folder / "images.npz")
    assert "normal latents" in run(*arguments, "--annealing", 3, code=2).output
    assert "one layer of normal" in run(*arguments, "--gaps", 3, code=2).output
