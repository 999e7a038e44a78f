"""Settings of the experts, and of how they are told apart in training."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.settings import settings_class


@settings_class
class _ByResponsibilities:
    """What objectives have whose experts answer for captions by what they make of them.

    Attributes:
      temperature: of the responsibilities at first; it falls to 1.
      anneal_epochs: until it is 1.
      balance: of the experts' usage.
    """

    temperature: Annotated[float, Gt(0)] = 4.0
    anneal_epochs: Annotated[int, Ge(0)] = 3
    balance: Annotated[float, Ge(0)] = 0.5


@settings_class
class Marginal(_ByResponsibilities):
    """The exact marginal likelihood."""

    kind: Literal["marginal"] = "marginal"


@settings_class
class EM(_ByResponsibilities):
    """Expectation maximisation."""

    kind: Literal["em"] = "em"


@settings_class
class StochasticEM(_ByResponsibilities):
    """Expectation maximisation in which each caption is an expert's that its responsibilities draw.

    At temperature 1 and without balance its gradient is on average that of EM, at the price of hard
    EM.
    """

    kind: Literal["stochastic-em"] = "stochastic-em"


@settings_class
class HardEM(_ByResponsibilities):
    """Expectation maximisation in which each caption is one expert's."""

    kind: Literal["hard-em"] = "hard-em"


@settings_class
class ScoreFunction:
    """A network guesses the expert, and learns by the score function."""

    kind: Literal["score-function"] = "score-function"


@settings_class
class Gumbel:
    """A network guesses a mixture of experts, relaxed by Gumbel noise."""

    kind: Literal["gumbel"] = "gumbel"


@settings_class
class SharedExperts:
    """One decoder for all.

    Attributes:
      embedding_units: of each expert's embedding.
    """

    kind: Literal["shared"] = "shared"
    embedding_units: Annotated[int, Ge(1)] = 64


@settings_class
class SeparateExperts:
    """A decoder for each."""

    kind: Literal["separate"] = "separate"


Objective = Annotated[
    Marginal | EM | StochasticEM | HardEM | ScoreFunction | Gumbel, Field(discriminator="kind")
]
Experts = Annotated[SharedExperts | SeparateExperts, Field(discriminator="kind")]
