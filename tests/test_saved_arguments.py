"""Configurations that are derived from constructors: what is in them, and what comes back."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tests")
class Parent(SavesArguments, keras.layers.Layer):
    """Has an argument with a default, and hands the rest on."""

    def __init__(self, units, *, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.total = units * rate  # No attribute has an argument's name.


@keras.saving.register_keras_serializable(package="tests")
class Child(Parent):
    """Has other arguments than its parent, whose `units` it sets."""

    def __init__(self, parts, *, numbers=(1, 2), start=None, **kwargs):
        super().__init__(len(parts), **kwargs)
        self.start = start or keras.layers.Dense(3, name="start")
        self.save_as(start=self.start)


def reloaded(value):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(value)))
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def test_own_arguments_with_defaults_and_further_ones_are_saved():
    layer = Child([keras.layers.Dense(2)], rate=0.25, name="child", dtype="float16")
    config = layer.get_config()
    assert config.keys() == {"parts", "numbers", "start", "rate", "name", "trainable", "dtype"}
    assert config["numbers"] == [1, 2]
    assert config["rate"] == 0.25
    assert config["name"] == "child"
    assert config["parts"][0]["class_name"] == "Dense"
    assert config["start"]["config"]["name"] == "start"
    assert Parent(4).get_config().items() >= {"units": 4, "rate": 0.5}.items()


def test_everything_comes_back_in_safe_mode():
    parts = [{"a": keras.layers.Dense(2, kernel_initializer="zeros")}, keras.initializers.Ones()]
    layer = Child(parts, numbers=np.array([3, 4]), rate=np.float32(0.25), trainable=False)
    copy = reloaded(layer)
    assert type(copy) is Child
    assert copy.total == 2 * 0.25
    assert copy.get_config() == layer.get_config()
    assert copy.get_config()["numbers"] == [3, 4]
    assert not copy.trainable
    assert copy.dtype_policy == layer.dtype_policy


def test_strings_stay_strings():
    """Keras takes a string for the class that is registered under it."""
    layer = Child(["tests>Parent", "relu"])
    assert layer.get_config()["parts"] == ["tests>Parent", "relu"]
    assert reloaded(layer).get_config()["parts"] == ["tests>Parent", "relu"]


def test_functions_of_keras_come_back():
    layer = Parent(3, rate=0.1)
    layer.save_as(rate=keras.activations.tanh)
    config = json.loads(json.dumps(layer.get_config()))
    assert keras.activations.get(config["rate"]) is keras.activations.tanh


def test_classes_that_are_not_registered_are_given():
    class Local(keras.layers.Layer):
        pass

    config = Child([Local(name="mine")]).get_config()
    with pytest.raises(TypeError, match="Could not locate class 'Local'"):
        Child.from_config(config)
    copy = Child.from_config(config, {"Local": Local})
    assert copy.get_config()["parts"][0]["config"]["name"] == "mine"


def test_a_list_that_the_caller_changes_later_is_saved_as_it_was():
    numbers = [[1], [2]]
    layer = Child([], numbers=numbers)
    numbers[0].append(5)
    numbers.clear()
    assert layer.get_config()["numbers"] == [[1], [2]]


def test_parts_are_saved_as_they_are_now():
    part = keras.layers.Dense(2)
    layer = Child([part])
    part.trainable = False
    assert not layer.get_config()["parts"][0]["config"]["trainable"]


def test_a_part_keeps_no_compile_state():
    part = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    part.compile("adam", "mse")
    assert "compile_config" in keras.saving.serialize_keras_object(part)
    assert "compile_config" not in Child([part]).get_config()["parts"][0]


def test_arguments_are_no_second_home_of_weights():
    """Saved under one path only, which is the attribute's."""
    layer = Child([], start=keras.layers.Dense(3))
    layer.start.build((None, 2))
    assert len(layer.weights) == 2
    assert {id(sublayer) for sublayer in layer._flatten_layers()} == {id(layer), id(layer.start)}


def test_wrong_arguments_are_the_constructors_to_refuse():
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required .* 'units'"):
        Parent()


def test_no_class_writes_its_configuration_by_hand():
    """What a constructor says is said once, of every layer and model."""
    package = Path(__file__).parents[1] / "tfp_dgm"
    files = [
        path
        for part in ("networks", "text", "layers", "models", "labelling")
        for path in (package / part).glob("*.py")
    ]
    assert len(files) > 50
    assert [path for path in files if "def get_config(" in path.read_text(encoding="utf-8")] == []
