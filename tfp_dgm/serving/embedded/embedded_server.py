"""A server for development and small use that speaks TF Serving's REST and gRPC."""

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
from tfp_dgm.serving.embedded.grpc_services import add_services
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.embedded.loaded_version import LoadedVersion
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
      DataError: if there is no model, or it cannot be loaded.
      OSError: from `start`, if a port is taken.
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
        limits = self.limits

        def load(version: Path) -> LoadedVersion:
            return LoadedVersion(
                version,
                batching=batching,
                max_rows=limits.rows,
                max_waiting=limits.waiting,
                on_batch=self.metrics.batch,
            )

        self.versions = VersionWatcher(path, load, seconds=reload_seconds)
        self._health = health.HealthServicer()
        self._grpc: grpc.Server | None = None
        self._rest: uvicorn.Server | None = None
        self._rest_thread: threading.Thread | None = None

    def start(self) -> None:
        """Listens; `rest_port` and `grpc_port` are then those that were taken."""
        if self.grpc_port is not None:
            self._start_grpc()
        if self.rest_port is not None:
            self._start_rest()
        for service in ("", "tensorflow.serving.PredictionService"):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Takes no new requests, answers those that are in hand, and ends.

        What is not answered within `limits.seconds`, as long as any answer may take, is dropped.
        """
        grace = self.limits.seconds
        self._health.enter_graceful_shutdown()
        ended = None if self._grpc is None else self._grpc.stop(grace)
        if self._rest is not None and self._rest_thread is not None:
            self._rest.config.timeout_graceful_shutdown = max(1, round(grace))
            self._rest.should_exit = True
            self._rest_thread.join()
        if ended is not None:
            ended.wait()
        self.versions.stop()

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_grpc(self) -> None:
        options = [
            ("grpc.max_receive_message_length", self.limits.body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
        self._grpc = grpc.server(
            ThreadPoolExecutor(_GRPC_THREADS, thread_name_prefix="grpc"),
            options=options,
            maximum_concurrent_rpcs=self.limits.waiting,
        )
        add_services(self._grpc, self.name, self.versions, self.limits, self.metrics)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        try:
            self.grpc_port = self._grpc.add_insecure_port(f"{self.host}:{self.grpc_port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self.host}:{self.grpc_port} (gRPC)") from error
        self._grpc.start()

    def _start_rest(self) -> None:
        # Where the protocol is not named, asyncio leaves Nagle's delay on: 40 ms a request.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.rest_port))
        except OSError as error:
            listening.close()
            raise OSError(f"cannot listen on {self.host}:{self.rest_port} (REST)") from error
        self.rest_port = listening.getsockname()[1]
        config = uvicorn.Config(
            rest_app(self.name, self.versions, self.limits, self.metrics),
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=self.limits.connections,
            timeout_keep_alive=max(5, round(self.limits.seconds)),
        )
        self._rest = uvicorn.Server(config)
        # Signals come to the main thread, which is the caller's.
        self._rest_thread = threading.Thread(
            target=self._rest.run, args=([listening],), name="rest", daemon=True
        )
        self._rest_thread.start()
        while not self._rest.started and self._rest_thread.is_alive():
            self._rest_thread.join(0.01)
