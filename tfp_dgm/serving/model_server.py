"""The commands that start TensorFlow's own model server."""

import os
from pathlib import Path

from tfp_dgm.data import DataError
from tfp_dgm.serving.folders import newest_version

_IMAGE = "tensorflow/serving"
_GRPC_PORT, _REST_PORT = 8500, 8501


def model_server_command(
    folder: str | os.PathLike[str],
    *,
    program: str = "tensorflow_model_server",
    rest_port: int = _REST_PORT,
    grpc_port: int = _GRPC_PORT,
    batching: bool = True,
    xla: bool = False,
) -> list[str]:
    """The command line for a model's folder.

    Args:
      folder: `<name>/` with the versions 1, 2, ...
      program: the server's.
      rest_port: of REST.
      grpc_port: of gRPC.
      batching: whether requests are batched, as the newest version's `batching_params.pbtxt` says.
      xla: whether the compiled twins (`..._xla`) can be asked; a server has XLA off by default.
    Raises:
      DataError: if there is no version, as in the folder of a version itself; if a port is 0, with
        which this server has no such interface.
    """
    path = Path(folder).resolve()
    for name, port in (("rest_port", rest_port), ("grpc_port", grpc_port)):
        if not port:
            raise DataError(
                f"{name}: expected 1 to 65535; received 0: TensorFlow's server takes no free "
                f"port, as `EmbeddedServer` does, but switches the interface off"
            )
    return [
        program,
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        f"--model_name={path.name}",
        f"--model_base_path={path}",
        *_options(path, path, batching, xla),
    ]


def docker_command(
    folder: str | os.PathLike[str],
    *,
    rest_port: int = _REST_PORT,
    grpc_port: int = _GRPC_PORT,
    batching: bool = True,
    xla: bool = False,
) -> list[str]:
    """The command line that does the same in Docker; arguments as for `model_server_command`.

    The ports are open to this machine alone; for 0 Docker takes a free one, see `docker ps`.
    """
    path = Path(folder).resolve()
    inside = Path("/models") / path.name
    return [
        *("docker", "run", "--rm"),
        *("-p", f"127.0.0.1:{grpc_port}:{_GRPC_PORT}"),
        *("-p", f"127.0.0.1:{rest_port}:{_REST_PORT}"),
        *("--mount", f"type=bind,source={path},target={inside},readonly"),
        *("-e", f"MODEL_NAME={path.name}"),
        _IMAGE,
        *_options(path, inside, batching, xla),
    ]


def _options(path: Path, seen_as: Path, batching: bool, xla: bool) -> list[str]:
    newest = newest_version(path)
    options = []
    if batching and (newest / "batching_params.pbtxt").exists():
        parameters = seen_as / newest.name / "batching_params.pbtxt"
        options += ["--enable_batching=true", f"--batching_parameters_file={parameters}"]
    if xla:
        options += ["--xla_cpu_compilation_enabled=true", "--xla_gpu_compilation_enabled=true"]
    return options
