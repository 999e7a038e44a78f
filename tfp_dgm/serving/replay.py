"""Recorded predictions against a SavedModel; with nothing but TensorFlow and TF Serving's protos.

Run as a program, it does so in a process where keras, TFP and this package cannot be imported:

    python -P replay.py VERSION_FOLDER [OP_LIBRARY...]

and prints one JSON line for each answer: what was asked, of which size, and what was wrong.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    for _package in ("keras", "tf_keras", "tensorflow_probability", "tfp_dgm"):
        sys.modules[_package] = None  # type: ignore[assignment]

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

RECORDED = "assets.extra/recorded_predictions"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
TOLERANCE = 1e-5
# What TensorFlow raises of a damaged file; of one that is cut short, an IndexError.
DAMAGE = (tf.errors.OpError, IndexError)

Arrays = dict[str, np.ndarray]


def read_records(path: Path) -> Iterator[tuple[str, Arrays, Arrays]]:
    """Signature, inputs and outputs (none where none were recorded) of each `PredictionLog`."""
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.WhichOneof("log_type") == "classify_log":
            request = log.classify_log.request
            rows = request.input.example_list.examples
            serialised = [row.SerializeToString(deterministic=True) for row in rows]
            inputs = {"inputs": np.array(serialised, object)}
            found = [row.classes for row in log.classify_log.response.result.classifications]
            outputs = {
                "classes": np.array([[c.label.encode() for c in row] for row in found], object),
                "scores": np.array([[c.score for c in row] for row in found], np.float32),
            }
            outputs = outputs if found else {}
        else:
            request = log.predict_log.request
            inputs = {key: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
            answer = log.predict_log.response.outputs
            outputs = {key: tf.make_ndarray(proto) for key, proto in answer.items()}
        yield request.model_spec.signature_name, inputs, outputs


def difference(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], *, tolerance: float
) -> str | None:
    """What is wrong with an answer, in words; None where nothing is.

    Floats must agree within `tolerance`, absolute for values below 1 and relative above; all else
    exactly.
    """
    if set(expected) != set(actual):
        return f"expected the outputs {sorted(expected)}; received {sorted(actual)}"
    for name, wanted in expected.items():
        got = actual[name]
        if wanted.shape != got.shape or wanted.dtype != got.dtype:
            return f"{name}: expected {wanted.dtype}{wanted.shape}; received {got.dtype}{got.shape}"
        if wanted.dtype.kind == "f":
            wrong = ~np.isclose(got, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            wrong = got != wanted
        if wrong.any():
            place = tuple(int(axis[0]) for axis in np.nonzero(wrong))
            return (
                f"{name}{list(place)}: expected {wanted[place]!r}; received {got[place]!r} "
                f"({wrong.sum()} of {wrong.size} differ)"
            )
    return None


def run(model: Any, signature: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """A loaded SavedModel's answer."""
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    return {key: value.numpy() for key, value in model.signatures[signature](**tensors).items()}


def kernel_message(message: str) -> str:
    """What a kernel said was wrong, out of all that TensorFlow says with it."""
    lines = message.split("[[{{node")[0].strip().splitlines()
    return lines[-1].strip() if lines else "the model refuses the input"


def damage(error: Exception) -> str:
    """What TensorFlow found wrong with a file, without the names of its operations."""
    first, *_ = str(error).splitlines() or [""]
    return re.sub(r"\{\{.*?\}\}|\[Op:.*", "", first).strip()


def replay(folder: Path) -> Iterator[dict[str, Any]]:
    """Asks everything recorded twice, and the twins what their plain signatures were asked."""
    model = tf.saved_model.load(str(folder))
    records = list(read_records(folder / RECORDED))
    for signature, inputs, outputs in records:
        yield _verdict(model, "recorded", signature, inputs, outputs)
    for signature, inputs, outputs in records:
        if f"{signature}_xla" in model.signatures:
            yield _verdict(model, "twin", signature, inputs, outputs)
    for signature, inputs, _ in read_records(folder / WARM_UP):
        yield _verdict(model, "warm-up", signature, inputs, None)


def _verdict(
    model: Any, kind: str, signature: str, inputs: Arrays, expected: Arrays | None
) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        if kind == "twin":
            answer = _through_twin(model, signature, inputs)
        else:
            answer = run(model, signature, inputs)
        problem = None
        if expected is not None:
            problem = difference(expected, answer, tolerance=TOLERANCE)
        if kind == "recorded" and problem is None:
            again = difference(answer, run(model, signature, inputs), tolerance=TOLERANCE)
            problem = again and f"asked twice, {again}"
    except Exception as error:
        problem = f"{type(error).__name__}: {kernel_message(str(error))}"
    return {
        "kind": kind,
        "signature": signature,
        "size": len(next(iter(inputs.values()))),
        "seconds": time.perf_counter() - start,
        "problem": problem,
    }


def _through_twin(model: Any, signature: str, inputs: Arrays) -> Arrays:
    """The plain signature's answer, by way of the compiled one."""
    if f"{signature}_prepare" in model.signatures:
        inputs = run(model, f"{signature}_prepare", inputs)
    answer = run(model, f"{signature}_xla", inputs)
    if f"{signature}_finish" in model.signatures:
        answer = run(model, f"{signature}_finish", answer)
    return answer


if __name__ == "__main__":
    for library in sys.argv[2:]:
        tf.load_op_library(library)
    for verdict in replay(Path(sys.argv[1])):
        print(json.dumps(verdict), flush=True)
