"""Whether a posterior and a prior speak of the same latent."""

from collections.abc import Sequence

import tensorflow as tf
from tensorflow_probability import distributions as tfd


def require_same_space(owner: object, posterior: tfd.Distribution, prior: tfd.Distribution) -> None:
    """Refuses a prior over events of another shape than the posterior's.

    Args:
      owner: who compares them, for its name in the error.
      posterior: one distribution, or a joint one over several layers.
      prior: likewise.
    Raises:
      ValueError: if the shapes cannot be the same; names both.
    """
    require_events(owner, tf.nest.flatten(posterior.event_shape), prior)


def require_events(
    owner: object, shapes: Sequence[tf.TensorShape], prior: tfd.Distribution
) -> None:
    """Refuses a prior over events of other shapes than these, which are the posterior's.

    Args:
      owner: see `require_same_space`.
      shapes: one for each layer of the latents.
      prior: see `require_same_space`.
    Raises:
      ValueError: see `require_same_space`.
    """
    received = tf.nest.flatten(prior.event_shape)
    fits = len(shapes) == len(received) and all(
        one.is_compatible_with(other) for one, other in zip(shapes, received, strict=True)
    )
    if not fits:
        raise ValueError(
            f"{type(owner).__name__}: `prior` must be over the posterior's space, whose events are "
            f"of shape {_shown(shapes)}; received {type(prior).__name__} over events of shape "
            f"{_shown(received)}"
        )


def _shown(shapes: Sequence[tf.TensorShape]) -> str:
    return " and ".join(str(shape) for shape in shapes)
