"""TF Serving's gRPC services."""

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.embedded.loaded_version import LoadedVersion, serialised_examples
from tfp_dgm.serving.embedded.server_metrics import ServerMetrics
from tfp_dgm.serving.embedded.version_watcher import VersionWatcher
from tfp_dgm.serving.predictions import tensor_proto
from tfp_dgm.serving.replay import Arrays, kernel_message
from tfp_dgm.serving.request_error import RequestError

_LOG = logging.getLogger(__name__)
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


def add_services(
    server: grpc.Server,
    name: str,
    versions: VersionWatcher,
    limits: Limits,
    metrics: ServerMetrics,
) -> None:
    """Adds PredictionService and ModelService to a server.

    Args:
      server: not started yet.
      name: of the model.
      versions: the model.
      limits: on rows and time.
      metrics: what is counted.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _Predictions(name, versions, limits, metrics), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        _ModelStatus(name, versions, metrics), server
    )


class _Service:
    def __init__(self, name: str, versions: VersionWatcher, metrics: ServerMetrics) -> None:
        self._name = name
        self._versions = versions
        self._metrics = metrics

    def _check(self, spec: Any) -> int | None:
        """The version asked for."""
        if spec.name != self._name:
            raise RequestError(f"no model {spec.name!r}; {self._name!r} is served", 404)
        return spec.version.value if spec.HasField("version") else None

    def _counted(self, method: str, context: Any, handle: Callable[[], Any]) -> Any:
        """Every failure becomes a status of its own, and everything is counted."""
        start = time.perf_counter()
        code, message, answer = grpc.StatusCode.OK, "", None
        try:
            answer = handle()
        except RequestError as error:
            code, message = _CODES.get(error.status, grpc.StatusCode.INTERNAL), str(error)
        except FutureTimeoutError:
            code, message = grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time"
        except tf.errors.InvalidArgumentError as error:
            code = grpc.StatusCode.INVALID_ARGUMENT
            message = kernel_message(str(error.message))
        except Exception as error:
            _LOG.exception("%s failed", method)
            code, message = grpc.StatusCode.INTERNAL, f"the model failed: {type(error).__name__}"
        self._metrics.answered("grpc", method, code.name, time.perf_counter() - start)
        if code is not grpc.StatusCode.OK:
            context.abort(code, message)
        return answer

    def _unserved(self, method: str, context: Any) -> Any:
        def handle() -> Any:
            raise RequestError(f"{method} is not served", 501)

        return self._counted(method.lower(), context, handle)


class _Predictions(_Service, prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(
        self, name: str, versions: VersionWatcher, limits: Limits, metrics: ServerMetrics
    ) -> None:
        super().__init__(name, versions, metrics)
        self._limits = limits

    def _run(self, spec: Any, inputs: Arrays, context: Any) -> tuple[Arrays, int]:
        with self._versions.use(self._check(spec)) as version:
            future = version.submit(spec.signature_name or "serving_default", inputs)
            remaining = context.time_remaining()
            seconds = self._limits.seconds if remaining is None else remaining
            try:
                return future.result(min(seconds, self._limits.seconds)), version.version
            finally:
                future.cancel()

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name.
        def handle() -> Any:
            inputs = {
                name: _array(proto, name, self._limits.body_bytes)
                for name, proto in request.inputs.items()
            }
            outputs, version = self._run(request.model_spec, inputs, context)
            unknown = set(request.output_filter) - set(outputs)
            if unknown:
                raise RequestError(f"output_filter: no outputs {sorted(unknown)}")
            response = predict_pb2.PredictResponse()
            _set_spec(response.model_spec, request.model_spec, version)
            for name in request.output_filter or outputs:
                response.outputs[name].CopyFrom(tensor_proto(outputs[name]))
            return response

        return self._counted("predict", context, handle)

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        def handle() -> Any:
            examples = request.input.example_list.examples
            if not examples:
                raise RequestError("input: expected an example_list of at least one example")
            inputs = {"inputs": serialised_examples(examples)}
            outputs, version = self._run(request.model_spec, inputs, context)
            if set(outputs) != {"classes", "scores"}:
                raise RequestError("the signature is none of the Classify convention")
            response = classification_pb2.ClassificationResponse()
            _set_spec(response.model_spec, request.model_spec, version)
            for names, scores in zip(outputs["classes"], outputs["scores"], strict=True):
                row = response.result.classifications.add()
                for name, score in zip(names, scores, strict=True):
                    row.classes.add(label=name.decode("utf-8"), score=score)
            return response

        return self._counted("classify", context, handle)

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        def handle() -> Any:
            if list(request.metadata_field) != ["signature_def"]:
                raise RequestError("metadata_field: expected signature_def")
            with self._versions.use(self._check(request.model_spec)) as version:
                return metadata_response(self._name, version)

        return self._counted("metadata", context, handle)

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._unserved("Regress", context)

    def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._unserved("MultiInference", context)


class _ModelStatus(_Service, model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        def handle() -> Any:
            with self._versions.use(self._check(request.model_spec)):
                return status_response(self._versions)

        return self._counted("status", context, handle)

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._unserved("HandleReloadConfigRequest", context)


def metadata_response(name: str, version: LoadedVersion) -> Any:
    """What GetModelMetadata says of a version."""
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = version.version
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for signature, definition in version.definitions.items():
        definitions.signature_def[signature].CopyFrom(definition)
    response.metadata["signature_def"].Pack(definitions)
    return response


def status_response(versions: VersionWatcher) -> Any:
    """What GetModelStatus says: the version that answers, and those that cannot be loaded."""
    response = get_model_status_pb2.GetModelStatusResponse()
    states = get_model_status_pb2.ModelVersionStatus
    available = response.model_version_status.add(
        version=versions.current.version, state=states.AVAILABLE
    )
    available.status.SetInParent()  # OK.
    for number, message in sorted(versions.failed.items()):
        failed = response.model_version_status.add(version=number, state=states.END)
        failed.status.error_code = tf.errors.INTERNAL
        failed.status.error_message = message
    return response


def _array(proto: Any, name: str, max_elements: int) -> np.ndarray:
    # One value may stand for a whole tensor: a few bytes that claim to be any number of gigabytes.
    elements = math.prod(dim.size for dim in proto.tensor_shape.dim)
    if not 0 <= elements <= max_elements:
        raise RequestError(
            f"{name!r}: expected at most {max_elements} elements; {elements} claimed"
        )
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{name!r}: not a tensor: {error}") from error


def _set_spec(spec: Any, asked: Any, version: int) -> None:
    spec.name = asked.name
    spec.signature_name = asked.signature_name or "serving_default"
    spec.version.value = version
