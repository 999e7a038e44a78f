"""Settings as version 0.1 wrote them: names in one level, in which 0 and "" stood for "none"."""

from __future__ import annotations

from typing import Any

_DEFAULTS: dict[str, Any] = {
    "objective": "hard-em",
    "separate": False,
    "expert_units": 64,
    "filters": 32,
    "blocks": 4,
    "application": "",
    "weights": "",
    "fine_tune": False,
    "vocabulary": "words",
    "vocabulary_size": 10_000,
    "min_count": 3,
    "lower": True,
    "clip_norm": 5.0,
    "temperature": 4.0,
    "anneal_epochs": 3,
    "balance": 0.5,
}
_BY_RESPONSIBILITIES = ("marginal", "em", "hard-em")


def from_version_0_1(values: dict[str, Any]) -> dict[str, Any]:
    """What a file of version 0.1 held, as settings of now; others pass as they are."""
    if isinstance(values.get("attention"), bool):
        values = {**values, "attention": "soft" if values["attention"] else None}
    told = values.keys() & _DEFAULTS.keys() - {"clip_norm"}
    if not told or any(isinstance(value, dict) for value in values.values()):
        return values
    old = {**_DEFAULTS, **values}
    kept = {name: value for name, value in values.items() if name not in _DEFAULTS}
    experts = {"kind": "shared", "embedding_units": old["expert_units"]}
    return {
        **kept,
        "objective": _objective(old),
        "experts": {"kind": "separate"} if old["separate"] else experts,
        "image_encoder": _image_encoder(old),
        "vocabulary": _vocabulary(old),
        "clip_norm": old["clip_norm"] or None,
    }


def _objective(old: dict[str, Any]) -> dict[str, Any]:
    if old["objective"] not in _BY_RESPONSIBILITIES:
        return {"kind": old["objective"]}
    names = ("temperature", "anneal_epochs", "balance")
    return {"kind": old["objective"], **{name: old[name] for name in names}}


def _image_encoder(old: dict[str, Any]) -> dict[str, Any]:
    if not old["application"]:
        return {"kind": "convolutional", "filters": old["filters"], "blocks": old["blocks"]}
    return {
        "kind": "application",
        "name": old["application"],
        "weights": old["weights"] or None,
        "fine_tune": old["fine_tune"],
    }


def _vocabulary(old: dict[str, Any]) -> dict[str, Any]:
    words = {"min_count": old["min_count"]} if old["vocabulary"] == "words" else {}
    return {
        "kind": old["vocabulary"],
        "size": old["vocabulary_size"],
        "lower": old["lower"],
        **words,
    }
