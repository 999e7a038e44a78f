"""HTTP/1.1 connections that cost a server little until they have sent a request."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from tfp_dgm.serving.embedded.limits import Limits

_LAST_REQUESTS = 0.5  # Seconds for those that were sent before a client knew of the stop.


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol, with bounds on connections that have no request in hand.

    uvicorn's own bound begins after an answer and ends with the next byte, whatever it is, and
    its limit on connections refuses the new ones. Here a connection must begin a request within
    `limits.idle_seconds` and end its header within `limits.seconds`, or it is closed; where too
    many are open, the one that has been without a request longest makes room. A stop closes
    connections only when what was sent on them is answered.

    Args:
      limits: on time and connections; the others are uvicorn's.
    """

    def __init__(self, *arguments: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self._begun = False

    @property
    def _idle(self) -> bool:
        """Whether no request is in hand; half a header is none."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._expect_within(self._limits.idle_seconds)
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._idle:
            self._expect_nothing()
        elif not self._begun:
            self._begun = True
            self._expect_within(self._limits.seconds)

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        self._begun = False
        super().on_response_complete()  # May take up the next request, if it is there already.

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._idle:
            self.loop.call_later(_LAST_REQUESTS, self._close_if_idle)
        else:
            super().shutdown()  # Closes after the answer.

    def _close_if_idle(self) -> None:
        if self._idle:
            self.transport.close()

    def _make_room(self) -> None:
        others = [
            other
            for other in self.connections
            if isinstance(other, BoundedProtocol)
            and other is not self
            and other._idle
            and not other.transport.is_closing()
        ]
        if others:
            min(others, key=lambda other: other._idle_since).transport.close()

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self._give_up, seconds)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self, seconds: float) -> None:
        if self.transport.is_closing():
            return
        if self._begun:
            self._answer(408, f"the header did not come within {seconds:g} s")
        self.transport.close()

    def _answer(self, status: int, message: str) -> None:
        """Without an application, which is told of whole headers only."""
        content = json.dumps({"error": message}).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
            ("connection", "close"),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
