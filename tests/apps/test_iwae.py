"""`dgm iwae` on small images: folders, figures, numbers, resumption, and what it refuses."""

import dataclasses
import gzip
import json
import re
import shutil
from typing import get_args

import keras
import matplotlib.image
import numpy as np
import pytest
from tfp_dgm_apps import (
    _image_models,
    _image_objectives,
    _image_settings,
    _image_training,
    iwae,
)
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tfp_dgm.data import DataError
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
    assert (settings["units"], settings["hidden_units"], settings["samples"]) == ([50], [200], 5)
    assert settings["temperature"] is None
    history = json.loads((model / "metrics.json").read_text())["history"]
    assert len(history) == 3
    assert history[2]["bound"] > history[0]["bound"]
    # Rows of ten tiles of 4 x 3, each with a line above and to its left.
    assert matplotlib.image.imread(model / "samples.png").shape[:2] == (50, 40)
    pairs = matplotlib.image.imread(model / "reconstructions.png")[..., 0]
    assert pairs.shape == (10, 40)
    assert set(np.unique(pairs[1:5, 1:4])) <= {0.0, 1.0}  # Binarised, as the encoder knows them.
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
    annealing = report["annealing"]
    assert annealing["num_images"] == 4
    # In expectation the evidence of the simulated images lies between the two.
    slack = 3 * annealing["simulated_gap_standard_error"]
    assert annealing["simulated_lower"] < annealing["simulated_upper"] + slack
    assert annealing["simulated_upper"] < 0
    few = annealing["importance_weighted_log_likelihood"]
    error = np.hypot(annealing["log_likelihood_standard_error"], 0.2)
    assert abs(few - annealing["log_likelihood"]) < 3 * error
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


@pytest.mark.parametrize("objective", ["dreg", "nvil", "rebar"])
def test_a_killed_training_goes_on_to_the_same_numbers(folder, model, monkeypatch, objective):
    if objective == "dreg":
        arguments = ()
    else:  # Their control variates have numbers of their own, which training moves.
        arguments = ("--latents", "bernoulli", "--objective", objective, "--samples", 1)
        train(folder, objective, *arguments)
        model = folder / objective

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
    refused = train(folder, "killed", *arguments, "--seed", 8, code=2)
    assert "they differ in seed" in refused.output
    train(folder, "killed", *arguments)
    for weight, expected in zip(weights(folder / "killed"), weights(model), strict=True):
        np.testing.assert_array_equal(weight, expected)
    shutil.rmtree(folder / "killed")


