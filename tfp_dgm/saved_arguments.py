"""Configurations of Keras objects, derived from what their constructors were given."""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np


class SavesArguments:
    """Mixin of layers, models and losses: `get_config` gives the constructor's arguments.

    Stands before the Keras class among the bases. The arguments are those that the object's own
    class names, with their defaults, and those that came as further keywords; arguments that a
    constructor hands to its parent's by itself are none of them. Keras objects among them (layers,
    initialisers, objectives, and lists and dicts of them) are saved as they are when the
    configuration is asked for; a model that is a part of another comes without its compile state.
    What Keras keeps itself (`name`, `dtype`, `trainable`) is as it is then, too.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        instance = super().__new__(cls)
        # Past the tracking of attributes, to which a part in two places would be two parts.
        vars(instance)["_arguments"] = _Arguments(cls, args, kwargs)
        return instance

    def save_as(self, **arguments: Any) -> None:
        """Takes the place of arguments in the configuration: what None, say, has become.

        Args:
          **arguments: some of the constructor's, by their names. Those that a subclass's
            constructor does not take are left out, as it makes them itself.
        """
        values = vars(self)["_arguments"].values
        values.update({name: value for name, value in arguments.items() if name in values})

    def given_arguments(self) -> dict[str, Any]:
        """What the constructor was given, and `save_as` since.

        No property, whose layers Keras would take for parts of the object.
        """
        return dict(vars(self)["_arguments"].values)

    def get_config(self) -> dict[str, Any]:
        saved = {name: _serialized(value) for name, value in self.given_arguments().items()}
        return {**saved, **super().get_config()}  # type: ignore[misc]

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        with keras.saving.custom_object_scope(dict(custom_objects or {})):
            return cls(**{name: _revived(value) for name, value in config.items()})


class _Arguments:
    """No container that Keras would look into for weights."""

    def __init__(self, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.values: dict[str, Any] = {}
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        try:
            bound = signature.bind(None, *args, **kwargs)
        except TypeError:
            return  # The constructor, which is called next, says what is wrong.
        bound.apply_defaults()
        itself, *names = signature.parameters
        del itself
        for name in names:
            value = bound.arguments[name]
            further = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            self.values.update(value if further else {name: value})
        self.values = {name: _copied(value) for name, value in self.values.items()}


def _copied(value: Any) -> Any:
    """The value, whose containers no one else can change."""
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value


def _serialized(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_serialized(item) for item in value]
    if isinstance(value, dict):
        return {key: _serialized(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    config = keras.saving.serialize_keras_object(value)
    if isinstance(value, keras.Model):
        config.pop("compile_config", None)  # It trains as a part of the whole.
    return config


def _revived(value: Any) -> Any:
    # Plain values stay as they are: to Keras, a string may be the name of a class.
    if isinstance(value, list):
        return [_revived(item) for item in value]
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
