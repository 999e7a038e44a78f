"""Packages whose names are imported when they are asked for give every name that they promise."""

import importlib
import pkgutil

import pytest

from tfp_dgm.lazy_names import lazy_names

PACKAGES = [
    "captioning",
    "evaluation",
    "image_modelling",
    "reviewing",
    "sentence_modelling",
    "serving",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package):
    module = importlib.import_module(f"tfp_dgm.{package}")
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert missing == []
    submodules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    assert submodules & set(module.__all__) == set()  # One would hide the other.


def test_a_name_is_looked_up_in_its_module_alone():
    get = lazy_names("json", {"decoder": ("JSONDecoder",)})
    assert get("JSONDecoder") is importlib.import_module("json.decoder").JSONDecoder
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'JSONEncoder'"):
        get("JSONEncoder")
