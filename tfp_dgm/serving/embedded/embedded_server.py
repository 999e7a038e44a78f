"""A server for development and small use that speaks TF Serving's REST and gRPC."""

import contextlib
import functools
import logging
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tfp_dgm.data import DataError
from tfp_dgm.serving.embedded.bounded_protocol import BoundedProtocol
from tfp_dgm.serving.embedded.grpc_services import add_services
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.embedded.loaded_version import LoadedVersion
from tfp_dgm.serving.embedded.orderly_close import OrderlyClose
from tfp_dgm.serving.embedded.readable_requests import ReadableRequests
from tfp_dgm.serving.embedded.rest_app import rest_app
from tfp_dgm.serving.embedded.server_metrics import ServerMetrics
from tfp_dgm.serving.embedded.version_watcher import VersionWatcher

_LOG = logging.getLogger(__name__)
_GRPC_THREADS = 32


class EmbeddedServer:
    """Serves the newest version of one model's folder.

    Use it as a context manager, or `start` and `stop` it.

    Args:
      folder: `<name>/` with the versions 1, 2, ...; its name is the model's.
      host: what to listen on; the machine itself alone by default. There is neither encryption
        nor authentication: put a proxy before any other.
      rest_port: 0 takes a free one; None serves no REST.
      grpc_port: likewise for gRPC.
      batching: whether requests that wait together run together.
      limits: what one client may ask.
      reload_seconds: between two looks for a newer version.
    Raises:
      DataError: if there is no such folder.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        rest_port: int | None = 8501,
        grpc_port: int | None = 8500,
        batching: bool = True,
        limits: Limits | None = None,
        reload_seconds: float = 2.0,
    ) -> None:
        path = Path(folder).resolve()
        if not path.is_dir():
            raise DataError(f"{folder}: expected a folder with versions 1, 2, ...")
        self.name = path.name
        self.host = host
        self.rest_port = rest_port
        self.grpc_port = grpc_port
        self.limits = limits or Limits()
        self.metrics = ServerMetrics()
        self.versions: VersionWatcher | None = None
        self._folder = path
        self._batching = batching
        self._reload_seconds = reload_seconds
        self._health = health.HealthServicer()
        self._grpc: grpc.Server | None = None
        self._rest: uvicorn.Server | None = None
        self._rest_thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Takes the ports, loads the model, and listens; holds no port where any of it fails.

        `rest_port` and `grpc_port` are then those that were taken.

        Raises:
          OSError: if a port is taken; names it.
          DataError: if there is no model, or it cannot be loaded.
        """
        with contextlib.ExitStack() as taken:
            listening = None if self.rest_port is None else taken.enter_context(self._bind_rest())
            self._grpc = None if self.grpc_port is None else self._bind_grpc()
            if self._grpc is not None:
                taken.callback(_release, self._grpc)
            versions = VersionWatcher(self._folder, self._load, seconds=self._reload_seconds)
            taken.pop_all()
        self.versions = versions
        if self._grpc is not None:
            add_services(self._grpc, self.name, versions, self.limits, self.metrics)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
            self._grpc.start()
        if listening is not None:
            self._start_rest(listening, versions)
        for service in ("", "tensorflow.serving.PredictionService"):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Takes no new connections, answers what was sent on the old ones, and ends.

        Answers then say `Connection: close`. What is not answered within `limits.seconds`, as long
        as any answer may take, is dropped.
        """
        grace = self.limits.seconds
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        ended = None if self._grpc is None else self._grpc.stop(grace)
        if self._rest is not None and self._rest_thread is not None:
            self._rest.config.timeout_graceful_shutdown = max(1, round(grace))
            self._rest.should_exit = True
            self._rest_thread.join()
        if ended is not None:
            ended.wait()
        if self.versions is not None:
            self.versions.stop()

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _load(self, version: Path) -> LoadedVersion:
        return LoadedVersion(
            version,
            batching=self._batching,
            max_rows=self.limits.rows,
            max_waiting=self.limits.waiting,
            on_batch=self.metrics.batch,
        )

    def _bind_grpc(self) -> grpc.Server:
        options = [
            ("grpc.max_receive_message_length", self.limits.body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
            ("grpc.server_handshake_timeout_ms", round(self.limits.seconds * 1000)),
            ("grpc.max_connection_idle_ms", round(self.limits.idle_seconds * 1000)),
        ]
        server = grpc.server(
            ThreadPoolExecutor(_GRPC_THREADS, thread_name_prefix="grpc"),
            interceptors=[ReadableRequests()],
            options=options,
            maximum_concurrent_rpcs=self.limits.waiting,
        )
        try:
            self.grpc_port = server.add_insecure_port(f"{self.host}:{self.grpc_port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self.host}:{self.grpc_port} (gRPC)") from error
        return server

    def _bind_rest(self) -> socket.socket:
        # Where the protocol is not named, asyncio leaves Nagle's delay on: 40 ms a request.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, self.rest_port))
        except OSError as error:
            bound.close()
            raise OSError(f"cannot listen on {self.host}:{self.rest_port} (REST)") from error
        self.rest_port = bound.getsockname()[1]
        return bound

    def _start_rest(self, listening: socket.socket, versions: VersionWatcher) -> None:
        app = rest_app(self.name, versions, self.limits, self.metrics)
        config = uvicorn.Config(
            OrderlyClose(app, limits=self.limits, stopping=self._stopping),
            http=functools.partial(BoundedProtocol, limits=self.limits),  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=max(1, round(self.limits.idle_seconds)),
        )
        self._rest = uvicorn.Server(config)
        # Signals come to the main thread, which is the caller's.
        self._rest_thread = threading.Thread(
            target=self._rest.run, args=([listening],), name="rest", daemon=True
        )
        self._rest_thread.start()
        while not self._rest.started and self._rest_thread.is_alive():
            self._rest_thread.join(0.01)


def _release(server: grpc.Server) -> None:
    """Gives up the port of a server that never ran: gRPC closes those of a running one alone."""
    server.start()
    server.stop(None).wait()
