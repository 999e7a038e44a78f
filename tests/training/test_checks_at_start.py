"""Callbacks refuse what they cannot do before the first step, by name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.models.texts import make_language_model, make_vae, rule_texts
from tfp_dgm import layers, training
from tfp_dgm.data import DataError
from tfp_dgm.evaluation import active_units, mutual_information
from tfp_dgm.text import BucketedBatches

# Nothing is trained: what is refused or measured is so without a trace.
pytestmark = pytest.mark.usefixtures("eager")

X, _ = toys.counts(12)


def new_model():
    model = toys.randomized(toys.vae())
    model.compile("sgd")
    return model


def begin(callback, model=None):
    """What `fit` does before its first step."""
    callback.set_model(model or new_model())
    callback.on_train_begin()


NO_DATA = {
    "one example": (X[:1], "expected at least 2 examples"),
    "other width": (X[:, 1:], "expected axis -1"),
    "no examples": (X[:0], r"one positive number of examples; received \[0\]"),
    "rows of texts": ([np.ones(3), np.ones(4)], r"received \[3, 4\]\. .*text.BucketedBatches"),
    "number": (3, "expected arrays .*received int"),
    "nothing": (None, "expected arrays .*received NoneType"),
}


@pytest.mark.parametrize("kind", NO_DATA)
def test_data_that_cannot_be_measured(kind):
    data, message = NO_DATA[kind]
    model = new_model()
    callbacks = [training.CollapseWatch(data)]
    if kind != "one example":  # Whose mutual information is zero.
        callbacks.append(training.AggressiveTraining([model.encoder], data, lambda number: X[:4]))
    for callback in callbacks:
        name = type(callback).__name__
        with pytest.raises(ValueError, match=f"(?s)^{name}: `data` must be inputs.*{message}"):
            begin(callback, model)


def test_a_language_model_has_no_posterior_to_watch():
    model = make_language_model()
    model.build((None, None))
    with pytest.raises(ValueError, match="LanguageModel has no `joint`"):
        begin(training.CollapseWatch(np.array([[4, 5, 2]] * 3)), model)


def functional():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Sample(layers.MultivariateNormalDiag(2))(inputs))
    model.compile("sgd")
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: training.CollapseWatch(X),
        lambda folder: training.AggressiveTraining(
            [keras.layers.Dense(1)], X, lambda number: X[:4]
        ),
        lambda folder: training.AutoencoderPretraining(1, [keras.layers.Dense(1)]),
        lambda folder: training.KLWeightSchedule(training.Linear(3)),
        lambda folder: training.ResumeTraining(folder),
    ],
    ids=["watch", "aggressive", "pretraining", "schedule", "resume"],
)
def test_another_keras_model_is_refused(make, tmp_path):
    with pytest.raises(TypeError, match=r"works on a models.LatentVariableModel.*received Func"):
        begin(make(tmp_path), functional())


@pytest.mark.parametrize("schedule", [0.5, training.Linear, None])
def test_a_schedule_is_a_function_of_the_step(schedule):
    with pytest.raises(TypeError, match="KLWeightSchedule: `schedule` must be a function"):
        training.KLWeightSchedule(schedule)


@pytest.mark.parametrize("decoder", [[keras.layers.Dense(1)], ["decoder"]])
def test_pretraining_resets_layers_of_the_model_alone(decoder):
    with pytest.raises(ValueError, match="AutoencoderPretraining: `decoder` must be trainable lay"):
        begin(training.AutoencoderPretraining(1, decoder))


def test_state_is_saved_of_callbacks_that_have_begun(tmp_path):
    watch = training.CollapseWatch(X)
    with pytest.raises(ValueError, match="CollapseWatch has no 'collapsed' yet"):
        begin(training.ResumeTraining(tmp_path, callbacks=[watch]))


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file.*: cannot be written to"):
        begin(training.ResumeTraining(tmp_path / "file"))


def test_measures_take_what_fit_takes():
    """Rows, datasets with and without targets, and bucketed batches give the same numbers."""
    model = toys.randomized(toys.vae())
    whole = active_units(model, X)["variances"]
    dataset = tf.data.Dataset.from_tensor_slices((X, np.ones(12))).batch(5)
    np.testing.assert_allclose(active_units(model, dataset)["variances"], whole, rtol=1e-5)
    texts, vae = rule_texts(9), make_vae()
    vae.build((None, None))
    expected = mutual_information(vae, np.stack(texts))
    found = mutual_information(vae, BucketedBatches(texts, 9))
    assert found["mutual_information"] == pytest.approx(expected["mutual_information"], abs=1e-5)
    assert found["num_examples"] == 9
