"""`dgm text-vae train`: which epochs there are, which one is saved, what is left on the disk."""

import json

import pytest

from tests.apps.text_vae_models import SMALL, run, sentences


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
    train(files, tmp_path / "model", "--resume", **chosen)
    assert history(tmp_path / "model") == before
    assert (tmp_path / "model" / "model.keras").exists()


def test_one_held_out_sentence_is_refused_before_training(files, tmp_path):
    files[1].write_text("a man runs.\n")
    assert "valid.txt: expected at least 2 sentences" in train(files, tmp_path / "m", code=2).stderr
