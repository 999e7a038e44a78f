"""What a worker calls to load its model, by name."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfp_dgm.native_messages import load_quietly


@dataclass(frozen=True)
class Opening:
    """A function of a module and its arguments; pickled it is its names.

    Nothing is imported where it is unpickled: TensorFlow is there, without its start-up messages,
    when it is called.

    Attributes:
      module: where the function is.
      function: its name.
      arguments: what it is called with.
      tensorflow: whether the function needs it.
    """

    module: str
    function: str
    arguments: Sequence[Any] = ()
    tensorflow: bool = True

    def __call__(self) -> Any:
        """What the function gives."""
        if self.tensorflow:
            load_quietly()
        return getattr(importlib.import_module(self.module), self.function)(*self.arguments)
