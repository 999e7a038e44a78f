"""The server of a review's page."""

from __future__ import annotations

import functools
import logging
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvicorn

from tfp_dgm.reviewing.page.marked_text import Explain, load_explain
from tfp_dgm.reviewing.page.page_guard import PageGuard, is_loopback, new_secret
from tfp_dgm.reviewing.page.review_app import review_app
from tfp_dgm.reviewing.page.runner_up_words import load_runners_up
from tfp_dgm.reviewing.page.shown_sentence import RunnersUp
from tfp_dgm.reviewing.retrainer import Retrainer
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.tag_review import TagReview
from tfp_dgm.serving.embedded.bounded_protocol import BoundedProtocol
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.embedded.orderly_close import OrderlyClose

_LOG = logging.getLogger(__name__)


class ReviewServer:
    """Serves the page of a review, to this machine alone by default.

    Use it as a context manager. An address that other machines reach is served to those only who
    bear a token, which `address` holds; there is no encryption.

    Args:
      review: what is reviewed.
      host: what to listen on, a name or an address.
      port: 0 takes a free one.
      prepare: called in the background, before the words that speak are known.
      retrainer: trains anew after so many answers; None for never.
      explain: loads what words do, or what else they may be; None reads the review's model.
      guard_formulas: see `review_app`.
    """

    def __init__(
        self,
        review: Review | TagReview,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prepare: Callable[[], None] = lambda: None,
        retrainer: Retrainer | None = None,
        explain: Callable[[], Explain | RunnersUp] | None = None,
        guard_formulas: bool = False,
    ) -> None:
        self._review = review
        self._host = host
        self._port = port
        self._token = None if is_loopback(host) else new_secret()
        self._prepare = prepare
        self._retrainer = retrainer
        self._load: Callable[[], Explain | RunnersUp] = explain or (lambda: _asked(review))
        self._explain: Explain | RunnersUp | None = None
        self._guard_formulas = guard_formulas
        self._stopping = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.address = ""

    def __enter__(self) -> Self:
        """Takes the port, and listens.

        Raises:
          OSError: if the port is taken; names it.
        """
        listening = self._bind()
        port = listening.getsockname()[1]
        hosts = self._hosts(port)
        named = hosts[0] if hosts else f"{socket.gethostname()}:{port}"
        self.address = f"http://{named}/" + (f"?token={self._token}" if self._token else "")
        limits = Limits(body_bytes=2**20)
        app = PageGuard(
            review_app(
                self._review,
                lambda: self._explain,
                self._retrainer,
                guard_formulas=self._guard_formulas,
            ),
            hosts=hosts,
            token=self._token,
            cookie=f"dgm_review_{port}",  # A browser sends those of one name to all ports.
        )
        config = uvicorn.Config(
            OrderlyClose(app, limits=limits, stopping=self._stopping),
            http=functools.partial(BoundedProtocol, limits=limits),  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="review", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)
        if self._retrainer is not None:
            self._retrainer.on_guesses = self._know_words
        threading.Thread(target=self._know, name="reasons", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Answers what was sent, and ends."""
        self._stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.config.timeout_graceful_shutdown = 5
            self._server.should_exit = True
            self._thread.join()
        if self._retrainer is not None:
            self._retrainer.close()

    def _hosts(self, port: int) -> list[str] | None:
        """What a browser may call this server; None where it listens to all of its addresses."""
        if self._host in ("", "0.0.0.0", "::"):
            return None
        names = [f"[{self._host}]" if ":" in self._host else self._host]
        if is_loopback(self._host):
            names += ["localhost", "127.0.0.1", "[::1]"]
        ports = [f":{port}", *([""] if port == 80 else [])]
        return [name + ending for name in names for ending in ports]

    def _know(self) -> None:
        """Finds what the page can do without at first; whatever fails here, people can answer."""
        try:
            self._prepare()
            if self._retrainer is not None:
                self._retrainer.resume()
        except Exception as error:
            _LOG.warning("What teaches most is not known; doubt is the order: %s", error)
        self._know_words()

    def _know_words(self) -> None:
        try:
            self._explain = self._load()
        except Exception as error:
            what = "What else words may be is not shown"
            if not isinstance(self._review, TagReview):
                what = "The words that spoke for a guess are not marked"
            _LOG.warning("%s: %s", what, error)
            self._explain = None if isinstance(self._review, TagReview) else lambda *_: []

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._host, self._port))
        except OSError as error:
            bound.close()
            raise OSError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}"
            ) from error
        return bound


def _asked(review: Review | TagReview) -> Explain | RunnersUp:
    """The model of a review."""
    if isinstance(review, TagReview):
        return load_runners_up(review.rows.model)
    return load_explain(review.rows.model, review.rows.column)
