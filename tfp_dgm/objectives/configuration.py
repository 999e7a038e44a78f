"""What objectives and their parts are made of: constructor arguments that come back."""

import inspect
from typing import Any, Self

import tensorflow as tf


class Configured:
    """A plain configuration: attributes of the same names keep the constructor's arguments.

    `get_config` and `from_config` follow from that. What training may change (a weight, a
    temperature) is a `tf.Variable`, and comes back as training left it. Arguments may be parts in
    turn, such as an objective's gradient: each becomes {"class_name": ..., "config": ...}. Under
    `tf.distribute`, make them within the strategy's scope, as the model: their variables are then
    the same in every replica.
    """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        if type(self).__init__ is object.__init__:
            return {}
        names = [name for name in inspect.signature(type(self).__init__).parameters][1:]
        return {name: _plain(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**{name: _revived(value) for name, value in config.items()})

    def __repr__(self) -> str:
        arguments = [f"{name}={_shown(getattr(self, name))!r}" for name in self.get_config()]
        return f"{type(self).__name__}({', '.join(arguments)})"


def _plain(value: Any) -> Any:
    if isinstance(value, tf.Variable):
        return float(value.numpy())
    if isinstance(value, Configured):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(value: Any) -> Any:
    return _plain(value) if isinstance(value, tf.Variable) else value


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    for cls in _family(Configured):
        if cls.__name__ == value["class_name"]:
            return cls.from_config(value["config"])
    raise ValueError(f"no part of an objective is called {value['class_name']!r}")


def _family(cls: type[Configured]) -> list[type[Configured]]:
    return [cls, *(member for sub in cls.__subclasses__() for member in _family(sub))]
