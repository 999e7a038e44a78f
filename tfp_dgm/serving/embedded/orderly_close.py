"""Connections that end after an answer which the client can read."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tfp_dgm.serving.embedded.limits import Limits

_PAUSE = 1.0  # Seconds without a byte after which nothing more of a body is awaited.


class OrderlyClose:
    """ASGI middleware: announces the end of a connection, and reads on until it may come.

    A socket that is closed with bytes unread resets the connection, and the answer may be lost with
    it. So an answer to a request whose body was not read whole says `Connection: close`, and the
    rest of the body is read and dropped before the connection is given up: `discarded_bytes` at
    most, for `seconds` at most. Answers of a server that stops say so too.

    Args:
      app: the application.
      limits: on what is dropped.
      stopping: set when the server stops.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, stopping: threading.Event) -> None:
        self._app = app
        self._limits = limits
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request as the application does."""
        unread = _has_body(scope)

        async def receive_counted() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread and message.get("more_body", False)
            return message

        async def discard() -> None:
            size = 0
            while unread and size <= self._limits.discarded_bytes:
                message = await asyncio.wait_for(receive_counted(), _PAUSE)
                size += len(message.get("body", b""))

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                if unread or self._stopping.is_set():
                    close = (b"connection", b"close")
                    message = {**message, "headers": [*message["headers"], close]}
            elif unread and not message.get("more_body", False):
                await send({**message, "more_body": True})
                with suppress(TimeoutError):  # Who sends so slowly may lose the answer.
                    await asyncio.wait_for(discard(), self._limits.seconds)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(scope, receive_counted, send_last)


def _has_body(scope: Any) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
