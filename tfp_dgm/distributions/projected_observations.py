"""Vectors that an invertible map takes to what another distribution has written."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.generative_structures import GenerativeStructure
from tfp_dgm.distributions.structures import Structure


class ProjectedObservations(tfd.TransformedDistribution):
    """Vectors whose projection f, vector by vector, a distribution over vectors has written [1].

        log p(x) = log p(f(x)) + sum_t log |det df(x_t) / dx_t|

    An event is float32 [T, D] or [D], as the distribution's own. A vector with NaN is not observed:
    it stays NaN, and has no determinant.

    Args:
      distribution: of f(x); a `GenerativeStructure`, where `posterior` is asked for.
      projection: f, a bijector over R^D.
    References:
      [1] He, Neubig and Berg-Kirkpatrick. Unsupervised Learning of Syntactic Structure with
        Invertible Neural Projections. EMNLP 2018. arXiv:1808.09111
    """

    def __init__(
        self,
        distribution: tfd.Distribution,
        projection: tfb.Bijector,
        *,
        name: str = "ProjectedObservations",
    ) -> None:
        parameters = dict(locals())
        self._projection = WhereObserved(projection)
        super().__init__(distribution, tfb.Invert(self._projection), name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        part = tfp.util.BatchedComponentProperties
        return {"distribution": part(), "projection": part(event_ndims=1)}

    def project(self, x: Any) -> tf.Tensor:
        """f(x) of vectors [..., D], of the same shape."""
        return self._projection.forward(tf.convert_to_tensor(x))

    def posterior(self, x: Any) -> Structure:
        """p(z | x) of the structure behind vectors [B, T, D]; its log Z is log p(f(x)).

        Raises:
          TypeError: if the distribution has no structure.
        """
        if not isinstance(self.distribution, GenerativeStructure):
            raise TypeError(
                "ProjectedObservations: `distribution` must be a GenerativeStructure to have a "
                f"posterior; received {type(self.distribution).__name__}"
            )
        return self.distribution.posterior(self.project(x))


class WhereObserved(tfb.Bijector):
    """A bijector over R^D, the identity of vectors that hold NaN, with the log-determinant 0.

    Args:
      bijector: of the other vectors.
    """

    def __init__(self, bijector: tfb.Bijector, *, name: str = "where_observed") -> None:
        parameters = dict(locals())
        self._bijector = bijector
        super().__init__(forward_min_event_ndims=1, parameters=parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        return {}

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        seen, finite = _observed(x)
        return tf.where(seen[..., tf.newaxis], self._bijector.forward(finite), x)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        seen, finite = _observed(y)
        return tf.where(seen[..., tf.newaxis], self._bijector.inverse(finite), y)

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        seen, finite = _observed(x)
        return tf.where(seen, self._bijector.forward_log_det_jacobian(finite, event_ndims=1), 0.0)

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        seen, finite = _observed(y)
        return tf.where(seen, self._bijector.inverse_log_det_jacobian(finite, event_ndims=1), 0.0)


def _observed(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """[..., D] -> whether each is observed [...], and the vectors with zeros for the others.

    The zeros keep NaN out of gradients, which a mask of what comes after would not.
    """
    seen = ~tf.reduce_any(tf.math.is_nan(x), axis=-1)
    return seen, tf.where(seen[..., tf.newaxis], x, 0.0)
