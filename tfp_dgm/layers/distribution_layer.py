"""The base of every layer that returns a distribution."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import FINITE, Constraint
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.uncast_weights import UncastWeights


class DistributionLayer(SavesArguments, UncastWeights, keras.layers.Layer):
    """A layer whose call gives a `tfd.Distribution`, where others give a tensor.

        distribution = layer(features, training=...)

    This is all that is promised, with what an event of the distribution is (`value_shape`,
    `support`, `check_events`). A distribution whose parameters are a dense map of the features
    stands on `ProjectedDistributionLayer`; one that depends on no features is a `Prior`; one with
    networks or a structure of its own (texts, experts) stands here.

    Everything that TFP sees is float32, whatever the dtype policy: a log-density of hundreds of
    nats has no digits left in bfloat16. Operations of the functional and Sequential APIs must
    return tensors; a call on symbolic inputs (`keras.Input`) is refused.

    Args:
      **kwargs: `name` and `trainable`, as for any Keras layer; a `dtype` is ignored in favour of
        float32.
    """

    # What serves in a functional model instead.
    instead: ClassVar[str] = "Call it in a `keras.Model` of your own, which may use distributions."
    built: bool

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        """Shape of an event as `log_prob` takes it; None where any length will do."""
        raise NotImplementedError

    @property
    def support(self) -> Constraint:
        """What events have a density."""
        return FINITE

    def check_events(
        self,
        events: tf.Tensor,
        name: str,
        *,
        batch_shape: Sequence[int | None] = (None,),
        unless: tf.Tensor | None = None,
    ) -> None:
        """Raises unless these are events of this layer's distributions.

        Args:
          events: [*batch shape, *value shape], numbers of any type.
          name: what they are called in the message.
          batch_shape: [B], or more axes.
          unless: bool [*batch shape], True where the values are never used; None is nowhere.
        Raises:
          ValueError: if the shape is another one.
          InvalidArgumentError: if a value is not in the support, in a graph too; names the value.
            (Compiled by XLA, which drops assertions, none is noticed.)
        """
        events = tf.convert_to_tensor(events)
        events = with_event_shape(events, self.value_shape, name, batch_shape)
        valid = self.support.holds(tf.cast(events, tf.float32))
        if unless is not None:
            rest = valid.shape.rank - len(batch_shape)
            valid |= tf.reshape(unless, tf.concat([tf.shape(unless), [1] * rest], axis=0))
        expects = f"{type(self).__name__} expects {self.support.description}"
        assert_valid(valid, events, f"{name}: {expects}")

    def as_prior(
        self,
        features: tf.Tensor | None,
        *,
        posterior_of_features: Callable[[tf.Tensor], tfd.Distribution],
        training: bool = False,
    ) -> tfd.Distribution:
        """The distribution where the layer stands as a model's prior.

        Args:
          features: [..., D], of what the latent depends on; None where it depends on nothing.
          posterior_of_features: the model's function from features to q(z | x), for priors that are
            made of posteriors.
          training: as of a call.
        Returns:
          p(z | features), batch shape [...]; of a `Prior`, [].
        Raises:
          ValueError: if there are no features, and the layer is no `Prior`.
        """
        del posterior_of_features
        if features is None:
            raise ValueError(
                f"{type(self).__name__}: as a prior, depends on features; received None: here is "
                'no condition (models take one as {"condition": ..., "event": ...})'
            )
        return self(features, training=training)

    def _require_positive(self, argument: str, value: Any) -> None:
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{type(self).__name__}: `{argument}` must be a positive int; received {value!r}"
            )

    def _hand_on_trainable(self, *parts: keras.layers.Layer) -> None:
        """Freezes parts that were given to a layer that begins frozen, which Keras does not."""
        if not self.trainable:
            for part in parts:
                part.trainable = False

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Refuses symbolic inputs.

        Raises:
          TypeError: always.
        """
        raise TypeError(
            f"{type(self).__name__}: gives a distribution, and the functional and Sequential APIs "
            f"pass tensors alone. {self.instead}"
        )
