"""What a model says of how it is served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]
Specs = Mapping[str, tf.TensorSpec]


@dataclass(frozen=True)
class Signature:
    """One task of a served model: named inputs to named outputs, dim 0 of each the batch.

        answer = after(body(before(inputs)))

    `serving.export` makes of it the plain signature `name`; its twin `name_xla`, which is the body
    alone, compiled; and, where they are given, `name_prepare` and `name_finish`, which bring
    strings to the twin and its answer back. A row's answer depends on that row alone, and all
    noise comes from an input: a seed int32 [B, 2] for `inference.uniform` and its kin.
    AutoGraph converts none of the three: branches and loops of tensors are `tf.cond` and the like.

    Args:
      inputs: name -> spec, dim 0 None.
      body: tensors by keyword -> tensors; for `xla` without strings, lookups and ragged tensors.
      examples: name -> a few rows; what the warm-up, the recorded answers and the example requests
        are made of.
      before: the inputs by keyword -> the body's; strings to token ids. None: they are the same.
      after: the body's outputs by keyword -> the answer; token ids to strings. None: the same.
      body_inputs: specs of the body's inputs, static but for dim 0; given with `before`. What
        `before` makes longer than that is cut, and shorter filled with zeros, for the twin only.
      plain_body: the inputs by keyword -> what `after` takes; stands for `before` and `body` in the
        plain signature alone, by operations that XLA lacks. None: these two.
      xla: whether there is a twin.
      method: "classify" is TF Serving's Classify convention: the input `inputs` holds serialised
        `tf.train.Example`s, the outputs are `classes` and `scores` [B, K].
    Raises:
      ValueError: if dim 0 of an input is not the batch, or the examples do not fit the inputs.
    """

    inputs: Specs
    body: Callable[..., Tensors]
    examples: Mapping[str, Sequence[Any] | np.ndarray]
    before: Callable[..., Tensors] | None = None
    after: Callable[..., Tensors] | None = None
    body_inputs: Specs = field(default_factory=dict)
    plain_body: Callable[..., Tensors] | None = None
    xla: bool = True
    method: Literal["predict", "classify"] = "predict"

    def __post_init__(self) -> None:
        for name, spec in self.inputs.items():
            if spec.shape.rank is None or spec.shape.rank < 1 or spec.shape[0] is not None:
                raise ValueError(f"inputs: dim 0 of {name!r} must be the batch; received {spec}")
        counts = {name: len(rows) for name, rows in self.examples.items()}
        if (
            set(counts) != set(self.inputs)
            or len(set(counts.values())) != 1
            or 0 in counts.values()
        ):
            raise ValueError(
                f"examples: expected as many rows, at least one, for each of {sorted(self.inputs)};"
                f" received {counts}"
            )
        if self.before is not None and not self.body_inputs:
            raise ValueError(
                "body_inputs: expected the specs of what `before` gives; received none"
            )

    def plain(self) -> tf.types.experimental.GenericFunction:
        """The whole task as an ordinary graph."""

        def answer(**inputs: tf.Tensor) -> Tensors:
            if self.plain_body is not None:
                found = self.plain_body(**inputs)
            else:
                found = self.body(**(inputs if self.before is None else self.before(**inputs)))
            return found if self.after is None else self.after(**found)

        return _function(answer, self.inputs)

    def twin(self) -> tf.types.experimental.GenericFunction:
        """The body alone, on inputs of static length, compiled by XLA."""
        return _function(self.body, self.body_inputs or self.inputs, jit_compile=True)

    @cached_property
    def uncompiled_twin(self) -> tf.types.experimental.GenericFunction:
        """The same as an ordinary graph: what the twin must meet."""
        return _function(self.body, self.body_inputs or self.inputs)

    def prepare(self) -> tf.types.experimental.GenericFunction | None:
        """`before`, brought to the twin's static lengths."""
        if self.before is None or not self.xla:
            return None
        before = self.before

        def prepare(**inputs: tf.Tensor) -> Tensors:
            prepared = before(**inputs)
            return {name: _fit(prepared[name], spec) for name, spec in self.body_inputs.items()}

        return _function(prepare, self.inputs)

    def finish(self) -> tf.types.experimental.GenericFunction | None:
        """`after`, on what the twin gives."""
        if self.after is None or not self.xla:
            return None
        outputs = self.uncompiled_twin.get_concrete_function().structured_outputs
        specs = {
            name: tf.TensorSpec([None, *output.shape[1:]], output.dtype)
            for name, output in outputs.items()
        }
        return _function(self.after, specs)

    def batch(self, size: int) -> dict[str, np.ndarray]:
        """That many rows of the examples, over and over."""
        rows = {name: self.examples[name] for name in self.inputs}
        return {
            name: np.asarray(
                [rows[name][i % len(rows[name])] for i in range(size)],
                object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype,
            )
            for name, spec in self.inputs.items()
        }


def _function(
    function: Callable[..., Tensors], specs: Specs, **options: Any
) -> tf.types.experimental.GenericFunction:
    """A `tf.function` that takes the specs' names as keywords and as the signature's inputs."""
    names = list(specs)

    def positional(*tensors: tf.Tensor) -> Tensors:
        return dict(function(**dict(zip(names, tensors, strict=True))))

    signature = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()]
    return tf.function(positional, input_signature=signature, autograph=False, **options)


def _fit(tensor: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Cuts or zero-fills every axis but the first to the spec's length."""
    for axis, length in enumerate(spec.shape[1:], start=1):
        if length is not None and tensor.shape[axis] != length:
            kept = tf.minimum(tf.shape(tensor)[axis], length)
            tensor = tf.gather(tensor, tf.range(kept), axis=axis)
            paddings = (
                [[0, 0]] * axis + [[0, length - kept]] + [[0, 0]] * (spec.shape.rank - axis - 1)
            )
            tensor = tf.pad(tensor, paddings)
    return tf.ensure_shape(tensor, spec.shape)
