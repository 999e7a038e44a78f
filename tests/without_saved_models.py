"""Jobs without the SavedModels of their folders, for tests that look at neither."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# Modules, since names in their packages may be those of functions.
_EXPORTERS = (
    "tfp_dgm.labelling.model_folder",
    "tfp_dgm.tagging.tagger_folder",
    "tfp_dgm.topic_modelling.topic_folder",
)


@contextmanager
def without_saved_models() -> Iterator[None]:
    """`dgm label`, `dgm tag` and `dgm topics` export nothing herein; all else they write."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _EXPORTERS:
            patch.setattr(importlib.import_module(name), "export", lambda *_, **__: None)
        yield
