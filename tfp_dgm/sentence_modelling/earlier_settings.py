"""Settings as version 0.1 wrote them: 41 names in one level, in which 0 stood for "none"."""

from collections.abc import Callable
from typing import Any

_DEFAULTS: dict[str, Any] = {
    "model": "vae",
    "vocabulary": "words",
    "vocabulary_size": 10_000,
    "lower": False,
    "tokenised": False,
    "max_length": 60,
    "encoder": "lstm",
    "decoder": "lstm",
    "embedding_units": 256,
    "units": 256,
    "latent_units": 32,
    "num_layers": 1,
    "word_dropout": 0.0,
    "dropout": 0.3,
    "skip_connections": False,
    "tie_embeddings": False,
    "bag_of_words_weight": 0.0,
    "posterior": "normal",
    "prior": "normal",
    "flow_base": "normal",
    "num_flows": 0,
    "gamma": 0.5,
    "concentration": 0.0,
    "kl_weight": 1.0,
    "kl_schedule": "linear",
    "kl_schedule_steps": 0,
    "free_bits": 0.0,
    "free_bits_group": 0,
    "minimum_rate": 0.0,
    "pretraining_epochs": 0,
    "aggressive": False,
    "semi_amortized_steps": 0,
    "semi_amortized_rate": 1.0,
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 0.001,
    "clipnorm": 5.0,
    "patience": 5,
    "precision": "float32",
    "seed": 0,
}
_AS_NOW = (
    *("model", "max_length", "latent_units", "epochs", "batch_size", "clipnorm", "patience"),
    *("precision", "seed"),
)


def from_version_0_1(values: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """What a file of version 0.1 held, as settings of now; others pass as they are.

    Args:
      values: of a file.
      say: told that the file was of that version.
    """
    told = values.keys() & _DEFAULTS.keys() - set(_AS_NOW)
    if not told or any(isinstance(value, dict) for value in values.values()):
        return values
    say("Note: the settings are those of version 0.1; settings.json of the new run has them as now")
    old = {**_DEFAULTS, **values}
    strangers = {name: value for name, value in values.items() if name not in _DEFAULTS}
    return {
        **strangers,
        **{name: old[name] for name in _AS_NOW},
        "vocabulary": _vocabulary(old),
        "encoder": _encoder(old),
        "decoder": _decoder(old),
        "posterior": _posterior(old),
        "prior": {"kind": old["prior"]},
        "kl": {"weight": old["kl_weight"], "schedule": _schedule(old), "rate": _rate(old)},
        "remedies": {
            "bag_of_words_weight": old["bag_of_words_weight"] or None,
            "pretraining_epochs": old["pretraining_epochs"] or None,
            "aggressive": old["aggressive"],
            "semi_amortized": _semi_amortized(old),
        },
        "learning_rate": {"kind": "constant", "value": old["learning_rate"]},
    }


def _vocabulary(old: dict[str, Any]) -> dict[str, Any]:
    words = {"tokenised": old["tokenised"]} if old["vocabulary"] == "words" else {}
    return {
        "kind": old["vocabulary"],
        "size": old["vocabulary_size"],
        "lower": old["lower"],
        **words,
    }


def _encoder(old: dict[str, Any]) -> dict[str, Any]:
    common = {name: old[name] for name in ("units", "embedding_units", "dropout")}
    if old["encoder"] == "bidirectional_lstm":
        return {"kind": "lstm", "bidirectional": True, **common}
    return {"kind": old["encoder"], **common}


def _decoder(old: dict[str, Any]) -> dict[str, Any]:
    names = ["units", "embedding_units", "dropout", "word_dropout"]
    names += ["tie_embeddings", "skip_connections"]
    if old["decoder"] != "convolutional":
        names.append("num_layers")
    return {"kind": old["decoder"], **{name: old[name] for name in names}}


def _posterior(old: dict[str, Any]) -> dict[str, Any]:
    of_kind: dict[str, dict[str, Any]] = {
        "batch_normalized": {"gamma": old["gamma"]},
        "power_spherical": {"concentration": old["concentration"] or None},
    }
    if old["posterior"] in ("planar", "iaf"):
        of_kind[old["posterior"]] = {"base": old["flow_base"]}
        if old["num_flows"]:
            of_kind[old["posterior"]]["num_layers"] = old["num_flows"]
    return {"kind": old["posterior"], **of_kind.get(old["posterior"], {})}


def _schedule(old: dict[str, Any]) -> dict[str, Any]:
    if old["kl_schedule"] == "constant":
        return {"kind": "constant"}
    return {"kind": old["kl_schedule"], "steps": old["kl_schedule_steps"] or None}


def _rate(old: dict[str, Any]) -> dict[str, Any] | None:
    if old["free_bits"]:
        group_size = old["free_bits_group"] or None
        return {"kind": "free_bits", "nats": old["free_bits"], "group_size": group_size}
    if old["minimum_rate"]:
        return {"kind": "minimum", "nats": old["minimum_rate"]}
    return None


def _semi_amortized(old: dict[str, Any]) -> dict[str, Any] | None:
    if not old["semi_amortized_steps"]:
        return None
    return {"num_steps": old["semi_amortized_steps"], "learning_rate": old["semi_amortized_rate"]}
