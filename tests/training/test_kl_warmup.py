import keras
import numpy as np
import pytest

from tests.models import toys
from tfp_dgm.training import LinearKLWarmup


class _Recorder:
    def __init__(self, model):
        self.model, self.weights = model, []

    def __call__(self, batch, logs):
        self.weights.append(float(self.model.objective.kl_weight))


def test_weight_rises_evenly_over_epochs_and_reaches_the_compiled_step():
    model = toys.vae()
    model.compile("sgd")
    recorder = _Recorder(model)
    x = toys.counts(12)[0]
    model.fit(
        x,
        batch_size=4,
        epochs=2,
        verbose=0,
        callbacks=[LinearKLWarmup(4), keras.callbacks.LambdaCallback(on_train_batch_end=recorder)],
    )
    np.testing.assert_allclose(recorder.weights, [0, 0.25, 0.5, 0.75, 1, 1])


def test_loss_of_the_first_step_has_no_divergence():
    model = toys.vae()
    model.compile("sgd")
    x = toys.counts(4)[0]
    logs = model.fit(x, batch_size=4, verbose=0, callbacks=[LinearKLWarmup(10)]).history
    np.testing.assert_allclose(logs["loss"][0], -logs["reconstruction"][0], rtol=1e-6)
    assert logs["kl"][0] > 0.01


def test_steps_are_checked():
    with pytest.raises(ValueError, match="`steps` must be >= 1; received 0"):
        LinearKLWarmup(0)
