"""Shards answered by a signature of any exported model that takes texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfp_dgm.data import folder_digest
from tfp_dgm.serving.beam.shard_run import Progress, ShardTotals, answer_shards
from tfp_dgm.serving.opening import Opening
from tfp_dgm.serving.refusal import Refusal
from tfp_dgm.serving.served_signature import (
    Column,
    ServedSignature,
    export_of,
    signature_columns,
)


def predict_shards(
    export: str | os.PathLike[str],
    pattern: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    signature: str = "serving_default",
    text_columns: Sequence[str] | None = None,
    quoting: bool = True,
    guard_formulas: bool = False,
    runner: str = "DirectRunner",
    runner_options: Mapping[str, str] | None = None,
    resume: bool = False,
    progress: Progress = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda warning: None,
) -> ShardTotals:
    """Asks a signature for every row of the files that a pattern names.

    Each output becomes a column of its name; what has more than one number is a list. The columns
    are those of `ServedSignature.answer`, whatever the model is of: labels, topics, encodings,
    captions.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      pattern, output, runner, runner_options, resume: see `answer_shards`.
      signature: its name; it takes one input, of strings.
      text_columns: columns that hold the text; None takes the one of the input's name.
      quoting, guard_formulas, progress, warn: see `answer_shards`.
    Raises:
      DataError: if there is no export, or for whatever `answer_shards` refuses.
      ValueError: if there is no such signature, or it takes something else.
    """
    folder = export_of(export).absolute()
    inputs, _ = signature_columns(folder, signature)
    name = _input_of_texts(signature, inputs)
    return answer_shards(
        lambda ending: Opening(__name__, "open_signature", (str(folder), signature)),
        pattern,
        output,
        text_columns=text_columns,
        default_columns=[name],
        model={
            "model": str(folder),
            "digest": folder_digest(folder),
            "signature": signature,
        },
        quoting=quoting,
        guard_formulas=guard_formulas,
        runner=runner,
        runner_options=runner_options,
        resume=resume,
        progress=progress,
        warn=warn,
    )


def open_signature(folder: str, signature: str) -> SignatureAnswers:
    """Loads a signature, in a worker."""
    return SignatureAnswers(ServedSignature(folder, signature))


class SignatureAnswers:
    """The outputs of a signature; see `TextAnswers`, and `ShardAnswers`: it counts nothing."""

    def __init__(self, served: ServedSignature) -> None:
        self._served = served
        (self._input,) = served.inputs
        self.names = tuple(served.outputs)
        self.kinds: Mapping[str, str] = {}

    def begin(self) -> SignatureAnswers:
        """See `TextAnswers`."""
        return self

    def answer(self, texts: Sequence[str]) -> list[Sequence[Any] | Refusal]:
        """See `ShardAnswers`."""
        found = self._served.answer([{self._input: text} for text in texts])
        return [
            answer if isinstance(answer, Refusal) else [answer[name] for name in self.names]
            for answer in found
        ]

    def told(self) -> None:
        """See `ShardAnswers`."""


def _input_of_texts(signature: str, inputs: Mapping[str, Column]) -> str:
    if len(inputs) == 1:
        ((name, column),) = inputs.items()
        if column.dtype == tf.string and column.shape == ():
            return name
    taken = ", ".join(f"{name} ({column.dtype.name})" for name, column in inputs.items())
    raise ValueError(
        f"signature: expected one that takes a text; {signature!r} takes {taken}: ask it by "
        "serving.beam.Predict"
    )
