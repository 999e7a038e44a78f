"""State and log of a run, in its folder."""

import json

import pytest

from tests.models import toys
from tfp_dgm.data import DataError, RunFolder
from tfp_dgm.layers import BagOfWords
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP
from tfp_dgm.training import RunState

X, _ = toys.counts(8)


def fit(path, epochs, units=4, resume=False):
    model = VAE(MLP([units]), MLP([4]), BagOfWords(toys.WORDS), latent_units=2, seed=5)
    model.build((None, toys.WORDS))
    model.compile("sgd", run_eagerly=True)
    with RunFolder(path, job="testing", settings={}, resume=resume) as run:
        state = RunState(run)
        model.fit(*(X,), epochs=epochs, initial_epoch=state.epoch, verbose=0, callbacks=[state])
    return state


def test_the_log_grows_with_each_epoch_and_follows_the_state(tmp_path):
    fit(tmp_path / "run", 1)
    log = tmp_path / "run/history.json"
    assert [sorted(epoch) for epoch in json.loads(log.read_text())] == [
        ["bound", "kl", "loss", "reconstruction"]
    ]
    log.write_text("[]")  # As if killed between the state and the log.
    state = fit(tmp_path / "run", 1, resume=True)
    assert len(json.loads(log.read_text())) == 1
    state = fit(tmp_path / "run", 3, resume=True)
    assert json.loads(log.read_text()) == state.history
    assert len(state.history) == 3


def test_another_model_is_told_as_other_data_or_program(tmp_path):
    fit(tmp_path / "run", 1)
    with pytest.raises(DataError, match="run: the data or the program are others than before"):
        fit(tmp_path / "run", 2, units=5, resume=True)
    assert (tmp_path / "run/state/training_state.npz").exists()
