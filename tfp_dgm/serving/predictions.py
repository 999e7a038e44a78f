"""TF Serving's requests and answers, made of arrays."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow_serving.apis import prediction_log_pb2

Arrays = Mapping[str, np.ndarray]


def prediction_log(
    model: str, signature: str, method: str, inputs: Arrays, outputs: Arrays | None = None
) -> prediction_log_pb2.PredictionLog:
    """A request and, where it is known, its answer.

    Args:
      model: the model's name.
      signature: the signature's name.
      method: "predict", or "classify" for TF Serving's Classify convention.
      inputs: name -> array [B, ...].
      outputs: name -> array [B, ...].
    """
    log = prediction_log_pb2.PredictionLog()
    part = log.classify_log if method == "classify" else log.predict_log
    part.request.model_spec.name = model
    part.request.model_spec.signature_name = signature
    if method == "classify":
        for row in inputs["inputs"]:
            part.request.input.example_list.examples.add().ParseFromString(row)
        for names, scores in zip(*_classes_and_scores(outputs), strict=True):
            classification = part.response.result.classifications.add()
            for name, score in zip(names, scores, strict=True):
                classification.classes.add(label=name.decode("utf-8"), score=float(score))
        return log
    for name, value in inputs.items():
        part.request.inputs[name].CopyFrom(tensor_proto(value))
    for name, value in (outputs or {}).items():
        part.response.outputs[name].CopyFrom(tensor_proto(value))
    return log


def _classes_and_scores(outputs: Arrays | None) -> tuple[Any, Any]:
    return ([], []) if outputs is None else (outputs["classes"], outputs["scores"])


def tensor_proto(value: np.ndarray) -> Any:
    """A `TensorProto` of an array; strings are an array of objects."""
    dtype = tf.string if value.dtype.kind in "OSU" else tf.as_dtype(value.dtype)
    return tf.make_tensor_proto(value, dtype=dtype, shape=value.shape)


def write_records(path: Path, logs: Iterable[prediction_log_pb2.PredictionLog]) -> None:
    """Writes a TFRecord file of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString(deterministic=True))


def write_example(folder: Path, log: prediction_log_pb2.PredictionLog) -> None:
    """Writes one request as REST and gRPC take it, and its answer as REST gives it."""
    folder.mkdir(parents=True)
    part = getattr(log, str(log.WhichOneof("log_type")))
    request = text_format.MessageToString(part.request, as_utf8=True)
    (folder / "grpc.pbtxt").write_text(request, encoding="utf-8")
    if log.WhichOneof("log_type") == "classify_log":
        examples = [_example_features(row) for row in part.request.input.example_list.examples]
        body: dict[str, Any] = {
            "signature_name": part.request.model_spec.signature_name,
            "examples": examples,
        }
        answer = json_format.MessageToDict(part.response.result)["classifications"]
        results = [[[c["label"], c.get("score", 0.0)] for c in row["classes"]] for row in answer]
        _write_json(folder / "rest.json", body)
        _write_json(folder / "rest_answer.json", {"results": results})
        return
    inputs = {name: tf.make_ndarray(proto) for name, proto in part.request.inputs.items()}
    outputs = {name: tf.make_ndarray(proto) for name, proto in part.response.outputs.items()}
    for style, answer_of in (("row", row_answer), ("columnar", columnar_answer)):
        columns = {name: json_value(value, name) for name, value in inputs.items()}
        body = {"signature_name": part.request.model_spec.signature_name}
        if style == "row":
            rows = zip(*columns.values(), strict=True)
            body["instances"] = [dict(zip(columns, row, strict=True)) for row in rows]
        else:
            body["inputs"] = columns
        _write_json(folder / f"rest_{style}.json", body)
        _write_json(folder / f"rest_{style}_answer.json", answer_of(outputs))


def row_answer(outputs: Arrays) -> dict[str, Any]:
    """The body of TF Serving's answer in row format."""
    columns = {name: json_value(value, name) for name, value in outputs.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def columnar_answer(outputs: Arrays) -> dict[str, Any]:
    """The body of TF Serving's answer in columnar format."""
    columns = {name: json_value(value, name) for name, value in outputs.items()}
    return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}


def json_value(value: np.ndarray, name: str) -> Any:
    """Nested lists; strings as text, or as `{"b64": ...}` where the name ends in `_bytes`.

    So are bytes that are not UTF-8: JSON has no other form for them.
    """
    if value.dtype.kind not in "OSU":
        return value.tolist()

    def convert(item: Any) -> Any:
        if isinstance(item, list):
            return [convert(part) for part in item]
        if not name.endswith("_bytes"):
            try:
                return item.decode("utf-8")
            except UnicodeDecodeError:
                pass
        return {"b64": base64.b64encode(item).decode("ascii")}

    return convert(value.tolist())


def _example_features(example: tf.train.Example) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for name, feature in example.features.feature.items():
        values = getattr(feature, str(feature.WhichOneof("kind"))).value
        array = np.asarray(list(values), object if feature.HasField("bytes_list") else None)
        found = json_value(array, name)
        features[name] = found[0] if len(found) == 1 else found
    return features


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
