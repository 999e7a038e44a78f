"""Public names of a package whose modules are imported when one of theirs is first asked for."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """A package's `__getattr__`, so that what needs no TensorFlow does not wait for it.

    Args:
      package: its `__name__`.
      names: module -> the names that it gives the package; one dot before it is a module beside the
        package. No module may have the name of one: once imported, it would hide it.
    Returns:
      A function from a name to what it stands for.
    Raises:
      AttributeError: by that function, where there is no such name.
    """
    modules = {name: module for module, given in names.items() for name in given}

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{modules[name]}", package), name)

    return get
