"""Settings as version 0.1 wrote them: one level of names, most of them null."""

from __future__ import annotations

from typing import Any

_NAMES = {"num_samples": "samples", "num_bounds": "bounds"}  # As they were called.
_OF_OBJECTIVES = (
    *("num_samples", "num_bounds", "alpha", "beta", "temperature", "final_temperature"),
)
_OF_LATENTS = ("units", "hidden_units", "values")
_OF_THE_RUN = ("program", "data", "layers")  # And what follows from the rest.


def from_version_0_1(values: dict[str, Any]) -> dict[str, Any]:
    """What a file of version 0.1 held, as settings of now; others pass as they are."""
    if "program" not in values or "latents" not in values:
        return values
    found = {name: value for name, value in values.items() if name not in _OF_THE_RUN}
    latents = {"kind": found.pop("latents"), **_present(found, _OF_LATENTS)}
    if latents["kind"] != "bernoulli":
        latents["centred"] = False
    objective = {"kind": found.pop("objective"), **_present(found, _OF_OBJECTIVES)}
    binarisation = {"kind": found.pop("binarisation")}
    if binarisation["kind"] == "fixed":
        binarisation["seed"] = values["seed"]
    return {
        **found,
        "latents": latents,
        "objective": objective,
        "binarisation": binarisation,
        "learning_rate": {"value": values["learning_rate"]},
    }


def _present(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Takes those out that are not null, by their names of now."""
    taken = {name: values.pop(_NAMES.get(name, name), None) for name in names}
    return {name: value for name, value in taken.items() if value is not None}
