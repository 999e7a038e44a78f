"""TF Serving's REST interface as an ASGI application."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import tensorflow as tf
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tfp_dgm.serving.embedded.grpc_services import metadata_response, status_response
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.embedded.loaded_version import serialised_examples
from tfp_dgm.serving.embedded.server_metrics import ServerMetrics
from tfp_dgm.serving.embedded.version_watcher import VersionWatcher
from tfp_dgm.serving.json_requests import (
    classify_examples,
    parse_body,
    predict_inputs,
    signature_name,
)
from tfp_dgm.serving.predictions import columnar_answer, row_answer
from tfp_dgm.serving.replay import Arrays, kernel_message
from tfp_dgm.serving.request_error import RequestError

_LOG = logging.getLogger(__name__)
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_THREAD_BYTES = 16_384  # Smaller bodies are read faster than a thread is found for them.


def rest_app(
    name: str, versions: VersionWatcher, limits: Limits, metrics: ServerMetrics
) -> Starlette:
    """The application.

        POST /v1/models/NAME[/versions/N]:predict, :classify
        GET  /v1/models/NAME[/versions/N], .../metadata, /monitoring/prometheus/metrics

    Args:
      name: of the model in the paths.
      versions: the model.
      limits: on bodies and time.
      metrics: what is counted.
    """

    def version_of(request: Request) -> int | None:
        if request.path_params["name"] != name:
            raise RequestError(f"no model {request.path_params['name']!r}; {name!r} is served", 404)
        return request.path_params.get("version")

    in_hand = 0

    async def answer(
        request: Request,
        keys: set[str],
        read: Callable[[dict[str, Any], Any], tuple[Arrays, Callable[[Arrays], Any]]],
    ) -> Response:
        nonlocal in_hand
        if in_hand >= limits.waiting:
            raise RequestError("too many requests are in hand; try again", 503)
        in_hand += 1
        try:
            return await run(request, keys, read)
        finally:
            in_hand -= 1

    async def run(
        request: Request,
        keys: set[str],
        read: Callable[[dict[str, Any], Any], tuple[Arrays, Callable[[Arrays], Any]]],
    ) -> Response:
        content = await _body(request, limits)
        apart = run_in_threadpool if len(content) > _THREAD_BYTES else _here
        body = await apart(parse_body, content)
        signature = signature_name(body, keys)
        with versions.use(version_of(request)) as version:
            inputs, write = await apart(read, body, version.definition(signature))
            future = version.submit(signature, inputs)
            try:
                outputs = await asyncio.wait_for(asyncio.wrap_future(future), limits.seconds)
            except TimeoutError as error:
                raise RequestError(f"no answer within {limits.seconds:g} s", 504) from error
        size = sum(value.nbytes for value in outputs.values())
        apart = run_in_threadpool if size > _THREAD_BYTES else _here
        return Response(
            await apart(lambda: json.dumps(write(outputs)).encode("utf-8")),
            media_type="application/json",
        )

    async def predict(request: Request) -> Response:
        def read(body: dict[str, Any], definition: Any) -> Any:
            inputs, in_rows = predict_inputs(body, definition)
            return inputs, row_answer if in_rows else columnar_answer

        return await answer(request, {"instances", "inputs"}, read)

    async def classify(request: Request) -> Response:
        def read(body: dict[str, Any], definition: Any) -> Any:
            if not definition.method_name.endswith("/classify"):
                raise RequestError("the signature is none of the Classify convention")
            return {"inputs": serialised_examples(classify_examples(body))}, _results

        return await answer(request, {"examples", "context"}, read)

    async def status(request: Request) -> Response:
        with versions.use(version_of(request)):
            response = status_response(versions)
        found = json_format.MessageToDict(
            response,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        return JSONResponse(found)

    async def metadata(request: Request) -> Response:
        with versions.use(version_of(request)) as version:
            response = metadata_response(name, version)
        found = json_format.MessageToDict(response, preserving_proto_field_name=True)
        del found["metadata"]["signature_def"]["@type"]  # TF Serving leaves it out.
        return JSONResponse(found)

    async def prometheus(request: Request) -> Response:
        return Response(metrics.text(versions.current.version), media_type=_PROMETHEUS)

    routes = [Route("/monitoring/prometheus/metrics", prometheus)]
    for prefix in ("/v1/models/{name}", "/v1/models/{name}/versions/{version:int}"):
        # The paths with more behind the name come first: a name takes all up to the next slash.
        for ending, method, handler in (
            (":predict", "POST", predict),
            (":classify", "POST", classify),
            ("/metadata", "GET", metadata),
            ("", "GET", status),
        ):
            endpoint = _counted(handler, ending[1:] or "status", metrics)
            routes.append(Route(prefix + ending, endpoint, methods=[method]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_found})


Handler = Callable[[Request], Awaitable[Response]]


def _counted(handler: Handler, method: str, metrics: ServerMetrics) -> Handler:
    """Every failure becomes an answer of its own, and everything is counted."""

    async def counted(request: Request) -> Response:
        start = time.perf_counter()
        try:
            response = await handler(request)
        except RequestError as error:
            response = _error(str(error), error.status)
        except tf.errors.InvalidArgumentError as error:
            response = _error(kernel_message(str(error.message)), 400)
        except ClientDisconnect:
            response = _error("the client went away", 400)
        except Exception as error:
            _LOG.exception("%s failed", method)
            response = _error(f"the model failed: {type(error).__name__}", 500)
        seconds = time.perf_counter() - start
        metrics.answered("rest", method, str(response.status_code), seconds)
        return response

    return counted


async def _body(request: Request, limits: Limits) -> bytes:
    async def read() -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > limits.body_bytes:
                raise RequestError(f"the body is larger than {limits.body_bytes} bytes", 413)
            parts.append(part)
        return b"".join(parts)

    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise RequestError(f"the body is larger than {limits.body_bytes} bytes", 413)
    try:
        return await asyncio.wait_for(read(), limits.seconds)
    except TimeoutError as error:
        raise RequestError(f"the body did not come within {limits.seconds:g} s", 408) from error


async def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(f"{request.method} {request.url.path}: {error.detail}", error.status_code)


def _error(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)


def _results(outputs: Arrays) -> dict[str, Any]:
    rows = zip(outputs["classes"].tolist(), outputs["scores"].tolist(), strict=True)
    return {
        "results": [
            [[name.decode("utf-8", "replace"), score] for name, score in zip(*row, strict=True)]
            for row in rows
        ]
    }
