"""A client of TF Serving and of the embedded server, over REST or gRPC."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import quote

import grpc
import numpy as np
import requests
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfp_dgm.serving.input_arrays import input_array, refuse_values
from tfp_dgm.serving.json_requests import json_array
from tfp_dgm.serving.predictions import json_value, tensor_proto
from tfp_dgm.serving.request_error import RequestError

Arrays = dict[str, np.ndarray]
Features = Mapping[str, str | bytes | int | float]


class Client:
    """Asks one model.

        Client("localhost:8501", "reviews").predict({"text": ["well made"]})["label"]

    Args:
      address: host:port.
      model: its name.
      protocol: "rest" (port 8501 as a rule) or "grpc" (8500).
      version: of the model; None is the newest.
      timeout: seconds for one request.
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        protocol: Literal["rest", "grpc"] = "rest",
        version: int | None = None,
        timeout: float = 30.0,
    ) -> None:
        kinds: dict[str, Callable[..., _Transport]] = {"rest": _Rest, "grpc": _Grpc}
        if protocol not in kinds:
            raise ValueError(f"protocol: expected rest or grpc; received {protocol!r}")
        self._transport = kinds[protocol](address, model, version, timeout)
        self._definitions: Mapping[str, Any] | None = None

    def predict(self, inputs: Mapping[str, Any], signature: str = "serving_default") -> Arrays:
        """The outputs of a signature.

        Args:
          inputs: name -> rows, as arrays or lists; strings as str or bytes.
          signature: its name.
        Raises:
          RequestError: if an input is unknown or a value is none of its type (which input, where,
            what was expected and what came); if the server refuses, with its words and status; if
            there is no answer.
        """
        if self._definitions is None:
            self._definitions = self._transport.signatures()
        if signature not in self._definitions:
            names = ", ".join(sorted(self._definitions))
            raise RequestError(f"no signature {signature!r}; there are {names}")
        definition = self._definitions[signature]
        if unknown := sorted(set(inputs) - set(definition.inputs)):
            raise RequestError(
                f"unknown inputs {unknown}; {signature!r} takes {sorted(definition.inputs)}"
            )
        arrays = {
            name: input_array(value, tf.as_dtype(definition.inputs[name].dtype), name)
            for name, value in inputs.items()
        }
        return self._transport.predict(arrays, signature, definition)

    def classify(
        self, examples: Sequence[Features], signature: str = "classify"
    ) -> list[dict[str, float]]:
        """Class -> score for each example, through TF Serving's Classify.

        Args:
          examples: name -> value of each row's features.
          signature: its name.
        Raises:
          RequestError: if a value is neither text nor number, or the server refuses.
        """
        rows = [
            {name: _feature(value, f"examples[{row}][{name!r}]") for name, value in given.items()}
            for row, given in enumerate(examples)
        ]
        return self._transport.classify(rows, signature)

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _feature(value: Any, place: str) -> str | bytes | int | float:
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | bytes | int | float):
        raise RequestError(f"{place}: expected a string, bytes or a number; received {plain!r}")
    return plain


class _Transport(Protocol):
    def signatures(self) -> Mapping[str, Any]: ...

    def predict(self, inputs: Arrays, signature: str, definition: Any) -> Arrays: ...

    def classify(self, examples: Sequence[Features], signature: str) -> list[dict[str, float]]: ...

    def close(self) -> None: ...


