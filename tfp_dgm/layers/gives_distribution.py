"""Layers whose output is a distribution, and what they say where only tensors may pass."""

from typing import Any, ClassVar

import keras


class GivesDistribution(keras.layers.Layer):
    """A Keras layer whose call gives a `tfd.Distribution`.

    Operations of the functional and Sequential APIs must return tensors; a call on symbolic inputs
    (`keras.Input`) is refused there, with what to do instead.
    """

    # What serves in a functional model instead.
    instead: ClassVar[str] = "Call it in a `keras.Model` of your own, which may use distributions."

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Refuses symbolic inputs.

        Raises:
          TypeError: always.
        """
        raise TypeError(
            f"{type(self).__name__}: gives a distribution, and the functional and Sequential APIs "
            f"pass tensors alone. {self.instead}"
        )
