"""What `dgm iwae train` can optimise, and for which latent variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tfp_dgm.objectives import Objective

    from ._image_settings import Settings

Latents = Literal["normal", "bernoulli", "categorical"]
ObjectiveName = Literal[
    "elbo",
    "stl",
    "iwae",
    "dreg",
    "miwae",
    "piwae",
    "ciwae",
    "renyi",
    "reinforce",
    "nvil",
    "self-critical",
    "rloo",
    "vimco",
    "disarm",
    "arm",
    "muprop",
    "rebar",
    "relax",
    "gumbel-softmax",
    "straight-through-gumbel",
    "straight-through",
    "enumerated",
    "wake-sleep",
    "reweighted-wake-sleep",
]

_NORMAL: tuple[Latents, ...] = ("normal",)
_BINARY: tuple[Latents, ...] = ("bernoulli",)
_DISCRETE: tuple[Latents, ...] = ("bernoulli", "categorical")
_ANY: tuple[Latents, ...] = ("normal", "bernoulli", "categorical")


@dataclass(frozen=True)
class Choice:
    """An objective.

    Attributes:
      make: the module `tfp_dgm.objectives` and the settings -> the objective.
      latents: for which it is fit.
      fewest_samples: draws of an image that it needs; 0: it draws none.
      options: what it can be told besides, and the default of each.
    """

    make: Callable[[Any, Settings], Objective]
    latents: tuple[Latents, ...]
    fewest_samples: int = 1
    options: Mapping[str, float] = field(default_factory=dict)


def _weighted(gradient: str) -> Callable[[Any, Settings], Objective]:
    return lambda o, s: o.ImportanceWeighted(num_samples=s.samples, gradient=getattr(o, gradient)())


def _score(*parts: str) -> Callable[[Any, Settings], Objective]:
    return lambda o, s: o.ScoreFunctionELBO(
        num_samples=s.samples, control_variates=[getattr(o, part)() for part in parts]
    )


def _relaxed(name: str, **arguments: bool) -> Callable[[Any, Settings], Objective]:
    return lambda o, s: getattr(o, name)(
        num_samples=s.samples, temperature=s.temperature, **arguments
    )


# Temperatures fall as those of Jang et al. (2017); REBAR's and RELAX's stay.
_FALLING = {"temperature": 1.0, "final_temperature": 0.5}
_STEADY = {"temperature": 0.5, "final_temperature": 0.5}

CHOICES: dict[ObjectiveName, Choice] = {
    "elbo": Choice(lambda o, s: o.ELBO(num_samples=s.samples), _NORMAL),
    "stl": Choice(
        lambda o, s: o.ELBO(num_samples=s.samples, gradient=o.StickingTheLanding()), _NORMAL
    ),
    "iwae": Choice(_weighted("Pathwise"), _NORMAL),
    "dreg": Choice(_weighted("DoublyReparameterized"), _NORMAL),
    "miwae": Choice(
        lambda o, s: o.MultiplyImportanceWeighted(num_bounds=s.bounds, num_samples=s.samples),
        _NORMAL,
        options={"bounds": 2},
    ),
    "piwae": Choice(
        lambda o, s: o.PartiallyImportanceWeighted(num_bounds=s.bounds, num_samples=s.samples),
        _NORMAL,
        options={"bounds": 2},
    ),
    "ciwae": Choice(
        lambda o, s: o.CombinationImportanceWeighted(num_samples=s.samples, beta=s.beta),
        _NORMAL,
        options={"beta": 0.5},
    ),
    "renyi": Choice(
        lambda o, s: o.Renyi(num_samples=s.samples, alpha=s.alpha), _NORMAL, options={"alpha": 0.5}
    ),
    "reinforce": Choice(_score("RunningAverage"), _ANY),
    "nvil": Choice(_score("RunningAverage", "LearnedBaseline"), _ANY),
    "self-critical": Choice(_score("SelfCritical"), _ANY),
    "rloo": Choice(_score("LeaveOneOut"), _ANY, fewest_samples=2),
    "vimco": Choice(
        lambda o, s: o.ScoreFunctionImportanceWeighted(num_samples=s.samples),
        _ANY,
        fewest_samples=2,
    ),
    "disarm": Choice(lambda o, s: o.DisARM(num_samples=s.samples), _BINARY),
    "arm": Choice(lambda o, s: o.ARM(num_samples=s.samples), _BINARY),
    "muprop": Choice(lambda o, s: o.MuProp(num_samples=s.samples), _DISCRETE),
    "rebar": Choice(_relaxed("REBAR"), _DISCRETE, options=_STEADY),
    "relax": Choice(_relaxed("RELAX"), _DISCRETE, options=_STEADY),
    "gumbel-softmax": Choice(_relaxed("GumbelSoftmaxELBO"), _DISCRETE, options=_FALLING),
    "straight-through-gumbel": Choice(
        _relaxed("GumbelSoftmaxELBO", straight_through=True), _DISCRETE, options=_FALLING
    ),
    "straight-through": Choice(
        lambda o, s: o.StraightThroughELBO(num_samples=s.samples), _DISCRETE
    ),
    "enumerated": Choice(lambda o, s: o.EnumeratedELBO(), _DISCRETE, fewest_samples=0),
    "wake-sleep": Choice(lambda o, s: o.WakeSleep(num_samples=s.samples), _ANY),
    "reweighted-wake-sleep": Choice(
        lambda o, s: o.ReweightedWakeSleep(num_samples=s.samples, sleep=0.5), _ANY
    ),
}


def choices_for(latents: Latents) -> list[ObjectiveName]:
    """Names of the objectives that fit the latents."""
    return [name for name, choice in CHOICES.items() if latents in choice.latents]


def build_objective(settings: Settings) -> Objective:
    """The objective of the settings."""
    from tfp_dgm import objectives

    return CHOICES[settings.objective].make(objectives, settings)
