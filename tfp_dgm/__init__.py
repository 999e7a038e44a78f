"""Deep generative models of text for TensorFlow, Keras 3 and TensorFlow Probability.

The folders stand in the order in which data flows through them; see ARCHITECTURE.md. Nothing heavy
is imported until a name is used, so that `dgm --help` answers at once.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

__all__ = [
    "captioning",
    "confidence",
    "data",
    "distributions",
    "evaluation",
    "image_modelling",
    "induction",
    "inference",
    "labelling",
    "layers",
    "models",
    "networks",
    "objectives",
    "pages",
    "sentence_modelling",
    "serving",
    "settings",
    "text",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"tfp_dgm.{name}")
    raise AttributeError(f"module 'tfp_dgm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