def test_the_default_digits_are_fetched_split_and_used(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    rows = np.hstack([random.integers(0, 256, (5000, 784)), np.zeros((5000, 1), int)])
    with gzip.open(tmp_path / "mnist_5k.csv.gz", "wt", compresslevel=1) as file:
        np.savetxt(file, rows, fmt="%d", delimiter=",")
    monkeypatch.setattr("tfp_dgm.data.image_sets.fetch", lambda name: tmp_path)
    small = ("--units", 2, "--hidden-units", 3, "--samples", 1, "--epochs", 1)
    result = run("train", tmp_path / "model", *small, "--batch-size", 500)
    assert "4,500 images" in result.output
    written = json.loads((tmp_path / "model/settings.json").read_text())
    assert written["data"] == "mnist-5k"
    run("evaluate", tmp_path / "model", "--samples", 2, "--json", tmp_path / "e.json")
    assert json.loads((tmp_path / "e.json").read_text())["num_examples"] == 500
    run("reconstruct", tmp_path / "model", tmp_path / "r.png", "--count", 2)
    assert matplotlib.image.imread(tmp_path / "r.png").shape[:2] == (58, 58)


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
        ("--latents", "bernoulli", "--objective", "relax", "--samples", 1, "--units", 6),
        ("--latents", "categorical", "--layers", 2, "--objective", "muprop", "--samples", 1),
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


def settings(**asked):
    """Complete settings of a small model."""
    kinds = {"normal": [5, 3], "bernoulli": [4, 3], "categorical": [3, 2]}
    given = {"latents": "normal", "layers": 1, "objective": "elbo", **asked}
    names = [field.name for field in dataclasses.fields(_image_settings.Settings)]
    sizes = {"units": kinds[given["latents"]][: given["layers"]], "values": None}
    if given["latents"] == "categorical":
        sizes["values"] = 4
    if given["latents"] != "bernoulli":
        sizes["hidden_units"] = [6] * given["layers"]
    rest = {"seed": 1, "binarisation": "none", "learning_rate": 0.01, "batch_size": 20, "epochs": 4}
    defaults = dict.fromkeys(names) | {"data": "images.npz"}
    return _image_settings.complete(
        _image_settings.Settings(**{**defaults, **sizes, **rest, **given})
    )


LAYERS = {"normal": 1, "bernoulli": 2, "categorical": 1}
EVERY = [
    (name, latents, LAYERS[latents])
    for name, choice in _image_objectives.CHOICES.items()
    for latents in choice.latents
]
OTHERS = [
    *(("dreg", "normal", 2), ("nvil", "normal", 2), ("relax", "bernoulli", 1)),
    *(("relax", "categorical", 2), ("gumbel-softmax", "categorical", 2)),
]


@pytest.mark.parametrize(("name", "latents", "layers"), [*EVERY, *OTHERS])
def test_every_objective_trains_every_weight_of_what_it_is_offered_for(name, latents, layers):
    """`test_estimators.py` says that it is the right gradient; here, that the model gives all."""
    images = np.abs(KINDS[np.arange(20) % 2] - 0.1).astype(np.float32)
    asked = settings(objective=name, latents=latents, layers=layers)
    model = _image_models.build_model(asked, images)
    model.seed_generator.state.assign([1, 2])
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:  # Away from the start, where some gradients are zero.
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    before = [weight.numpy() for weight in model.trainable_weights]
    objective = _image_objectives.build_objective(asked)
    model.compile(keras.optimizers.SGD(0.1), objective, run_eagerly=True)
    logs = model.train_on_batch(images, return_dict=True)
    assert np.isfinite(logs["bound"])
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(weight.numpy()).all(), weight.path
        assert np.abs(weight.numpy() - value).max() > 1e-6, weight.path


def test_every_name_stands_for_another_objective():
    makes = {}
    for name, latents, layers in EVERY:
        made = repr(_image_objectives.build_objective(settings(objective=name, latents=latents)))
        makes.setdefault(name, made)
        assert made == makes[name], (latents, layers)
    names = get_args(_image_objectives.ObjectiveName)
    assert len(set(makes.values())) == len(makes) == len(names)
    # The help of the command lists them all.
    assert set(names) <= set(re.split(r"[\s,;.:]+", str(iwae.train.__doc__)))


def test_temperature_falls_to_its_end_and_is_written(folder):
    arguments = ("--latents", "categorical", "--objective", "gumbel-softmax", "--units", 3)
    sizes = ("--values", 4, "--hidden-units", 6, "--samples", 1)
    train(folder, "relaxed", *arguments, *sizes, "--temperature", 0.8, "--final-temperature", 0.2)
    history = json.loads((folder / "relaxed/metrics.json").read_text())["history"]
    # Before the last of the three batches of an epoch.
    expected = [0.8 * 0.25 ** (step / 9) for step in (2, 5, 8)]
    np.testing.assert_allclose([row["temperature"] for row in history], expected, rtol=1e-5)
    model, _ = _image_training.load(folder / "relaxed")
    blank = np.zeros((1, 4, 3), np.float32)
    assert model.posterior(blank).event_shape == (3, 4)
    assert model.encoders[0](blank).shape == (1, 6)


def test_published_sizes_and_temperatures_are_the_defaults():
    normal = settings(layers=2, units=None, hidden_units=None)
    assert (normal.units, normal.hidden_units) == ((100, 50), (200, 100))
    binary = settings(latents="bernoulli", layers=2, units=None, objective="rebar")
    assert (binary.units, binary.hidden_units, binary.values) == ((200, 200), None, None)
    assert (binary.temperature, binary.final_temperature) == (0.5, 0.5)
    one_hot = {"latents": "categorical", "objective": "gumbel-softmax"}
    relaxed = settings(**one_hot, units=None, hidden_units=None, values=None)
    assert (relaxed.units, relaxed.hidden_units, relaxed.values) == ((20,), (200,), 10)
    assert (relaxed.temperature, relaxed.final_temperature) == (1.0, 0.5)
    assert settings(**one_hot, temperature=0.1).final_temperature == 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--objective", "disarm"),
            "--objective: expected one of elbo, stl, iwae, dreg, miwae, piwae, ciwae, renyi, "
            "reinforce, nvil, self-critical, rloo, vimco, wake-sleep, reweighted-wake-sleep for "
            "normal latents, got disarm, which fits bernoulli ones",
        ),
        (
            ("--latents", "categorical", "--objective", "dreg"),
            "for categorical latents, got dreg, which fits normal ones",
        ),
        (("--latents", "bernoulli", "--samples", 1), "at least 2 for vimco, got 1"),
        (
            ("--latents", "bernoulli", "--objective", "enumerated"),
            "at most 65,536 values together, got 200 of 2 values each; give smaller --units",
        ),
        (
            ("--latents", "bernoulli", "--objective", "enumerated", "--units", 3, "--samples", 5),
            "--samples: expected none for enumerated, which draws nothing; got 5",
        ),
        (
            ("--temperature", 0.5),
            "--temperature: expected none for dreg (rebar, relax, gumbel-softmax, "
            "straight-through-gumbel have it), got 0.5",
        ),
        (("--bounds", 3), "--bounds: expected none for dreg (miwae, piwae have it), got 3"),
        (("--objective", "renyi", "--alpha", 1), "--alpha: expected a number in [0, 1), got 1.0"),
        (
            ("--layers", 2, "--units", 10),
            "--units: expected a number above 0 for each of the 2 layers, got 10",
        ),
        (
            ("--latents", "bernoulli", "--hidden-units", 9),
            "--hidden-units: expected none for bernoulli latents, whose layers are connected "
            "linearly; got 9",
        ),
        (("--values", 3), "--values: expected none for normal latents (categorical ones have it)"),
        (("--batch-size", 61), "at most the number of images, 60; got 61"),
        (("--data", "nowhere.idx"), "nowhere.idx: no such file or folder"),
    ],
)
def test_what_train_refuses(folder, arguments, message):
    result = train(folder, "refused", *arguments, code=2)
    assert message in " ".join(result.output.split())
    assert not (folder / "refused").exists()


def test_enumeration_that_would_fill_the_memory_is_refused(tmp_path):
    asked = settings(objective="enumerated", latents="bernoulli", units=[16], batch_size=50)
    message = "at most 5 where enumerated decodes 65,536 values for each image of 784 numbers"
    with pytest.raises(DataError, match=f"--batch-size: expected {message}; got 50"):
        _image_training.train(asked, np.zeros((60, 28, 28), "f4"), tmp_path / "m", print)
    assert not list(tmp_path.iterdir())


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
    lost = run(*arguments, "--json", folder / "nowhere/e.json", code=2)
    assert "nowhere' does not exist; create it first" in " ".join(lost.output.split())
    np.savez(folder / "one.npz", images=np.zeros((1, 4, 3)))
    one = run("evaluate", folder / "binary", "--data", folder / "one.npz", code=2)
    assert "at least 2 images, for standard errors; got 1" in " ".join(one.output.split())