class _Rest:
    def __init__(self, address: str, model: str, version: int | None, timeout: float) -> None:
        part = "" if version is None else f"/versions/{version}"
        self._url = f"http://{address}/v1/models/{quote(model, safe='')}{part}"
        self._timeout = timeout
        self._session = requests.Session()

    def _ask(self, ending: str, body: Any = None) -> Any:
        try:
            if body is None:
                response = self._session.get(self._url + ending, timeout=self._timeout)
            else:
                response = self._session.post(self._url + ending, json=body, timeout=self._timeout)
            if response.ok:
                return response.json()
        except requests.Timeout as error:
            raise RequestError(f"no answer within {self._timeout:g} s", 504) from error
        except requests.ConnectionError as error:
            raise RequestError(f"no server at {self._url}: {error}", 503) from error
        except requests.RequestException as error:
            raise RequestError(f"no answer from {self._url}: {error}", 503) from error
        try:
            message = str(response.json()["error"])
        except (ValueError, KeyError, TypeError):
            message = response.text
        raise RequestError(message, response.status_code)

    def signatures(self) -> Mapping[str, Any]:
        from google.protobuf import json_format

        found = self._ask("/metadata")["metadata"]["signature_def"]
        definitions = get_model_metadata_pb2.SignatureDefMap()
        json_format.ParseDict(
            {"signature_def": found["signature_def"]}, definitions, ignore_unknown_fields=True
        )
        return definitions.signature_def

    def predict(self, inputs: Arrays, signature: str, definition: Any) -> Arrays:
        for name, value in inputs.items():
            if value.dtype.kind not in "OSU":
                refuse_values(
                    name, ~np.isfinite(value), value, "finite numbers, as JSON has no other"
                )
        columns = {name: json_value(value, name) for name, value in inputs.items()}
        outputs = self._ask(":predict", {"signature_name": signature, "inputs": columns})["outputs"]
        if len(definition.outputs) == 1:
            outputs = {next(iter(definition.outputs)): outputs}
        return {
            name: json_array(value, tf.as_dtype(definition.outputs[name].dtype), name)
            for name, value in outputs.items()
        }

    def classify(self, examples: Sequence[Features], signature: str) -> list[dict[str, float]]:
        rows = [
            {name: _feature_json(value, name, row) for name, value in given.items()}
            for row, given in enumerate(examples)
        ]
        found = self._ask(":classify", {"signature_name": signature, "examples": rows})
        return [dict(map(tuple, row)) for row in found["results"]]

    def close(self) -> None:
        self._session.close()


def _feature_json(value: Any, name: str, row: int) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise RequestError(
            f"examples[{row}][{name!r}]: expected finite numbers, as JSON has no other; "
            f"received {value!r}"
        )
    return json_value(np.array(value, object), name) if isinstance(value, bytes) else value


class _Grpc:
    def __init__(self, address: str, model: str, version: int | None, timeout: float) -> None:
        options = [("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options=options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model = model
        self._version = version
        self._timeout = timeout

    def _ask(self, method: Any, request: Any, signature: str = "") -> Any:
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        if self._version is not None:
            request.model_spec.version.value = self._version
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise RequestError(error.details(), _STATUS.get(error.code(), 500)) from error

    def signatures(self) -> Mapping[str, Any]:
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.metadata_field.append("signature_def")
        response = self._ask(self._stub.GetModelMetadata, request)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(definitions)
        return definitions.signature_def

    def predict(self, inputs: Arrays, signature: str, definition: Any) -> Arrays:
        request = predict_pb2.PredictRequest()
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tensor_proto(value))
        response = self._ask(self._stub.Predict, request, signature)
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def classify(self, examples: Sequence[Features], signature: str) -> list[dict[str, float]]:
        request = classification_pb2.ClassificationRequest()
        for row in examples:
            example = request.input.example_list.examples.add()
            for name, value in row.items():
                feature = example.features.feature[name]
                if isinstance(value, str | bytes):
                    content = value.encode("utf-8") if isinstance(value, str) else value
                    feature.bytes_list.value.append(content)
                elif isinstance(value, int):
                    feature.int64_list.value.append(value)
                else:
                    feature.float_list.value.append(value)
        response = self._ask(self._stub.Classify, request, signature)
        return [
            {found.label: found.score for found in row.classes}
            for row in response.result.classifications
        ]

    def close(self) -> None:
        self._channel.close()


_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 413,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
