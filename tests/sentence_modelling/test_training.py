"""Training: which epochs there are, which one is saved, what is left on the disk and in Keras."""

import json

import keras
import numpy as np
import pytest

from tests.sentence_modelling.untrained_models import sentences, settings_of, untrained
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling import Samples, claim_run, load_text_model, train_text_model
from tfp_dgm.sentence_modelling import training as training_module

# Of few steps each.
pytestmark = pytest.mark.usefixtures("eager")

LANGUAGE_MODEL = {"model": "language_model", "decoder.dropout": 0.3}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "train.txt").write_text(sentences(60, 0))
    (tmp_path / "valid.txt").write_text(sentences(20, 1))
    return tmp_path / "train.txt", tmp_path / "valid.txt"


def train(files, folder, chosen, *, resume=False, **arguments):
    settings = settings_of({"batch_size": 16, "seed": 3, **chosen})
    with claim_run(folder, settings, resume=resume) as run:
        return train_text_model(*files, run, settings, say=str, **arguments)


def history(folder):
    return json.loads((folder / "history.json").read_text())


@pytest.mark.slow
def test_pretraining_is_not_taken_for_the_best(files, tmp_path):
    chosen = {"remedies.pretraining_epochs": 2, "epochs": 3, "patience": 1}
    train(files, tmp_path / "model", chosen | {"learning_rate.value": 0.3})
    bounds = [epoch["val_bound"] for epoch in history(tmp_path / "model")]
    assert bounds[1] < bounds[0]  # Which would end a training of this patience.
    assert len(bounds) == 3


@pytest.mark.slow
def test_a_training_that_stopped_early_is_not_resumed_to_more_epochs(files, tmp_path, monkeypatch):
    # Weights that do not move: the second epoch is no better than the first.
    chosen = LANGUAGE_MODEL | {"epochs": 9, "patience": 1, "learning_rate.value": 1e-30}

    def kill(*arguments, **others):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # Before the model is written.
        patch.setattr(training_module, "in_float32", kill)
        with pytest.raises(KeyboardInterrupt):
            train(files, tmp_path / "model", chosen)
    before = history(tmp_path / "model")
    assert len(before) == 2
    assert before[0]["bound"] != before[1]["bound"]  # By dropout.
    texts = files[0].read_text()
    files[0].write_text(texts.replace("now, there.", "here."))
    with pytest.raises(DataError, match="has other data: train_file"):
        train(files, tmp_path / "model", chosen, resume=True)
    files[0].write_text(texts)
    epoch, numbers = train(files, tmp_path / "model", chosen, resume=True)
    assert (epoch, numbers) == (1, before[0])
    assert history(tmp_path / "model") == before
    assert (tmp_path / "model" / "model.keras").exists()


def test_one_held_out_sentence_is_refused_before_training(files, tmp_path):
    files[1].write_text("a man runs.\n")
    with pytest.raises(DataError, match=r"valid\.txt: expected at least 2 sentences"):
        train(files, tmp_path / "model", {})
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"decoder.kind": "transformer", "decoder.units": 250},
            "`num_heads` must divide units=250",
        ),
        (
            {
                "posterior.kind": "full_normal",
                "kl.rate.kind": "free_bits",
                "kl.rate.nats": 1,
                "kl.rate.group_size": 1,
            },
            "a divergence per dimension needs a posterior whose dimensions are independent",
        ),
        (
            {"kl.rate.kind": "free_bits", "kl.rate.nats": 1, "kl.rate.group_size": 2},
            "must divide the latent's 3 dimensions",
        ),
        ({"vocabulary.size": 1}, "size"),
    ],
    ids=["transformer", "full covariance", "groups", "vocabulary"],
)
def test_settings_that_do_not_fit_are_named_and_leave_no_folder(files, tmp_path, chosen, message):
    with pytest.raises(DataError, match=f"^settings: .*{message}"):
        train(files, tmp_path / "model", chosen)
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_after_bfloat16_the_model_and_the_caller_compute_in_float32(files, tmp_path, dtype_policy):
    dtype_policy("float32")
    chosen = LANGUAGE_MODEL | {"epochs": 1, "precision": "mixed_bfloat16"}
    states = []

    def remember(*arguments, **others):
        states.append(arguments[0].get_weights())
        return kept(*arguments, **others)

    kept, training_module.in_float32 = training_module.in_float32, remember
    try:
        train(files, tmp_path / "model", chosen)
    finally:
        training_module.in_float32 = kept
    assert keras.config.dtype_policy().name == "float32"
    model = load_text_model(tmp_path / "model")
    assert "bfloat16" not in {layer.compute_dtype for layer in model._flatten_layers()}
    for weight, trained in zip(model.get_weights(), states[0], strict=True):
        np.testing.assert_array_equal(weight, trained)
    with pytest.raises(DataError):
        train((files[0], tmp_path / "none.txt"), tmp_path / "other", chosen)
    assert keras.config.dtype_policy().name == "float32"


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
