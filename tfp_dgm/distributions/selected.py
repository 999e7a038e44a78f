"""One of several distributions, by its number."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd


class Selected(tfd.Distribution):
    """The one of K distributions whose number is given, for each member of the batch.

        log_prob(x)[s, b] = components[index[s, b]].log_prob(x)[b]

    (`tfd.Mixture` sums the number out instead.)

    Args:
      components: K distributions of one family, batch shape [B].
      index: int32 [..., B], from 0 to K - 1; its shape is the batch shape.
    """

    def __init__(
        self,
        components: Sequence[tfd.Distribution],
        index: Any,
        *,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Selected",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._components = list(components)
            self._index = tf.convert_to_tensor(index, tf.int32, name="index")
            super().__init__(
                dtype=components[0].dtype,
                reparameterization_type=components[0].reparameterization_type,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"index": tfp.util.ParameterProperties(event_ndims=0)}

    @property
    def components(self) -> list[tfd.Distribution]:
        """The K distributions."""
        return self._components

    def _event_shape(self) -> tf.TensorShape:
        return self._components[0].event_shape

    def _event_shape_tensor(self) -> tf.Tensor:
        return self._components[0].event_shape_tensor()

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        every = tf.stack([component.log_prob(x) for component in self._components])  # [K, ..., B]
        shape = tf.shape(every)[1:]
        batch = tf.broadcast_dynamic_shape(shape, tf.shape(self._index))
        places = tf.meshgrid(
            *map(tf.range, tf.unstack(shape, num=every.shape.rank - 1)), indexing="ij"
        )
        where = [tf.broadcast_to(place, batch) for place in (self._index, *places)]
        return tf.gather_nd(every, tf.stack(where, axis=-1))

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seeds = tfp.random.split_seed(seed, n=len(self._components), salt="selected")
        batch = tf.concat([[n], tf.shape(self._index)], axis=0)  # [n, ..., B]
        inner = tf.size(self._components[0].batch_shape_tensor())
        draws = [
            component.sample(batch[: tf.size(batch) - inner], seed=seed)
            for component, seed in zip(self._components, tf.unstack(seeds), strict=True)
        ]
        axes = self._index.shape.rank + 1
        every = tf.stack(draws, axis=axes)  # [n, ..., B, K, *event shape]
        return tf.gather(every, tf.broadcast_to(self._index, batch), axis=axes, batch_dims=axes)
