"""From settings to models, objectives, schedules and optimizers: every choice is what it says."""

import math
import typing

import pytest

from tests.sentence_modelling.untrained_models import settings_of
from tfp_dgm import layers, models, networks, objectives
from tfp_dgm.sentence_modelling import (
    TextModelSettings,
    build_model,
    build_objective,
    build_optimizer,
    build_schedule,
    compiled_model,
)
from tfp_dgm.settings import variants
from tfp_dgm.text import WordVocabulary

SPHERE = {"posterior.kind": "power_spherical", "prior.kind": "spherical_uniform"}
TYPES = typing.get_type_hints(TextModelSettings, include_extras=True)
WITHOUT_DENSITY = ("point_mass", "implicit")
CHOICES = [
    SPHERE
    if kind in SPHERE.values()
    else {f"{name}.kind": kind, **({"objective.kind": "aae"} if kind in WITHOUT_DENSITY else {})}
    for name in ("encoder", "decoder", "posterior", "prior")
    for kind in variants(TYPES[name])
]


def built(chosen):
    model = build_model(settings_of(chosen), WordVocabulary(["a", "b"]))
    model.build((None, None))
    return model


@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_every_kind_builds(chosen):
    assert built({"latent_units": 4, **chosen}).weights


def test_choices_reach_the_layers():
    assert built(SPHERE).posterior_layer.concentration is None
    fixed = built(SPHERE | {"posterior.concentration": 9.0})
    assert fixed.posterior_layer.concentration == 9.0
    assert isinstance(
        built({"posterior.kind": "iaf"}).posterior_layer, layers.InverseAutoregressiveFlow
    )
    planar = built(
        {"posterior.kind": "planar", "posterior.base": "full_normal", "posterior.num_layers": 3}
    ).posterior_layer
    assert isinstance(planar.base, layers.MultivariateNormalTriL)
    assert planar.num_flows == 3
    householder = built({"posterior.kind": "householder", "posterior.num_layers": 3})
    assert isinstance(householder.posterior_layer, layers.HouseholderFlow)
    assert householder.posterior_layer.num_flows == 3
    spline = built({"posterior.kind": "spline", "prior.kind": "continuous", "prior.num_layers": 2})
    assert isinstance(spline.posterior_layer, layers.SplineCouplingFlow)
    assert isinstance(spline.prior_layer, layers.ContinuousFlowPrior)
    assert spline.prior_layer.num_flows == 2
    continuous = built(
        {"posterior.kind": "continuous", "posterior.base": "full_normal", "prior.kind": "spline"}
    )
    assert isinstance(continuous.posterior_layer, layers.ContinuousFlow)
    assert isinstance(continuous.posterior_layer.base, layers.MultivariateNormalTriL)
    assert isinstance(continuous.prior_layer, layers.SplineCouplingFlowPrior)
    normalised = built({"posterior.kind": "batch_normalized", "posterior.gamma": 0.7})
    assert normalised.posterior_layer.gamma == 0.7
    assert built({"prior.kind": "vamp", "prior.num_components": 7}).prior_layer.num_components == 7
    both = built({"encoder.kind": "gru", "encoder.bidirectional": True}).encoder
    assert (type(both), both.output_units) == (networks.GRUEncoder, 16)
    assert isinstance(built({"model": "language_model"}), models.LanguageModel)


def test_the_decoder_drops_by_its_own_seed_or_by_that_of_all():
    assert built({"seed": 5}).decoder.seed == 5
    assert built({"seed": 5, "decoder.seed": 1}).decoder.seed == 1


def test_the_rate_has_one_replacement():
    free = build_objective(
        settings_of({"kl.rate.kind": "free_bits", "kl.rate.nats": 0.2, "kl.rate.group_size": 1})
    ).rate
    assert isinstance(free, objectives.FreeBits)
    assert (free.nats, free.group_size) == (0.2, 1)
    minimum = build_objective(settings_of({"kl.rate.kind": "minimum", "kl.rate.nats": 5})).rate
    assert isinstance(minimum, objectives.MinimumDesiredRate)
    assert build_objective(settings_of()).rate is None


