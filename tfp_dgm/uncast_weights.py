"""Weights that a call of a mixed-precision model leaves as they are."""

from typing import Any

import keras


class UncastWeights:
    """Mixin of layers and models that cast weights themselves, or reckon in float32 always.

    Inside a call of a model of mixed precision, Keras casts every weight that is read to its
    compute dtype: also weights that a layer of another dtype uses in a method that is no call, as
    distributions, priors and decoders do, and the model's own. In `fit`, which calls no model, it
    casts none.

    Stands before the Keras class among the bases.
    """

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        """As Keras's, with `autocast` False where it is not given."""
        return super().add_weight(*args, **{"autocast": False, **kwargs})  # type: ignore[misc]
