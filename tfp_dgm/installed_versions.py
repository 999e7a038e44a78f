"""The versions of what is installed, for the records of a run."""

import importlib.metadata
import platform

_PACKAGES = (
    "tfp-dgm",
    "tensorflow",
    "keras",
    "tensorflow-probability",
    "tensorflow-text",
    "scikit-learn",
    "numpy",
)


def installed_versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide what a run gives.

    A package that is not installed is left out.
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
