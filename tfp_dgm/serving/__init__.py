"""SavedModels out, checked and served.

Nothing is imported until a name is used: a folder is checked before TensorFlow is there.
"""

from typing import TYPE_CHECKING, Any

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.models import Signature
    from tfp_dgm.serving.checks.check import Verdict, check, failed
    from tfp_dgm.serving.checks.saved_model_runner import build_runner, run_in_cpp
    from tfp_dgm.serving.client import Client
    from tfp_dgm.serving.embedded.embedded_server import EmbeddedServer
    from tfp_dgm.serving.embedded.limits import Limits
    from tfp_dgm.serving.exporting import BATCH_SIZES, export
    from tfp_dgm.serving.folders import newest_version, next_version, version_folder
    from tfp_dgm.serving.model_server import docker_command, model_server_command
    from tfp_dgm.serving.request_error import RequestError
    from tfp_dgm.serving.signatures.captioner_signatures import captioner_signatures

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
    "newest_version",
    "next_version",
    "run_in_cpp",
    "version_folder",
]

_lazy = lazy_names(
    __name__,
    {
        ".models": ("Signature",),
        "checks.check": ("Verdict", "check", "failed"),
        "checks.saved_model_runner": ("build_runner", "run_in_cpp"),
        "client": ("Client",),
        "embedded.limits": ("Limits",),
        "exporting": ("BATCH_SIZES", "export"),
        "folders": ("newest_version", "next_version", "version_folder"),
        "model_server": ("docker_command", "model_server_command"),
        "request_error": ("RequestError",),
        "signatures.captioner_signatures": ("captioner_signatures",),
        "embedded.embedded_server": ("EmbeddedServer",),
    },
)


def __getattr__(name: str) -> Any:
    try:
        return _lazy(name)
    except ImportError as error:
        # Alone of all this, the embedded server needs an ASGI server and what belongs to one.
        if name != "EmbeddedServer":
            raise
        raise ImportError(
            f"the embedded server needs {error.name}; `pip install tfp-dgm[serving]` brings it"
        ) from error
