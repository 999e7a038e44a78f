"""Any model of `keras.applications` as an encoder of images."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class PretrainedBackbone(SavesArguments, keras.layers.Layer):
    """Images [B, H, W, 3] of values 0 to 255 -> a grid of features [B, H', W', D].

    Preprocessing is part of it. A frozen backbone runs as in inference, its normalisation too.

    Args:
      application: name in `keras.applications`, such as "MobileNetV2".
      image_size: H and W.
      weights: a `.weights.h5` or `.h5` file without the classifier's top, "imagenet" (fetched to
        the usual place of Keras), or None for random ones. A saved model brings its weights along.
      trainable: whether it is trained further.
      arguments: further arguments of the application, such as {"alpha": 0.35}.
    Raises:
      ValueError: if there is no such application, or the weights do not fit it.
      OSError: if the weights are missing or cannot be fetched.
    """

    def __init__(
        self,
        application: str,
        image_size: Sequence[int],
        *,
        weights: str | None = None,
        trainable: bool = False,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, **kwargs)
        self.save_as(weights=None)  # The file has them as they are then.
        make, self._preprocess = find_application(application)
        self.application = application
        self.image_size = tuple(image_size)
        self.arguments = dict(arguments or {})
        try:
            self.network = make(
                include_top=False,
                weights=weights,
                input_shape=(*self.image_size, 3),
                **self.arguments,
            )
        except Exception as error:  # Keras raises a plain Exception where a download fails.
            problem = f"PretrainedBackbone: {application} with the weights {weights!r}: {error}"
            raised = ValueError if isinstance(error, ValueError | TypeError) else OSError
            raise raised(problem) from error
        self.network.trainable = trainable
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = self._preprocess(tf.cast(images, tf.float32))
        return self.network(x, training=training and self.trainable)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *self.network.output_shape[1:])


def find_application(name: str) -> tuple[Callable[..., keras.Model], Callable[[Any], Any]]:
    """The function that makes a network of `keras.applications`, and what prepares its images.

    Raises:
      ValueError: if there is no such application; names all.
    """
    known = sorted(attribute for attribute in dir(keras.applications) if attribute[0].isupper())
    if name not in known:
        raise ValueError(f"`application` must be one of {', '.join(known)}; received {name!r}")
    make = getattr(keras.applications, name)
    return make, importlib.import_module(make.__module__).preprocess_input
