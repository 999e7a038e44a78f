"""Settings of models of images: what goes together, what is refused, what version 0.1 wrote."""

import json

import pytest

from tests.image_modelling.small_images import settings
from tfp_dgm.data import DataError
from tfp_dgm.image_modelling import ImageModelSettings
from tfp_dgm.image_modelling.earlier_settings import from_version_0_1
from tfp_dgm.image_modelling.settings import OBJECTIVES, objectives_for
from tfp_dgm.settings import read_settings


def test_every_name_stands_for_another_objective():
    makes = {kind: repr(objective().make()) for kind, objective in OBJECTIVES.items()}
    assert len(set(makes.values())) == len(makes) == 24


def test_objectives_fit_the_latents_that_the_papers_have_them_for():
    of_all = {"reinforce", "nvil", "self-critical", "rloo", "vimco"}
    of_all |= {"wake-sleep", "reweighted-wake-sleep"}
    reparameterised = {"elbo", "stl", "iwae", "dreg", "miwae", "piwae", "ciwae", "renyi"}
    relaxed = {"muprop", "rebar", "relax", "gumbel-softmax", "straight-through-gumbel"}
    discrete = relaxed | {"straight-through", "enumerated"}
    assert set(objectives_for("normal")) == of_all | reparameterised
    assert set(objectives_for("categorical")) == of_all | discrete
    assert set(objectives_for("bernoulli")) == of_all | discrete | {"disarm", "arm"}


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (
            ["objective.kind=disarm"],
            "objective.kind must be one of elbo, stl, .* for normal latents; received disarm, "
            "which fits bernoulli ones",
        ),
        (["latents.kind=categorical"], "for categorical latents; received dreg, which fits normal"),
        (
            ["latents.kind=bernoulli", "objective.kind=vimco", "objective.num_samples=1"],
            "objective.num_samples must be greater than or equal to 2; received 1",
        ),
        (
            ["latents.kind=bernoulli", "objective.kind=enumerated"],
            r"at most 65,536 values together; received latents.units=\[200\] of 2 values each",
        ),
        (
            ["latents.kind=bernoulli", "objective.kind=enumerated", "objective.num_samples=5"],
            "no setting 'objective.num_samples' here",
        ),
        (
            ["objective.temperature=0.5"],
            "no setting 'objective.temperature' here: it is of .*rebar",
        ),
        (["objective.kind=renyi", "objective.alpha=1"], "objective.alpha must be less than 1"),
        (
            ["latents.units=[100, 50]"],
            "latents.hidden_units must be as many as latents.units, 2; received 1",
        ),
        (
            ["latents.kind=bernoulli", "latents.hidden_units=[9]"],
            "no setting 'latents.hidden_units' here: it is of latents.kind=normal or categorical",
        ),
        (["latents.values=3"], "no setting 'latents.values' here"),
        (["epoch=3"], "no such setting 'epoch'; did you mean 'epochs'?"),
    ],
)
def test_what_does_not_go_together_is_refused(assignments, message):
    with pytest.raises(DataError, match=message):
        read_settings(ImageModelSettings, None, assignments)


def earlier(tmp_path, **values):
    """Settings of a file as version 0.1 wrote it."""
    nothing = ("values", "bounds", "alpha", "beta", "temperature", "final_temperature")
    written = {
        **{"program": "dgm iwae train", "data": "mnist-5k", **dict.fromkeys(nothing)},
        **{"latents": "normal", "layers": 1, "units": [50], "hidden_units": [200]},
        **{"objective": "dreg", "samples": 5, "epochs": 50, "batch_size": 50},
        **{"learning_rate": 0.001, "binarisation": "dynamic", "seed": 3, **values},
    }
    (tmp_path / "settings.json").write_text(json.dumps(written))
    return read_settings(ImageModelSettings, tmp_path / "settings.json", earlier=from_version_0_1)


def test_settings_of_version_0_1_are_read(tmp_path):
    plain = ["seed=3", "latents.centred=false"]
    assert earlier(tmp_path) == read_settings(ImageModelSettings, None, plain)
    relaxed = {"latents": "categorical", "objective": "gumbel-softmax", "values": 4}
    relaxed |= {"units": [3, 2], "hidden_units": [6, 5], "layers": 2, "samples": 1}
    relaxed |= {"temperature": 0.8, "final_temperature": 0.2, "binarisation": "fixed"}
    read = earlier(tmp_path, **relaxed)
    assert (read.latents.kind, read.latents.values) == ("categorical", 4)
    assert (read.latents.units, read.latents.hidden_units) == ((3, 2), (6, 5))
    assert (read.objective.temperature, read.objective.final_temperature) == (0.8, 0.2)
    assert (read.objective.num_samples, read.binarisation.seed) == (1, 3)
    counted = {"objective": "enumerated", "latents": "bernoulli", "samples": None}
    read = earlier(tmp_path, **counted, units=[4], hidden_units=None, binarisation="none")
    assert (read.objective.kind, read.binarisation.kind) == ("enumerated", "none")
    ours = settings()
    assert from_version_0_1({"latents": {"kind": "normal"}}) == {"latents": {"kind": "normal"}}
    assert ours.latents.centred
