"""Settings of `dgm iwae train`: what was asked for, and what follows from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tfp_dgm.data import DataError

from ._image_objectives import CHOICES, Latents, ObjectiveName, choices_for

Binarisation = Literal["dynamic", "fixed", "none"]

# Burda et al. (2016): one layer, or two; Mnih and Rezende (2016); Jang et al. (2017).
_UNITS: dict[tuple[Latents, int], tuple[int, ...]] = {
    ("normal", 1): (50,),
    ("normal", 2): (100, 50),
    ("bernoulli", 1): (200,),
    ("bernoulli", 2): (200, 200),
    ("categorical", 1): (20,),
    ("categorical", 2): (20, 10),
}
_HIDDEN_UNITS = {1: (200,), 2: (200, 100)}
_VALUES = 10
_SAMPLES = 5
_MOST_VALUES = 2**16  # That EnumeratedELBO visits.
# What only some objectives have, and which numbers will do.
_OPTIONS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "bounds": ("above 0", lambda value: value >= 1),
    "alpha": ("in [0, 1)", lambda value: 0 <= value < 1),
    "beta": ("in [0, 1]", lambda value: 0 <= value <= 1),
    "temperature": ("above 0", lambda value: value > 0),
    "final_temperature": ("above 0", lambda value: value > 0),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What determines a training, beside the images themselves.

    None stands for the default before `complete`, and after it for what the model or the objective
    does not have. `units`, `hidden_units`: one number a stochastic layer, from the images upwards.
    """

    data: str
    latents: Latents
    layers: int
    units: Sequence[int] | None
    hidden_units: Sequence[int] | None
    values: int | None
    objective: ObjectiveName
    samples: int | None
    bounds: int | None
    alpha: float | None
    beta: float | None
    temperature: float | None
    final_temperature: float | None
    epochs: int
    batch_size: int
    learning_rate: float
    binarisation: Binarisation
    seed: int


def complete(asked: Settings) -> Settings:
    """The settings with every default in its place.

    Raises:
      DataError: where they do not fit each other; names the flag and what would fit.
    """
    fit = CHOICES[asked.objective].latents
    if asked.latents not in fit:
        raise DataError(
            f"--objective: expected one of {', '.join(choices_for(asked.latents))} for "
            f"{asked.latents} latents, got {asked.objective}, which fits {' and '.join(fit)} ones"
        )
    sized = dataclasses.replace(asked, **_sizes(asked))
    if asked.objective == "enumerated":
        _check_enumerable(sized)
    return dataclasses.replace(sized, samples=_samples(sized), **_options(sized))


def _sizes(asked: Settings) -> dict[str, Any]:
    hidden: Sequence[int] | None = asked.hidden_units or _HIDDEN_UNITS[asked.layers]
    if asked.latents == "bernoulli":
        if asked.hidden_units:
            raise DataError(
                "--hidden-units: expected none for bernoulli latents, whose layers are connected "
                f"linearly; got {_listed(asked.hidden_units)}"
            )
        hidden = None
    if asked.latents != "categorical" and asked.values is not None:
        raise DataError(
            f"--values: expected none for {asked.latents} latents (categorical ones have it), got "
            f"{asked.values}"
        )
    sizes = {"units": asked.units or _UNITS[asked.latents, asked.layers], "hidden_units": hidden}
    for name, numbers in sizes.items():
        if numbers is not None and (len(numbers) != asked.layers or min(numbers) < 1):
            raise DataError(
                f"--{name.replace('_', '-')}: expected a number above 0 for each of the "
                f"{asked.layers} layers, got {_listed(numbers)}"
            )
    values = (asked.values or _VALUES) if asked.latents == "categorical" else None
    return {**sizes, "values": values}


def _samples(settings: Settings) -> int | None:
    name = settings.objective
    fewest = CHOICES[name].fewest_samples
    if fewest == 0:
        if settings.samples is not None:
            raise DataError(
                f"--samples: expected none for {name}, which draws nothing; got {settings.samples}"
            )
        return None
    samples = _SAMPLES if settings.samples is None else settings.samples
    if samples < fewest:
        raise DataError(f"--samples: expected at least {fewest} for {name}, got {samples}")
    return samples


def _options(settings: Settings) -> dict[str, Any]:
    """What the objective alone has."""
    defaults = CHOICES[settings.objective].options
    found: dict[str, Any] = {}
    for name, (expected, fits) in _OPTIONS.items():
        value, flag = getattr(settings, name), f"--{name.replace('_', '-')}"
        if name not in defaults and value is not None:
            able = [other for other, choice in CHOICES.items() if name in choice.options]
            raise DataError(
                f"{flag}: expected none for {settings.objective} ({', '.join(able)} have it), got "
                f"{value}"
            )
        found[name] = defaults.get(name) if value is None else value
        if found[name] is not None and not fits(found[name]):
            raise DataError(f"{flag}: expected a number {expected}, got {found[name]}")
    if settings.final_temperature is None and "final_temperature" in defaults:
        # A temperature that was chosen lower than the last one stays.
        found["final_temperature"] = min(found["temperature"], found["final_temperature"])
    return found


def num_values(settings: Settings) -> int:
    """How many values discrete latents have together."""
    assert settings.units is not None
    return (settings.values or 2) ** sum(settings.units)


def _check_enumerable(settings: Settings) -> None:
    if num_values(settings) > _MOST_VALUES:
        raise DataError(
            f"--objective: enumerated expects latents of at most {_MOST_VALUES:,} values together, "
            f"got {sum(settings.units or ())} of {settings.values or 2} values each; give smaller "
            "--units"
        )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
