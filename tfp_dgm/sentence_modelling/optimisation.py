"""How settings would have a model learn: the objective, its weight's course, the optimizer."""

from typing import Any

import keras

from tfp_dgm import objectives, training
from tfp_dgm.sentence_modelling.divergence_settings import FreeBits, MinimumRate
from tfp_dgm.sentence_modelling.objective_settings import (
    AdversarialAutoencoder,
    WassersteinCritic,
    WassersteinMMD,
)
from tfp_dgm.sentence_modelling.settings import CosineRate, TextModelSettings


def build_objective(settings: TextModelSettings) -> objectives.Objective:
    """The bound, with the settings' remedies against collapse, or what they take in its place."""
    match settings.objective:
        case WassersteinMMD(weight=weight, kernel_scale=scale):
            return objectives.WassersteinMMD(weight=weight, kernel_scale=scale)
        case AdversarialAutoencoder(weight=weight, critic=critic):
            kind = (
                objectives.WassersteinCritic
                if isinstance(critic, WassersteinCritic)
                else objectives.LogisticCritic
            )
            return objectives.AdversarialAutoencoder(
                weight=weight, critic_loss=kind(gradient_penalty=critic.gradient_penalty)
            )
    rate: objectives.Rate | None = None
    match settings.kl.rate:
        case FreeBits(nats=nats, group_size=group_size):
            rate = objectives.FreeBits(nats, group_size=group_size)
        case MinimumRate(nats=nats):
            rate = objectives.MinimumDesiredRate(nats)
    bound = objectives.ELBO(kl_weight=settings.kl.weight, rate=rate)
    steps = settings.remedies.semi_amortized
    if steps is None:
        return bound
    return objectives.SemiAmortized(
        bound, num_steps=steps.num_steps, learning_rate=steps.learning_rate
    )


def build_schedule(settings: TextModelSettings, steps: int) -> training.Schedule | None:
    """The course of the KL weight after the pretraining, `steps` being those of an epoch."""
    epochs = settings.epochs - settings.pretraining_epochs  # Steps count anew after it.
    weight, schedule = settings.kl.weight, settings.kl.schedule
    if schedule.kind == "constant" or settings.objective.kind != "elbo":
        return None
    if schedule.kind == "cyclical":
        return training.Cyclical(schedule.steps or max(1, steps * epochs // 5), stop=weight)
    rise = schedule.steps or max(1, round((schedule.epochs or min(10, epochs)) * steps))
    if schedule.kind == "linear":
        return training.Linear(rise, stop=weight)
    return training.Sigmoid(rise / 2, rise / 12, stop=weight)


def build_optimizer(settings: TextModelSettings, steps: int) -> keras.optimizers.Optimizer:
    """Adam by the settings, `steps` being those of an epoch."""
    chosen = settings.learning_rate
    rate: float | keras.optimizers.schedules.LearningRateSchedule = chosen.value
    if isinstance(chosen, CosineRate):
        epochs = settings.epochs - settings.pretraining_epochs  # Steps count anew after it.
        rate = keras.optimizers.schedules.CosineDecay(
            chosen.value, steps * epochs, alpha=chosen.final_share
        )
    return training.FusedAdam(rate, clipnorm=settings.clipnorm)


def critic_optimizer(settings: TextModelSettings) -> dict[str, Any]:
    """The argument of `compile` for a model with a critic; none for others."""
    if settings.model != "vae" or not isinstance(settings.objective, AdversarialAutoencoder):
        return {}
    # The latents move away from under the critic: old slopes are soon wrong.
    rate = settings.objective.critic.learning_rate
    return {"critic_optimizer": keras.optimizers.Adam(rate, beta_1=0.5)}
