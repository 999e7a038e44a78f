"""One version of a model in memory: checks inputs, runs signatures, ends when nobody needs it."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.serving import replay
from tfp_dgm.serving.embedded.micro_batcher import MicroBatcher
from tfp_dgm.serving.folders import batch_sizes
from tfp_dgm.serving.operations import needs_text_libraries, serving_signatures, text_libraries
from tfp_dgm.serving.request_error import RequestError

Arrays = Mapping[str, np.ndarray]


class LoadedVersion:
    """A SavedModel that answers from many threads.

    Args:
      folder: the version's folder, named by its number.
      batching: whether requests that wait for the same signature are run together.
      max_rows: the most rows of one request.
      max_waiting: the most requests that wait for one signature.
      on_batch: called with a signature's name and the rows of each batch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        batching: bool = True,
        max_rows: int = 1024,
        max_waiting: int = 1000,
        on_batch: Any = None,
    ) -> None:
        self.folder = folder
        self.version = int(folder.name)
        self.max_rows = max_rows
        if needs_text_libraries(folder):
            for library in text_libraries():
                tf.load_op_library(library)
        self.definitions = serving_signatures(folder)
        self._model = tf.saved_model.load(str(folder))
        if (folder / replay.WARM_UP).exists():
            for signature, inputs, _ in replay.read_records(folder / replay.WARM_UP):
                replay.run(self._model, signature, inputs)
        sizes = batch_sizes(folder)
        self._batchers = {
            name: MicroBatcher(
                self._runner(name),
                sizes=sizes,
                batching=batching,
                max_waiting=max_waiting,
                on_batch=on_batch and (lambda rows, name=name: on_batch(name, rows)),
                name=f"{self.version}/{name}",
            )
            for name in self.definitions
        }
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    def _runner(self, name: str) -> Any:
        return lambda inputs: replay.run(self._model, name, inputs)

    def acquire(self) -> bool:
        """Keeps the version until `release`; False where it has been given up already."""
        with self._lock:
            if self._retired and not self._users:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """Ends what `acquire` began."""
        with self._lock:
            self._users -= 1
        self._close_if_idle()

    def retire(self) -> None:
        """Gives the version up as soon as the last request that has it is answered."""
        with self._lock:
            self._retired = True
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        with self._lock:
            if self._users or not self._retired:
                return
        for batcher in self._batchers.values():
            batcher.close()

    def definition(self, signature: str) -> Any:
        """The `SignatureDef`.

        Raises:
          RequestError: 400, if there is none; names those there are.
        """
        try:
            return self.definitions[signature]
        except KeyError:
            names = ", ".join(sorted(self.definitions))
            raise RequestError(f"no signature {signature!r}; there are {names}") from None

    def submit(self, signature: str, inputs: Arrays) -> "Future[dict[str, np.ndarray]]":
        """Checks the inputs and queues them; the future holds the outputs.

        Raises:
          RequestError: 400 where the inputs do not fit the signature, 503 where too many wait.
        """
        check_inputs(self.definition(signature), inputs, self.max_rows)
        return self._batchers[signature].submit(inputs)


def serialised_examples(examples: Sequence[tf.train.Example]) -> np.ndarray:
    """What a Classify signature takes, bytes [B]; refuses numbers that are not finite.

    Raises:
      RequestError: 400; names the row and the feature.
    """
    for number, example in enumerate(examples):
        for name, feature in example.features.feature.items():
            if not np.isfinite(feature.float_list.value).all():
                raise RequestError(f"examples[{number}][{name!r}]: expected finite numbers")
    rows = [example.SerializeToString(deterministic=True) for example in examples]
    return np.array(rows, object)


def check_inputs(definition: Any, inputs: Arrays, max_rows: int) -> None:
    """Raises `RequestError` where inputs do not fit a `SignatureDef`; says which and how."""
    if set(inputs) != set(definition.inputs):
        raise RequestError(
            f"expected the inputs {sorted(definition.inputs)}; received {sorted(inputs)}"
        )
    rows = set()
    for name, value in inputs.items():
        info = definition.inputs[name]
        dtype = tf.as_dtype(info.dtype)
        given = tf.string if value.dtype.kind in "OSU" else tf.as_dtype(value.dtype)
        if given != dtype:
            raise RequestError(f"{name!r}: expected {dtype.name}; received {given.name}")
        sizes = [dim.size for dim in info.tensor_shape.dim]
        fits = len(sizes) == value.ndim and all(
            wanted in (-1, got) for wanted, got in zip(sizes, value.shape, strict=True)
        )
        if not fits:
            wanted = ["B", *("?" if size < 0 else size for size in sizes[1:])]
            raise RequestError(
                f"{name!r}: expected the shape [{', '.join(map(str, wanted))}]; "
                f"received {list(value.shape)}"
            )
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            place = [int(axis[0]) for axis in np.nonzero(~np.isfinite(value))]
            raise RequestError(
                f"{name!r}: expected finite numbers; {value[tuple(place)]} at {place}"
            )
        rows.add(len(value))
    if len(rows) > 1:
        raise RequestError(f"expected as many rows in every input; received {sorted(rows)}")
    (count,) = rows
    if not 1 <= count <= max_rows:
        raise RequestError(f"expected 1 to {max_rows} rows; received {count}")
