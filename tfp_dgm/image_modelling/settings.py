"""What a model of images is made of and how it is trained."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from annotated_types import Gt
from pydantic import Field

from tfp_dgm.image_modelling import objective_settings as by_draws
from tfp_dgm.image_modelling import relaxation_settings as relaxed
from tfp_dgm.image_modelling import score_function_settings as by_scores
from tfp_dgm.image_modelling.latent_settings import Count, Latents, NormalLatents
from tfp_dgm.settings import Seed, settings_class, variants

MOST_VALUES = 2**16  # That EnumeratedELBO visits.

Objective = (
    by_draws.ELBO
    | by_draws.StickingTheLanding
    | by_draws.IWAE
    | by_draws.DReG
    | by_draws.MIWAE
    | by_draws.PIWAE
    | by_draws.CIWAE
    | by_draws.Renyi
    | by_scores.Reinforce
    | by_scores.NVIL
    | by_scores.SelfCritical
    | by_scores.RLOO
    | by_scores.VIMCO
    | by_scores.DisARM
    | by_scores.ARM
    | by_scores.MuProp
    | relaxed.REBAR
    | relaxed.RELAX
    | relaxed.GumbelSoftmax
    | relaxed.StraightThroughGumbel
    | relaxed.StraightThrough
    | relaxed.Enumerated
    | by_draws.WakeSleep
    | by_draws.ReweightedWakeSleep
)
OBJECTIVES: dict[str, Any] = variants(Objective)


@settings_class
class DynamicBinarisation:
    """Pixels are drawn anew in each batch."""

    kind: Literal["dynamic"] = "dynamic"


@settings_class
class FixedBinarisation:
    """Pixels are drawn once.

    Attributes:
      seed: of the draw, whatever the training's own.
    """

    kind: Literal["fixed"] = "fixed"
    seed: Seed = 0


@settings_class
class NoBinarisation:
    """Pixels keep their grey values."""

    kind: Literal["none"] = "none"


@settings_class
class LearningRate:
    """Adam's: it rises along a line, and falls to a hundredth along half a cosine.

    Attributes:
      value: the highest.
      warm_up_steps: of the rise, at most half of all; null for none.
    """

    value: Annotated[float, Gt(0)] = 1e-3
    warm_up_steps: Count | None = None


@settings_class
class ImageModelSettings:
    """Everything that decides a training besides its images.

    Attributes:
      latents: the latent variables, and so the model.
      objective: what is optimised.
      binarisation: what becomes of grey pixels.
      epochs: passes over the images.
      batch_size: images of a step.
      learning_rate: of Adam.
      seed: of everything else.
    Raises:
      ValueError: if a setting is out of its range, or settings do not go together.
    """

    latents: Annotated[Latents, Field(discriminator="kind")] = NormalLatents()
    objective: Annotated[Objective, Field(discriminator="kind")] = by_draws.DReG()
    binarisation: Annotated[
        DynamicBinarisation | FixedBinarisation | NoBinarisation, Field(discriminator="kind")
    ] = DynamicBinarisation()
    epochs: Count = 50
    batch_size: Count = 50
    learning_rate: LearningRate = LearningRate()
    seed: Seed = 0

    def __post_init__(self) -> None:
        latents = self.latents
        if latents.kind not in self.objective.latents:
            raise ValueError(
                f"objective.kind must be one of {', '.join(objectives_for(latents.kind))} for "
                f"{latents.kind} latents; received {self.objective.kind}, which fits "
                f"{' and '.join(self.objective.latents)} ones"
            )
        hidden_units = getattr(latents, "hidden_units", latents.units)
        if len(hidden_units) != len(latents.units):
            raise ValueError(
                f"latents.hidden_units must be as many as latents.units, {len(latents.units)}; "
                f"received {len(hidden_units)}"
            )
        if self.objective.kind == "enumerated" and self.num_latent_values > MOST_VALUES:
            raise ValueError(
                f"objective.kind=enumerated needs latents of at most {MOST_VALUES:,} values "
                f"together; received latents.units={list(latents.units)} of "
                f"{getattr(latents, 'values', 2)} values each"
            )

    @property
    def num_latent_values(self) -> float:
        """How many values discrete latents have together; without end for normal ones."""
        if isinstance(self.latents, NormalLatents):
            return math.inf
        return getattr(self.latents, "values", 2) ** sum(self.latents.units)


def objectives_for(latents: str) -> list[str]:
    """The kinds of objectives that fit latents of a kind."""
    return [kind for kind, objective in OBJECTIVES.items() if latents in objective.latents]
