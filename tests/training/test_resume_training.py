"""A run that is killed and resumed equals one that is not, to the last bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.as_python import as_python
from tests.models import toys
from tfp_dgm import layers
from tfp_dgm.data import DataError
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import (
    ELBO,
    MinimumDesiredRate,
    RunningAverage,
    ScoreFunctionELBO,
)
from tfp_dgm.training import (
    AggressiveTraining,
    AutoencoderPretraining,
    KLWeightSchedule,
    Linear,
    ResumeTraining,
    batch_stream,
)

X, _ = toys.counts(20)
STEPS = 2  # In an epoch; a pass over the data has five.


class KilledError(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch
        self.now = None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, 0):
            raise KilledError


def shuffled(number):
    data = tf.data.Dataset.from_tensor_slices(X)
    return data.shuffle(20, seed=number, reshuffle_each_iteration=False).batch(4)


def new_model(units=4):
    keras.utils.set_random_seed(7)
    model = VAE(
        MLP([units], dropout=0.3, batch_normalization=True, seed=3),
        MLP([4], dropout=0.2, seed=4),
        layers.BagOfWords(toys.WORDS),
        posterior=layers.BatchNormalizedNormalDiag(2),
        seed=5,
    )
    model.build((None, toys.WORDS))
    objective = ELBO(rate=MinimumDesiredRate(1.0, learning_rate=0.1))
    model.compile(keras.optimizers.Adam(0.02), objective)
    return model


def train(folder, epochs=3, kill=None):
    model = new_model()
    aggressive = AggressiveTraining(
        [model.encoder, model.posterior_layer],
        X,
        lambda number: X[4 * (number % 5) : 4 * (number % 5) + 4],
        max_inner_steps=2,
        window=1,
    )
    stopping = keras.callbacks.EarlyStopping("loss", patience=9)
    resume = ResumeTraining(folder, callbacks=[aggressive, stopping])
    callbacks = [
        KLWeightSchedule(Linear(8)),
        AutoencoderPretraining(1, [model.decoder, model.likelihood]),
        aggressive,
        stopping,
        resume,
    ]
    if kill is not None:
        callbacks.insert(0, Kill(kill))
    data = batch_stream(shuffled, 5, first_batch=resume.epoch * STEPS)
    with as_python():  # Each run would trace its steps anew, and has six of them at most.
        model.fit(
            data,
            steps_per_epoch=STEPS,
            epochs=epochs,
            initial_epoch=resume.epoch,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        )
    return model, resume, stopping


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(uninterrupted, tmp_path):
    for epoch in (1, 2):  # Before and after the decoder is reset; the second kill is of a resumed.
        with pytest.raises(KilledError):
            train(tmp_path, kill=epoch)
    model, resume, stopping = train(tmp_path)
    whole, whole_resume, whole_stopping = uninterrupted
    assert resume.epoch == whole_resume.epoch == 3
    assert resume.history == whole_resume.history
    assert (stopping.wait, stopping.best, stopping.best_epoch) == (
        whole_stopping.wait,
        whole_stopping.best,
        whole_stopping.best_epoch,
    )
    for group in ("variables", "optimizer.variables"):
        pairs = [eval_path(m, group) for m in (model, whole)]
        assert len(pairs[0]) == len(pairs[1])
        for one, other in zip(*pairs, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    assert model.objective.get_config() == whole.objective.get_config()


def eval_path(model, path):
    for name in path.split("."):
        model = getattr(model, name)
    return model


@pytest.mark.slow
def test_noise_and_multiplier_move_so_that_they_must_be_saved(uninterrupted):
    whole, *_ = uninterrupted
    fresh = new_model()
    paths = [v.path for v in whole.variables if "seed" in v.path]
    assert len(paths) >= 3  # The model's, and one for each dropout.
    for one, other in zip(whole.variables, fresh.variables, strict=True):
        if one.path in paths:
            assert (one.numpy() != other.numpy()).any(), one.path
    assert float(whole.objective.rate.multiplier) != 0.0


def test_another_model_is_refused_by_name(uninterrupted):
    folder = uninterrupted[1].path.parent
    model = new_model(units=5)
    with pytest.raises(ValueError, match=r"training_state.npz has model/.*; the model has it in"):
        model.fit(X, verbose=0, callbacks=[ResumeTraining(folder)])
    model = new_model()
    model.compile("sgd", ELBO())
    with pytest.raises(ValueError, match="is of another model, optimizer or objective"):
        model.fit(X, verbose=0, callbacks=[ResumeTraining(folder)])


def test_other_callbacks_are_refused(uninterrupted, tmp_path):
    folder = uninterrupted[1].path.parent
    with pytest.raises(ValueError, match="the state of 2 callbacks; received 0"):
        new_model().fit(X, verbose=0, callbacks=[ResumeTraining(folder)])
    with pytest.raises(ValueError, match="must have `state_names`; received TerminateOnNaN"):
        ResumeTraining(tmp_path, callbacks=[keras.callbacks.TerminateOnNaN()])


@pytest.mark.parametrize("content", [b"", b"not an archive", None], ids=["empty", "text", "cut"])
def test_spoilt_file_is_named(content, uninterrupted, tmp_path):
    whole = uninterrupted[1].path.read_bytes()
    path = tmp_path / "training_state.npz"
    path.write_bytes(whole[:-500] if content is None else content)
    with pytest.raises(DataError, match=r"training_state.npz: holds no state of a training"):
        ResumeTraining(tmp_path)


def test_best_weights_of_early_stopping_come_back(eager, tmp_path):
    def fit(epochs):
        model = new_model()
        stopping = keras.callbacks.EarlyStopping(
            "falling", mode="max", patience=1, restore_best_weights=True
        )
        resume = ResumeTraining(tmp_path, callbacks=[stopping])
        run = {"epochs": epochs, "initial_epoch": resume.epoch, "verbose": 0, "shuffle": False}
        falling = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: logs.update(falling=-epoch)
        )
        model.fit(X, callbacks=[falling, stopping, resume], **run)
        assert resume.stopped == ResumeTraining(tmp_path, callbacks=[stopping]).stopped
        return stopping, resume.stopped

    (first, early), (later, stopped) = fit(1), fit(5)
    assert later.best_epoch == 0
    assert (early, stopped) == (False, True)
    assert ResumeTraining(tmp_path).epoch == 2
    for one, other in zip(first.best_weights, later.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_stream_starts_anywhere():
    whole = [batch.numpy() for batch in batch_stream(shuffled, 5).take(12)]
    assert whole[0].tolist() != whole[5].tolist()  # Passes differ in their order, not their rows.
    for start in (0, 3, 5, 7):
        part = [batch.numpy() for batch in batch_stream(shuffled, 5, first_batch=start).take(4)]
        np.testing.assert_array_equal(part, whole[start : start + 4])
    rows = np.concatenate(whole[5:10])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, X))
    with pytest.raises(ValueError, match="received 0 and 3"):
        batch_stream(shuffled, 0, first_batch=3)


def test_objective_over_classes_is_saved(eager, tmp_path):
    def model():
        given = ScoreFunctionELBO(num_samples=2, control_variates=[RunningAverage()])
        made = toys.m2(class_objective=given)
        made.build((None, toys.WORDS))
        made.compile(keras.optimizers.Adam(0.01))
        return made

    trained = model()
    labels = np.full(len(X), -1)
    trained.fit(X, labels, epochs=1, verbose=0, callbacks=[ResumeTraining(tmp_path)])
    average = trained.class_objective.control_variates[0].average.numpy()
    assert average != 0.0
    copy = model()
    ResumeTraining(tmp_path).restore(copy)
    assert copy.class_objective.control_variates[0].average.numpy() == average
