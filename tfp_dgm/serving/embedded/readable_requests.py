"""gRPC requests that are no messages, refused as the client's fault."""

import functools
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError


class ReadableRequests(grpc.ServerInterceptor):
    """Answers bytes that are no message of their method with INVALID_ARGUMENT.

    gRPC by itself calls them INTERNAL, and logs a traceback for each.
    """

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: Any
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        streams = handler.response_streaming
        make = (
            grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        )
        return make(
            _refusing(handler.unary_stream if streams else handler.unary_unary),
            request_deserializer=_lenient(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _lenient(deserialise: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def found(content: bytes) -> Any:
        try:
            return deserialise(content)
        except DecodeError as error:
            return error

    return found


def _refusing(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(behaviour)  # With it the marks by which gRPC chooses a thread.
    def answer(request: Any, context: Any, *more: Any) -> Any:
        if isinstance(request, DecodeError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"not a message: {request}")
        return behaviour(request, context, *more)

    return answer
