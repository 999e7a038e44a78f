"""SavedModels out, checked and served."""

from typing import TYPE_CHECKING, Any

from tfp_dgm.models import Signature
from tfp_dgm.serving.checks.check import Verdict, check, failed
from tfp_dgm.serving.checks.saved_model_runner import build_runner, run_in_cpp
from tfp_dgm.serving.client import Client
from tfp_dgm.serving.embedded.limits import Limits
from tfp_dgm.serving.export import BATCH_SIZES, export
from tfp_dgm.serving.model_server import docker_command, model_server_command
from tfp_dgm.serving.request_error import RequestError
from tfp_dgm.serving.signatures.captioner_signatures import captioner_signatures

if TYPE_CHECKING:
    from tfp_dgm.serving.embedded.embedded_server import EmbeddedServer

__all__ = [
    "BATCH_SIZES",
    "Client",
    "EmbeddedServer",
    "Limits",
    "RequestError",
    "Signature",
    "Verdict",
    "build_runner",
    "captioner_signatures",
    "check",
    "docker_command",
    "export",
    "failed",
    "model_server_command",
    "run_in_cpp",
]


def __getattr__(name: str) -> Any:
    # Alone of all this, the embedded server needs an ASGI server and what belongs to one.
    if name != "EmbeddedServer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tfp_dgm.serving.embedded.embedded_server import EmbeddedServer
    except ImportError as error:
        raise ImportError(
            f"the embedded server needs {error.name}; `pip install tfp-dgm[serving]` brings it"
        ) from error
    return EmbeddedServer
