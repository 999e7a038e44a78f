"""`dgm serve`: an exported model behind REST and gRPC."""

import logging
import os
import shlex
import shutil
import signal
import threading
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tfp_dgm.serving import docker_command, model_server_command, newest_version

from ._errors import clean_errors
from ._progress import status
from ._quiet import quiet_start
from ._shared_options import Quiet

_MODEL_SERVER = "tensorflow_model_server"


def serve(
    folder: Annotated[Path, typer.Argument(help="The model's folder; its name is the model's.")],
    rest_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one (embedded).")
    ] = 8501,
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one (embedded).")
    ] = 8500,
    host: Annotated[
        str, typer.Option(help="What the embedded server listens on: this machine alone.")
    ] = "127.0.0.1",
    batching: Annotated[
        bool, typer.Option(help="Run requests that wait together as one batch.")
    ] = True,
    xla: Annotated[
        bool, typer.Option("--xla", help="Switch XLA on in TensorFlow's server.")
    ] = False,
    embedded: Annotated[
        bool, typer.Option("--embedded", help=f"Even where {_MODEL_SERVER} is on the PATH.")
    ] = False,
    docker: Annotated[
        bool, typer.Option("--docker-command", help="Print the line for Docker, and do no more.")
    ] = False,
    max_body: Annotated[int, typer.Option(min=1, help="MiB of one request (embedded).")] = 32,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows of one request (embedded).")] = 1024,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds for a request's body, and for its answer (embedded)."),
    ] = 30.0,
    quiet: Quiet = False,
) -> None:
    """Serves the newest version of an exported model, and each newer one that appears.

    With tensorflow_model_server on the PATH, that is started. Otherwise a server for development
    and small use answers the same requests; SIGTERM or Ctrl-C lets it finish what it has in hand.
    """
    with clean_errors("rest_port", "grpc_port"):
        newest_version(folder)
        options: dict[str, Any] = {
            "rest_port": rest_port,
            "grpc_port": grpc_port,
            "batching": batching,
            "xla": xla,
        }
        if docker:
            typer.echo(shlex.join(docker_command(folder, **options)))
            return
        program = None if embedded else shutil.which(_MODEL_SERVER)
        if program is not None:
            command = model_server_command(folder, program=program, **options)
            typer.echo(shlex.join(command), err=True)
            os.execv(program, command)
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        with quiet_start():
            from tfp_dgm.serving import EmbeddedServer, Limits

        server = EmbeddedServer(
            folder,
            host=host,
            rest_port=rest_port,
            grpc_port=grpc_port,
            batching=batching,
            limits=Limits(body_bytes=max_body * 2**20, rows=max_rows, seconds=timeout),
        )
        with status(f"Loading {folder}", quiet=quiet):
            server.start()
        path = f"v1/models/{quote(server.name, safe='')}"
        typer.echo(
            f"{server.name}: REST http://{host}:{server.rest_port}/{path}, "
            f"gRPC {host}:{server.grpc_port}"
        )
        while not stopped.wait(1):
            pass
        typer.echo("Stopping: answering what is in hand", err=True)
        server.stop()
