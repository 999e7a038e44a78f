"""What the tests of saving share."""

import keras
import numpy as np


def assert_same_weights(model, other, **tolerances):
    """Every weight of the one equals the other's of the same path.

    Keras builds a deserialised layer before the model that owns it, so that the owners' names are
    missing from the head of a reloaded model's paths; the rest must agree.
    """
    assert len(model.weights) == len(other.weights)
    assert len({weight.path for weight in model.weights}) == len(model.weights)
    for weight, loaded in zip(model.weights, other.weights, strict=True):
        assert weight.path.endswith(loaded.path.split("/", 1)[-1]), (weight.path, loaded.path)
        np.testing.assert_allclose(
            loaded.numpy(), weight.numpy(), err_msg=weight.path, **{"rtol": 0, **tolerances}
        )


def assert_comes_back(model, data, tmp_path, objective=None):
    """A trained model and its copy from a `.keras` file are equal, and go on equally.

    Of one batch; steps run as Python: the four traces would take longer than all of them.
    """
    data = keras.tree.map_structure(lambda values: values[:4], data)
    model.compile(keras.optimizers.Adam(0.05), objective, run_eagerly=True)
    run = {"batch_size": 4, "shuffle": False, "verbose": 0}
    model.fit(*data, **run)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    assert copy.run_eagerly
    assert type(copy.objective) is type(model.objective)
    assert copy.objective.get_config() == model.objective.get_config()
    assert copy.optimizer.get_config() == model.optimizer.get_config()
    for variable, loaded in zip(model.optimizer.variables, copy.optimizer.variables, strict=True):
        np.testing.assert_array_equal(loaded.numpy(), variable.numpy(), err_msg=variable.path)
    x = data[0]
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert copy.fit(*data, **run).history == model.fit(*data, **run).history
    assert_same_weights(model, copy, rtol=1e-6)
