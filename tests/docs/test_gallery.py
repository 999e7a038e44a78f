"""What the gallery names is in the package."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
NAMES = re.findall(
    r"`((?:models|layers|distributions|objectives|training|inference|evaluation)\.\w+)`", PAGE
)


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_a_name_is_public(name):
    package, own = name.split(".")
    assert own in importlib.import_module(f"tfp_dgm.{package}").__all__


def test_it_has_every_model_and_objective():
    from tfp_dgm import models, objectives

    named = {name.split(".")[1] for name in NAMES}
    # Bases, parts, and what is said of all of them.
    parts = {"LatentVariableModel", "Signature", "LanguageModel", "EncodedSource"}
    classes = {name for name in models.__all__ if name[0].isupper()} - parts
    assert classes - named == {"StructuredLanguageModel"}
    assert {"ELBO", "ImportanceWeighted", "WakeSleep"} <= named & set(objectives.__all__)