def test_semi_amortised_steps_are_those_of_the_settings():
    chosen = {"remedies.semi_amortized.num_steps": 2, "kl.weight": 0.3}
    objective = build_objective(
        settings_of(chosen | {"remedies.semi_amortized.learning_rate": 0.2})
    )
    assert isinstance(objective, objectives.SemiAmortized)
    assert (objective.num_steps, objective.learning_rate) == (2, 0.2)
    assert float(objective.kl_weight) == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["linear", "sigmoid", "cyclical"])
def test_a_schedule_ends_at_the_weight_of_the_settings(kind):
    chosen = {"kl.schedule.kind": kind, "kl.weight": 0.3, "kl.schedule.steps": 6}
    schedule = build_schedule(settings_of(chosen), steps=10)
    weights = [schedule(step) for step in range(200)]
    assert max(weights) == pytest.approx(0.3)
    assert weights[-1] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["linear", "sigmoid"])
def test_a_schedule_ends_within_the_epochs_after_the_pretraining(kind):
    chosen = {"kl.schedule.kind": kind, "epochs": 5, "remedies.pretraining_epochs": 2}
    schedule = build_schedule(settings_of(chosen), steps=10)
    assert schedule(30) == pytest.approx(1.0, abs=0.01)
    assert schedule(15) == pytest.approx(0.5)


def test_a_rise_may_be_told_in_epochs():
    schedule = build_schedule(settings_of({"kl.schedule.epochs": 1.5}), steps=10)
    assert [schedule(0), schedule(5), schedule(15)] == pytest.approx([0, 1 / 3, 1])


def test_cycles_fill_the_epochs_after_the_pretraining():
    chosen = {"kl.schedule.kind": "cyclical", "epochs": 7, "remedies.pretraining_epochs": 2}
    schedule = build_schedule(settings_of(chosen), steps=10)
    assert [step for step in range(1, 50) if schedule(step) == 0.0] == [10, 20, 30]
    assert schedule(40) == 1.0  # Four cycles, and a fifth of the steps at the end.


def test_learning_rates_are_constant_or_fall_along_half_a_cosine():
    chosen = {"learning_rate.value": 0.2, "epochs": 5, "remedies.pretraining_epochs": 2}
    constant = build_optimizer(settings_of(chosen), steps=10)
    assert float(constant.learning_rate) == pytest.approx(0.2)
    chosen |= {"learning_rate.kind": "cosine", "learning_rate.final_share": 0.1}
    rate = build_optimizer(settings_of(chosen | {"clipnorm": "null"}), steps=10)._learning_rate
    for step in (0, 10, 30, 40):  # Of three epochs after the pretraining.
        share = 0.5 * (1 + math.cos(math.pi * min(step, 30) / 30))
        assert float(rate(step)) == pytest.approx(0.2 * (0.9 * share + 0.1))


def test_objectives_without_a_bound_are_what_settings_say():
    chosen = {"objective.kind": "wae_mmd", "objective.weight": 3, "objective.kernel_scale": 2}
    objective = build_objective(settings_of(chosen))
    assert isinstance(objective, objectives.WassersteinMMD)
    assert (float(objective.weight), objective.kernel_scale) == (3.0, 2.0)
    assert build_schedule(settings_of(chosen), 10) is None
    chosen = {
        "objective.kind": "aae",
        "objective.weight": 0.5,
        "objective.critic.kind": "wasserstein",
        "objective.critic.gradient_penalty": 4,
        "objective.critic.units": "[5, 6]",
        "objective.critic.learning_rate": 0.02,
        "posterior.kind": "point_mass",
        "prior.kind": "implicit",
        "prior.noise_units": 7,
        "prior.units": "[9]",
    }
    settings = settings_of(chosen)
    model = compiled_model(settings, WordVocabulary(["a", "b"]), steps=2)
    assert model.objective.get_config()["critic_loss"] == {
        "class_name": "WassersteinCritic",
        "config": {"gradient_penalty": 4.0},
    }
    assert float(model.objective.weight) == 0.5
    assert model.critic_layer.network.units == (5, 6)
    assert float(model.critic_optimizer.learning_rate) == pytest.approx(0.02)
    assert isinstance(model.posterior_layer, layers.PointMass)
    assert (model.prior_layer.noise_units, model.prior_layer.generator.units) == (7, (9,))
