"""Which estimator of the same gradient has less variance, as the papers say."""

import numpy as np
import pytest

from tests.objectives import toys
from tests.objectives.estimators import BINARY, GAUSSIAN, TWO_LAYERS
from tests.references import enumerable
from tfp_dgm.objectives import (
    ARM,
    REBAR,
    DisARM,
    ImportanceWeighted,
    LeaveOneOut,
    MultiplyImportanceWeighted,
    MuProp,
    PartiallyImportanceWeighted,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    SelfCritical,
)

COUNT = 4_000


def of_phi(objective, model):
    return toys.estimates(objective, *model, COUNT)[2]


def variance(objective, model):
    return of_phi(objective, model).var(axis=0).sum()


def plain(num_samples=1, kind=ScoreFunctionELBO):
    return kind(num_samples=num_samples, control_variates=[])


def with_part(part, num_samples, kind=ScoreFunctionELBO):
    return kind(num_samples=num_samples, control_variates=[part])


WEIGHTED = ScoreFunctionImportanceWeighted


@pytest.mark.parametrize("model", [BINARY, TWO_LAYERS], ids=["one layer", "two layers"])
@pytest.mark.parametrize(
    ("better", "worse", "factor"),
    [
        (DisARM(), ARM(), 0.95),
        (ARM(), plain(2), 0.9),
        (REBAR(), plain(1), 0.8),
        (MuProp(), plain(1), 0.8),
        (with_part(SelfCritical(), 1), plain(1), 0.8),
        (with_part(LeaveOneOut(), 4), plain(4), 0.8),
        (with_part(LeaveOneOut(), 5, WEIGHTED), plain(5, WEIGHTED), 0.5),
    ],
    ids=["DisARM", "ARM", "REBAR", "MuProp", "self-critical", "RLOO", "VIMCO"],
)
def test_less_variance(better, worse, factor, model):
    """Variances of 4,000 gradients are good to some hundredths."""
    assert variance(better, model) < factor * variance(worse, model)


def test_several_bounds_leave_more_signal_for_the_posterior():
    """Of twelve draws, as Rainforth et al. (2018): IWAE, then bounds of fewer draws each."""

    def signal_to_noise(objective):
        gradients = of_phi(objective, GAUSSIAN)
        return np.linalg.norm(gradients.mean(0)) / np.sqrt(gradients.var(0).sum())

    whole = signal_to_noise(ImportanceWeighted(num_samples=12))
    for kind in (MultiplyImportanceWeighted, PartiallyImportanceWeighted):
        assert signal_to_noise(kind(num_bounds=4, num_samples=3)) > 1.3 * whole


def test_bounds_of_discrete_latents_rise_with_the_draws_and_stay_below_the_evidence():
    """The references themselves, which the estimators' values meet."""
    for _, model in (BINARY, TWO_LAYERS):
        point = (model, model.theta, model.phi)
        bounds = [enumerable.importance_weighted(draws)(*point) for draws in (1, 2, 3)]
        assert bounds[0] < bounds[1] < bounds[2] < enumerable.evidence(*point)
