"""M2 against enumeration of y in NumPy, and what it promises of mixed annotations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.models.m2_networks import network_outputs
from tests.references.densities import softmax
from tests.references.m2_oracle import m2_loss
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import M2
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO, RunningAverage, ScoreFunctionELBO

X, KINDS = toys.counts(6)
ANNOTATIONS = [2, None, {0, 2}, 0, {1, 2}, None]  # As the oracle takes them ...
MATRIX = np.array(  # ... and as the model does.
    [[0, 0, 1], [0, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 1], [1, 1, 1]], np.float32
)


def oracle(model, annotations, kl_weight=1.0):
    """(loss, bound, reconstruction) of each row."""
    prior = softmax(model.class_prior_layer.logits.numpy())
    return np.array(
        [
            m2_loss(
                network_outputs(model, row),
                row,
                annotation,
                class_prior=prior,
                alpha=1.7,
                kl_weight=kl_weight,
            )
            for row, annotation in zip(X, annotations, strict=True)
        ]
    )


def losses(model, x, targets):
    return model.losses_per_example(x, targets, training=False)[0].numpy()


def test_objective_equals_enumeration():
    model = toys.quiet(toys.m2())
    loss, parts = model.losses_per_example(X, MATRIX, training=False)
    expected = oracle(model, ANNOTATIONS)
    assert np.ptp(expected[:, 0]) > 1.0
    np.testing.assert_allclose(loss, expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(parts["bound"][0], expected[:, 1], rtol=1e-5)
    np.testing.assert_allclose(parts["reconstruction"][0], expected[:, 2], rtol=1e-5)
    np.testing.assert_allclose(parts["kl"][0], expected[:, 2] - expected[:, 1], rtol=1e-4)


def test_bound_is_that_of_rows_without_annotation():
    model = toys.quiet(toys.m2())
    bound = model.bound(X, objective=ELBO(kl_weight=0.3))
    every = [list(range(toys.CLASSES))] * len(X)
    np.testing.assert_allclose(bound.value, oracle(model, every)[:, 1], rtol=1e-5)
    np.testing.assert_allclose(bound.loss, oracle(model, every, 0.3)[:, 0], rtol=1e-5)


def test_kl_weight_enters_the_loss_and_never_the_bound():
    model = toys.quiet(toys.m2())
    model.compile("sgd", ELBO(kl_weight=0.3))
    loss, parts = model.losses_per_example(X, MATRIX, training=True)
    np.testing.assert_allclose(loss, oracle(model, ANNOTATIONS, 0.3)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(parts["bound"][0], oracle(model, ANNOTATIONS)[:, 1], rtol=1e-5)


def test_step_is_that_of_the_oracle():
    model = toys.quiet(toys.m2())
    expected = oracle(model, ANNOTATIONS)
    _, logs = toys.step(model, X, MATRIX)
    np.testing.assert_allclose(logs["loss"], expected[:, 0].mean(), rtol=1e-5)
    model.compile(run_eagerly=True)
    logs = model.test_on_batch(X, MATRIX, return_dict=True)
    np.testing.assert_allclose(logs["loss"], -expected[:, 1].mean(), rtol=1e-5)


@pytest.mark.slow
def test_rows_have_the_same_loss_in_any_batch():
    model = toys.quiet(toys.m2())
    together = losses(model, X, MATRIX)
    order = np.array([4, 1, 0, 5, 3, 2])
    np.testing.assert_allclose(losses(model, X[order], MATRIX[order]), together[order], rtol=1e-5)
    for b in range(len(X)):
        alone = losses(model, X[b : b + 1], MATRIX[b : b + 1])
        np.testing.assert_allclose(alone, together[b : b + 1], rtol=1e-5)


@pytest.mark.parametrize("others", [[-1, -1], [0, 2], [1, -1]])
@pytest.mark.parametrize("own", [-1, 1])
def test_row_with_noise_has_the_same_loss_whatever_the_others_annotations(own, others):
    """The same seed and place give a row the same noise; all else may change."""
    model = toys.randomized(toys.m2())
    bound = model.annotated_bound(X[:3], [own, 2, 2], seed=(1, 5))
    other = model.annotated_bound(X[[0, 4, 5]], [own, *others], seed=(1, 5))
    np.testing.assert_allclose(other.loss[0], bound.loss[0], rtol=1e-6)
    assert np.abs(other.loss[1:] - bound.loss[1:]).min() > 1e-3


def test_matrix_and_integers_are_one():
    model = toys.randomized(toys.m2())
    matrix = np.array([[0, 0, 1], [0, 0, 0], [0, 1, 0]])
    bounds = [
        model.annotated_bound(X[:3], targets, seed=(1, 5))
        for targets in (np.array([2, -1, 1]), np.array([[2], [-1], [1]]), matrix)
    ]
    for bound in bounds[1:]:
        np.testing.assert_array_equal(bound.loss, bounds[0].loss)


@pytest.mark.usefixtures("eager")
def test_predict_gives_class_probabilities():
    model = toys.randomized(toys.m2())
    expected = [softmax(network_outputs(model, row).class_logits) for row in X]
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)


@pytest.mark.usefixtures("eager")
def test_accuracy_is_that_of_annotated_rows():
    model = toys.randomized(toys.m2())
    best = model.predict(X, verbose=0).argmax(1)
    targets = np.array([best[0], best[1], (best[2] + 1) % 3, -1, -1, -1])
    model.compile("sgd")
    logs = model.evaluate(X, targets, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["accuracy"], 2 / 3)


def test_sampled_classes_agree_with_enumeration():
    """4,000 copies of one row, within 5 standard errors: fails once in 10^6. A label is exact."""
    model = toys.quiet(toys.m2(class_objective=ScoreFunctionELBO(num_samples=3)))
    size = 4000
    for annotation, targets in [(None, [0, 0, 0]), ({0, 2}, [1, 0, 1]), (1, [0, 1, 0])]:
        expected = oracle(model, [annotation] * len(X))[0, 1]
        copies, rows = np.tile(X[:1], [size, 1]), np.tile(targets, [size, 1])
        value = model.annotated_bound(copies, rows).value.numpy()
        assert abs(value.mean() - expected) < 5 * value.std() / np.sqrt(size) + 1e-4
        assert (value.std() > 0.1) == (annotation != 1)


@pytest.mark.slow
def test_sampled_classes_train_under_xla():
    """The bound of 4,000 copies is that of enumeration, within 5 standard errors.

    As Python in `test_sampled_classes_agree_with_enumeration`; a VAE's step under XLA in
    `test_step_is_the_same_however_it_is_run`.
    """
    model = toys.quiet(toys.m2(class_objective=ScoreFunctionELBO(num_samples=2)))
    expected = oracle(model, [{0, 2}] * len(X))[0, 1]
    copies, rows = np.tile(X[:1], [4000, 1]), np.tile([1, 0, 1], [4000, 1])
    error = model.annotated_bound(copies, rows).value.numpy().std() / np.sqrt(4000)
    steps, logs = toys.step(model, copies, rows, jit_compile=True)
    assert logs["bound"] == pytest.approx(expected, abs=5 * error + 1e-4)
    assert all(change.any() for change in steps)


@pytest.mark.usefixtures("eager")
def test_the_objective_over_classes_gets_what_it_needs():
    """A running average is learned in training, once a step, and by nothing else."""
    average = RunningAverage(decay=0.75)
    objective = ScoreFunctionELBO(num_samples=2, control_variates=[average])
    model = toys.quiet(toys.m2(class_objective=objective))
    model.compile(keras.optimizers.SGD(0.0))
    model.evaluate(X, MATRIX, verbose=0)
    assert average.average.numpy() == 0.0
    model.fit(np.tile(X[:1], (8, 1)), np.full(8, 1), batch_size=8, verbose=0)
    # Of one class and a style without noise, all signals are the log-weight, the row's bound.
    expected = oracle(model, [1] * len(X))[0, 1]
    np.testing.assert_allclose(average.average, 0.25 * expected, rtol=1e-5)


@pytest.mark.slow
def test_few_labels_and_the_rest_without():
    """One label of each of three kinds of text; the others are found by fit."""
    x, kinds = toys.counts(60)
    targets = np.where(np.arange(60) < 3, kinds, -1)
    model = M2(3, MLP([8]), None, layers.BagOfWords(toys.WORDS), latent_units=1, seed=1)
    model.compile(keras.optimizers.Adam(0.03))
    data = tf.data.Dataset.from_tensors((x, targets)).repeat(60)
    history = model.fit(data, epochs=2, verbose=0, shuffle=False).history
    assert history["loss"][1] < history["loss"][0] - 0.5
    assert np.mean(model.predict(x, verbose=0).argmax(1) == kinds) > 0.9
    np.testing.assert_array_equal(model.class_prior_layer.logits, np.zeros(3))  # Stays uniform.


@pytest.mark.usefixtures("eager")
def test_mixed_precision(dtype_policy):
    dtype_policy("mixed_bfloat16")
    model = toys.m2()
    model.compile("adam")
    history = model.fit(X, MATRIX, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.encoder.compute_dtype == "bfloat16"
    assert {field.dtype for field in model.annotated_bound(X, MATRIX)} == {tf.float32}
    assert model.predict(X, verbose=0).dtype == np.float32


def test_comes_back_from_a_file_and_trains_on(tmp_path):
    model = toys.m2(class_objective=ScoreFunctionELBO(num_samples=2))
    assert_comes_back(model, (X, MATRIX), tmp_path, ELBO(num_samples=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1, "latent_units": 2}, "`num_classes` must be >= 2; received 1"),
        ({"num_classes": 3}, "`latent_units` or a `posterior`"),
        (
            {"num_classes": 3, "latent_units": 2, "class_prior": layers.CategoricalPrior(5)},
            "`class_prior` is over 5 classes; expected 3",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        M2(encoder=MLP([4]), decoder=None, likelihood=layers.BagOfWords(4), **arguments)


@pytest.mark.usefixtures("eager")
def test_training_without_targets_says_what_to_give():
    model = toys.m2()
    model.compile("sgd")
    with pytest.raises(ValueError, match="give -1 for every example"):
        model.fit(X, verbose=0)
