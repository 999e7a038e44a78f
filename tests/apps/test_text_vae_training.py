"""`dgm text-vae train`: which epochs there are, which one is saved, what is left on the disk."""

import json

import pytest

from tests.apps.text_vae_command import run
from tests.sentence_modelling.untrained_models import SMALL, sentences, untrained
from tfp_dgm.sentence_modelling import Samples, load_text_model


@pytest.fixture
def files(tmp_path):
    (tmp_path / "train.txt").write_text(sentences(60, 0))
    (tmp_path / "valid.txt").write_text(sentences(20, 1))
    return tmp_path / "train.txt", tmp_path / "valid.txt"


def train(files, folder, *arguments, code=0, **settings):
    chosen = {**SMALL, "batch_size": 16, "seed": 3, **settings}
    set_ = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    return run("train", *files, "--output", folder, *set_, *arguments, code=code)


def history(folder):
    return json.loads((folder / "history.json").read_text())


def test_pretraining_is_not_taken_for_the_best(files, tmp_path):
    chosen = {"pretraining_epochs": 3, "epochs": 5, "patience": 1, "learning_rate": 0.3}
    train(files, tmp_path / "model", **chosen)
    bounds = [epoch["val_bound"] for epoch in history(tmp_path / "model")]
    assert bounds[1] < bounds[0]  # Which would end a training of this patience.
    assert len(bounds) > 4


def test_a_training_that_stopped_early_is_not_resumed_to_more_epochs(files, tmp_path):
    # Weights that do not move: the second epoch is no better than the first.
    chosen = {"model": "language_model", "epochs": 9, "patience": 1, "learning_rate": 1e-30}
    chosen["dropout"] = 0.3
    shown = train(files, tmp_path / "model", **chosen).stdout
    before = history(tmp_path / "model")
    assert len(before) == 2
    assert f"model.keras: of epoch 1, the best: bound {before[0]['bound']:.2f}" in shown
    assert before[0]["bound"] != before[1]["bound"]  # By dropout.
    (tmp_path / "model" / "model.keras").unlink()  # As if killed before it was written.
    settings = json.loads((tmp_path / "model" / "settings.json").read_text())
    del settings["num_flows"]  # As if there had been no such setting.
    (tmp_path / "model" / "settings.json").write_text(json.dumps(settings))
    train(files, tmp_path / "model", "--resume", **chosen)
    assert history(tmp_path / "model") == before
    assert (tmp_path / "model" / "model.keras").exists()


def test_one_held_out_sentence_is_refused_before_training(files, tmp_path):
    files[1].write_text("a man runs.\n")
    assert "valid.txt: expected at least 2 sentences" in train(files, tmp_path / "m", code=2).stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": 0}, "units must be at least 1; received 0"),
        ({"num_layers": 0}, "num_layers must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"word_dropout": 1.5}, "word_dropout must be at most 1"),
        ({"free_bits": -1}, "free_bits must be at least 0"),
        ({"concentration": -1}, "concentration must be at least 0"),
        ({"bag_of_words_weight": -1}, "bag_of_words_weight must be at least 0"),
        ({"kl_weight": ".nan"}, "kl_weight must be at least 0; received nan"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"gamma": 0.0}, "gamma must be above 0"),
        ({"seed": 2**31}, "seed must be at most 2147483647"),
        ({"epochs": 3, "pretraining_epochs": 3}, "pretraining_epochs must be below epochs"),
        ({"decoder": "transformer", "units": 250}, "`num_heads` must divide units=250"),
        ({"semi_amortized_steps": 1, "semi_amortized_rate": 0.0}, "`learning_rate` > 0"),
        (
            {"posterior": "full_normal", "free_bits": 1, "free_bits_group": 1},
            "a divergence per dimension needs a posterior whose dimensions are independent",
        ),
        ({"free_bits": 1, "free_bits_group": 2}, "must divide the latent's 3 dimensions"),
    ],
    ids=str,
)
def test_bad_settings_are_named_and_leave_no_folder(files, tmp_path, settings, message):
    result = train(files, tmp_path / "model", code=2, **settings)
    assert "Error: settings: " in result.stderr
    assert message in result.stderr
    assert not (tmp_path / "model").exists()


def test_after_a_mistyped_path_the_right_one_is_taken(files, tmp_path):
    chosen = {"model": "language_model", "epochs": 1}
    train(("none.txt", files[1]), tmp_path / "model", code=2, **chosen)
    train(files, tmp_path / "model", "--seed", 7, **chosen)
    assert json.loads((tmp_path / "model" / "settings.json").read_text())["seed"] == 7
    files[0].write_text("other words\n" * 3)
    result = train(files, tmp_path / "model", "--resume", "--seed", 7, code=2, **chosen)
    assert "the sentences or the program are others than before" in result.stderr


def test_an_epoch_that_comes_twice_stands_once_among_the_samples(tmp_path):
    model = load_text_model(untrained(tmp_path / "model"))
    rows = model.vocabulary.encode_all(sentences(4, 0).splitlines())
    samples = Samples(tmp_path / "samples.txt", rows, seed=0)
    samples.set_model(model)
    samples.on_train_begin()
    for epoch in (0, 1, 1, 2):  # Killed after the second, before its state was saved.
        samples.on_epoch_end(epoch)
    lines = (tmp_path / "samples.txt").read_text().splitlines()
    titles = [line for line in lines if line.startswith("Epoch")]
    assert titles == ["Epoch 1", "Epoch 2", "Epoch 3"]
    assert lines.count("drawn:") == 3
