"""The training of models of images: what the folder holds, and what is refused."""

import json

import matplotlib.image
import numpy as np
import pytest

from tests.image_modelling.small_images import images, settings
from tfp_dgm.data import DataError
from tfp_dgm.image_modelling import (
    claim_run,
    evaluate_image_model,
    held_out_images,
    load_image_model,
    sample_figure,
    train_image_model,
)


def train(path, asked, x=None, **how):
    with claim_run(path, asked, **how) as run:
        return train_image_model(images() if x is None else x, run, asked)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "model"
    train(path, settings("dreg", "normal", 1, "latents.units=[50]", "latents.hidden_units=[50]"))
    return path


def test_the_folder_holds_model_record_numbers_and_figures(model):
    files = sorted(file.name for file in model.iterdir())
    assert files == [
        *("history.json", "metrics.json", "model.keras", "reconstructions.png", "run.json"),
        *("samples.png", "settings.json"),
    ]
    history = json.loads((model / "metrics.json").read_text())["history"]
    assert len(history) == 3
    assert history[2]["bound"] > history[0]["bound"]
    # Rows of ten tiles of 4 x 3, each with a line above and to its left.
    assert matplotlib.image.imread(model / "samples.png").shape[:2] == (50, 40)
    pairs = matplotlib.image.imread(model / "reconstructions.png")[..., 0]
    assert pairs.shape == (10, 40)
    assert set(np.unique(pairs[1:5, 1:4])) <= {0.0, 1.0}  # Binarised, as the encoder knows them.


@pytest.mark.slow
def test_annealing_and_gaps_stand_beside_the_report(model):
    """Quicker: `test_annealing_takes_layers`, `test_gaps_equal_the_closed_form`."""
    loaded, asked = load_image_model(model)
    x = held_out_images(images(), asked)
    assert set(np.unique(x)) == {0.0, 1.0}
    report = evaluate_image_model(
        loaded, x[:12], num_samples=2000, num_images=4, gaps=4, annealing=30, annealing_images=4
    )
    assert (report["num_examples"], report["log_likelihood_num_examples"]) == (12, 4)
    assert -12 * np.log(2) < report["log_likelihood"] < 0
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


@pytest.mark.usefixtures("eager")
def test_temperature_falls_to_its_end_and_is_written(tmp_path):
    rest = ("objective.num_samples=1", "objective.temperature=0.8")
    asked = settings("gumbel-softmax", "categorical", 1, *rest, "objective.final_temperature=0.2")
    model, metrics = train(tmp_path / "relaxed", asked)
    # Before the last of the three batches of an epoch.
    expected = [0.8 * 0.25 ** (step / 9) for step in (2, 5, 8)]
    found = [row["temperature"] for row in metrics["history"]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    blank = np.zeros((1, 4, 3), np.float32)
    assert model.posterior(blank).event_shape == (3, 4)
    assert model.encoders[0](blank).shape == (1, 6)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_pixels_that_stay_grey_or_are_drawn_once(tmp_path):
    """Quicker: `test_binarised_batches.py`; a training by other settings, above."""
    grey = settings("wake-sleep", "normal", 1, "binarisation.kind=none", "epochs=1")
    model, _ = train(tmp_path / "grey", grey)
    assert sample_figure(model, count=3, seed=1).shape == (5, 12)
    np.testing.assert_array_equal(held_out_images(images(), grey), images())
    once = settings("nvil", "bernoulli", 2, "binarisation.kind=fixed", "epochs=1")
    model, _ = train(tmp_path / "once", once)
    assert np.isfinite(sample_figure(model, count=3)).all()


@pytest.mark.usefixtures("eager")
def test_a_training_may_begin_with_the_weights_of_another(tmp_path):
    """With a rate of nearly nothing it ends with them, too."""
    model, _ = train(tmp_path / "few", settings("elbo", "normal", 1, "epochs=1"))
    nothing = ("epochs=1", "learning_rate.value=1e-12", "seed=2", "objective.num_samples=3")
    asked = settings("dreg", "normal", 1, *nothing)
    with claim_run(tmp_path / "many", asked) as run:
        begun, _ = train_image_model(images(), run, asked, start=model)
    for mine, its in zip(begun.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-6)
    other = settings("dreg", "normal", 1, "epochs=1", "latents.units=[4]")
    with (
        claim_run(tmp_path / "other", other) as run,
        pytest.raises(
            DataError, match=r"start: expected .* the one to be trained, a VAE of [\d,]+ numbers"
        ),
    ):
        train_image_model(images(), run, other, start=model)
    turned = np.swapaxes(images(), 1, 2)  # As many pixels, at other places.
    with (
        claim_run(tmp_path / "turned", asked) as run,
        pytest.raises(DataError, match=r"start: .* images \(3, 4\); received .*\(4, 3\)"),
    ):
        train_image_model(turned, run, asked, start=model)


@pytest.mark.usefixtures("eager")
def test_a_resumed_training_needs_its_own_start(tmp_path):
    asked = settings("elbo", "normal", 1, "epochs=2")
    model, _ = train(tmp_path / "start", settings("elbo", "normal", 1, "epochs=1"))

    def killed(step, done, total):
        if done > 3:  # In the second epoch.
            raise KeyboardInterrupt

    with claim_run(tmp_path / "run", asked) as run, pytest.raises(KeyboardInterrupt):
        train_image_model(images(), run, asked, start=model, progress=killed)
    with (
        claim_run(tmp_path / "run", asked, resume=True) as run,
        pytest.raises(DataError, match="has other data: start is"),
    ):
        train_image_model(images(), run, asked)
    with claim_run(tmp_path / "run", asked, resume=True) as run:
        _, metrics = train_image_model(images(), run, asked, start=model)
    assert len(metrics["history"]) == 2


def test_what_training_refuses(tmp_path):
    asked = settings("enumerated", "bernoulli", 1, "latents.units=[16]", "batch_size=50")
    message = "at most 5 where enumerated decodes 65,536 values for each image of 784 numbers"
    with pytest.raises(DataError, match=f"batch_size: expected {message}; received 50"):
        train(tmp_path / "m", asked, np.zeros((60, 28, 28), "f4"))
    many = settings("elbo", "normal", 1, "batch_size=61")
    with pytest.raises(DataError, match="at most the number of images, 60; received 61"):
        train(tmp_path / "m", many)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("eager")
def test_what_evaluation_refuses(tmp_path):
    model, _ = train(tmp_path / "binary", settings("vimco", "bernoulli", 1, "epochs=1"))
    x = held_out_images(images(), settings())
    for how, message in (
        ({"annealing": 3}, "annealing: expected a model with normal latents"),
        ({"gaps": 3}, "gaps: expected a model with one layer of normal latents"),
        ({"num_images": 1}, "num_images: expected at least 2, for standard errors; received 1"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate_image_model(model, x, **how)
    with pytest.raises(DataError, match="images: expected at least 2, for standard errors"):
        evaluate_image_model(model, x[:1])
