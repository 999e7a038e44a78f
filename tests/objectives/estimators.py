"""Every estimator, with the model that its gradient is compared on."""

from typing import NamedTuple

import numpy as np

from tests.objectives import sequence_toys, toys
from tests.references import enumerable, particle_systems, quadrature
from tfp_dgm import objectives
from tfp_dgm.objectives import (
    ARM,
    ELBO,
    FIVO,
    REBAR,
    RELAX,
    SPIGOTELBO,
    AtMean,
    CombinationImportanceWeighted,
    DisARM,
    DoublyReparameterized,
    EnumeratedELBO,
    ExactMarginal,
    GumbelSoftmaxELBO,
    ImportanceWeighted,
    LearnedBaseline,
    LeaveOneOut,
    MultiplyImportanceWeighted,
    MuProp,
    PartiallyImportanceWeighted,
    Renyi,
    ReweightedWakeSleep,
    RunningAverage,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    SelfCritical,
    StickingTheLanding,
    StraightThroughELBO,
    WakeSleep,
)

COUNT = 20_000
GAUSSIAN = (toys.gaussian, quadrature.Gaussian())
GAUSSIAN_LAYERS = (toys.gaussian_layers, quadrature.TwoLayers())
BINARY = (toys.binary, enumerable.Binary())
ONE_HOT = (toys.one_hot, enumerable.OneHot())
TWO_LAYERS = (toys.two_layers, enumerable.TwoLayers())
BINARY_SEQUENCE = (sequence_toys.binary_sequence, particle_systems.BinarySequence())
GAUSSIAN_SEQUENCE = (sequence_toys.gaussian_sequence, particle_systems.GaussianSequence())
ONE_HOT_LAYERS = (toys.one_hot_layers, enumerable.OneHotLayers())


class Row(NamedTuple):
    """An objective on a model.

    `theta` and `phi` are the functions of which its gradient is an unbiased estimate, where that is
    not `value`; a number is the bias measured instead, relative to the gradient of `value`.
    """

    objective: objectives.Objective
    model: tuple
    value: object
    theta: object = None
    phi: object = None


def reparameterized():
    elbo, iw = quadrature.elbo, quadrature.importance_weighted_2
    dreg, stl = DoublyReparameterized(), StickingTheLanding()
    yield Row(ELBO(), GAUSSIAN, elbo)
    yield Row(ELBO(analytic_kl=False, num_samples=2), GAUSSIAN, elbo)
    yield Row(ELBO(gradient=stl), GAUSSIAN, elbo)
    yield Row(ImportanceWeighted(num_samples=2), GAUSSIAN, iw)
    yield Row(ImportanceWeighted(num_samples=2, gradient=dreg), GAUSSIAN, iw)
    yield Row(ImportanceWeighted(num_samples=2, gradient=stl), GAUSSIAN, iw, phi=1.01)
    shape = {"num_bounds": 2, "num_samples": 2}
    yield Row(MultiplyImportanceWeighted(**shape), GAUSSIAN, iw)
    yield Row(MultiplyImportanceWeighted(**shape, gradient=dreg), GAUSSIAN, iw)
    yield Row(MultiplyImportanceWeighted(**shape, gradient=stl), GAUSSIAN, iw, phi=1.01)
    four = quadrature.importance_weighted_4
    yield Row(PartiallyImportanceWeighted(**shape), GAUSSIAN, four, phi=iw)
    yield Row(PartiallyImportanceWeighted(**shape, gradient=dreg), GAUSSIAN, four, phi=iw)
    shape = {"num_bounds": 2, "num_samples": 1}
    yield Row(PartiallyImportanceWeighted(**shape), GAUSSIAN, iw, phi=elbo)
    yield Row(PartiallyImportanceWeighted(**shape, gradient=dreg), GAUSSIAN, iw, phi=elbo)
    for gradient in (None, dreg):
        yield Row(
            CombinationImportanceWeighted(num_samples=2, beta=0.3, gradient=gradient),
            GAUSSIAN,
            quadrature.combination_2(0.3),
        )
        yield Row(
            Renyi(num_samples=2, alpha=0.4, gradient=gradient), GAUSSIAN, quadrature.renyi_2(0.4)
        )


def of_gaussian_layers():
    elbo, iw = quadrature.elbo, quadrature.importance_weighted_2
    dreg, stl = DoublyReparameterized(), StickingTheLanding()
    yield Row(ELBO(num_samples=2), GAUSSIAN_LAYERS, elbo)
    yield Row(ELBO(num_samples=2, gradient=stl), GAUSSIAN_LAYERS, elbo)
    yield Row(ImportanceWeighted(num_samples=2), GAUSSIAN_LAYERS, iw)
    yield Row(ImportanceWeighted(num_samples=2, gradient=dreg), GAUSSIAN_LAYERS, iw)


def discrete():
    elbo, iw = enumerable.elbo, enumerable.importance_weighted
    average, baseline = RunningAverage(average=-1.5), LearnedBaseline()
    for model in (BINARY, ONE_HOT):
        yield Row(EnumeratedELBO(), model, elbo)
        yield Row(ExactMarginal(), model, enumerable.evidence)
        yield Row(ScoreFunctionELBO(num_samples=1, control_variates=[]), model, elbo)
        yield Row(MuProp(), model, elbo)
        yield Row(REBAR(), model, elbo)
        yield Row(REBAR(num_samples=2, temperature=1.0, scale=0.6), model, elbo)
        yield Row(RELAX(), model, elbo)
    yield Row(GumbelSoftmaxELBO(), BINARY, elbo, theta=0.045, phi=0.112)
    yield Row(GumbelSoftmaxELBO(), ONE_HOT, elbo, theta=0.130, phi=0.074)
    yield Row(GumbelSoftmaxELBO(straight_through=True), BINARY, elbo, phi=0.135)
    yield Row(GumbelSoftmaxELBO(straight_through=True), ONE_HOT, elbo, phi=0.068)
    yield Row(StraightThroughELBO(), BINARY, elbo, phi=0.106)
    yield Row(StraightThroughELBO(), ONE_HOT, elbo, phi=0.140)
    yield Row(SPIGOTELBO(), BINARY, elbo, phi=0.650)
    yield Row(SPIGOTELBO(step_size=0.3), ONE_HOT, elbo, phi=0.333)
    for part in ([average], [baseline], [SelfCritical()], [baseline, average]):
        yield Row(ScoreFunctionELBO(num_samples=1, control_variates=part), BINARY, elbo)
    for part in ([AtMean()], [baseline, AtMean()]):
        yield Row(ScoreFunctionELBO(num_samples=1, control_variates=part), ONE_HOT, elbo)
    closed = {"analytic_kl": True}
    for part in ([], [AtMean()], [SelfCritical()]):
        yield Row(ScoreFunctionELBO(num_samples=1, control_variates=part, **closed), ONE_HOT, elbo)
    yield Row(ScoreFunctionELBO(num_samples=3, **closed), BINARY, elbo)
    combined = [baseline, LeaveOneOut(), average]
    yield Row(ScoreFunctionELBO(num_samples=3, control_variates=combined), BINARY, elbo)
    for part in ([], None, [baseline], [LeaveOneOut(), SelfCritical()]):
        objective = ScoreFunctionImportanceWeighted(num_samples=2, control_variates=part)
        yield Row(objective, BINARY, iw(2))
    yield Row(ScoreFunctionImportanceWeighted(num_samples=3), ONE_HOT, iw(3))
    yield Row(DisARM(), BINARY, elbo)
    yield Row(ARM(num_samples=2), BINARY, elbo)
    wake, sleep = enumerable.wake_phi, enumerable.sleep_phi
    yield Row(ReweightedWakeSleep(num_samples=3), BINARY, iw(3), phi=wake(3))
    yield Row(ReweightedWakeSleep(num_samples=2, sleep=1.0), BINARY, iw(2), phi=sleep)
    both = enumerable.mixed(0.7, wake(2), sleep)
    yield Row(ReweightedWakeSleep(num_samples=2, sleep=0.3), BINARY, iw(2), phi=both)
    yield Row(WakeSleep(num_samples=2), BINARY, elbo, phi=sleep)


def of_two_layers():
    elbo, iw = enumerable.elbo, enumerable.importance_weighted
    yield Row(EnumeratedELBO(), TWO_LAYERS, elbo)
    yield Row(ExactMarginal(), TWO_LAYERS, enumerable.evidence)
    yield Row(ScoreFunctionELBO(num_samples=2), TWO_LAYERS, elbo)
    for critic in ([SelfCritical()], [AtMean()]):
        yield Row(ScoreFunctionELBO(num_samples=1, control_variates=critic), TWO_LAYERS, elbo)
    yield Row(MuProp(num_samples=2), TWO_LAYERS, elbo)
    yield Row(REBAR(num_samples=2), TWO_LAYERS, elbo)
    yield Row(RELAX(temperature=0.8), TWO_LAYERS, elbo)
    yield Row(ScoreFunctionImportanceWeighted(num_samples=2), TWO_LAYERS, iw(2))
    yield Row(DisARM(), TWO_LAYERS, elbo)
    yield Row(ARM(), TWO_LAYERS, elbo)
    yield Row(ReweightedWakeSleep(num_samples=2), TWO_LAYERS, iw(2), phi=enumerable.wake_phi(2))
    for objective in (
        EnumeratedELBO(),
        ScoreFunctionELBO(num_samples=2),
        MuProp(),
        REBAR(),
        RELAX(),
    ):
        yield Row(objective, ONE_HOT_LAYERS, elbo)
    yield Row(GumbelSoftmaxELBO(), ONE_HOT_LAYERS, elbo, theta=0.175, phi=0.162)
    rounded = GumbelSoftmaxELBO(straight_through=True)
    yield Row(rounded, ONE_HOT_LAYERS, elbo, phi=0.215)
    yield Row(StraightThroughELBO(), ONE_HOT_LAYERS, elbo, phi=0.122)
    yield Row(GumbelSoftmaxELBO(), TWO_LAYERS, elbo, theta=0.097, phi=0.094)
    yield Row(GumbelSoftmaxELBO(straight_through=True), TWO_LAYERS, elbo, phi=0.221)
    yield Row(StraightThroughELBO(), TWO_LAYERS, elbo, phi=0.158)
    yield Row(SPIGOTELBO(), TWO_LAYERS, elbo, phi=0.890)


def of_sequences():
    """Particle filters; the gradient of "dropped" is that of a function with fixed choices."""
    enumerated, integrated = particle_systems.enumerated, particle_systems.integrated
    yield Row(FIVO(num_particles=1), BINARY_SEQUENCE, enumerated(1))
    for count, threshold in ((2, 1.0), (3, 0.9), (3, 0.0)):
        shape = {"num_particles": count, "resampling": "multinomial", "threshold": threshold}
        scored = FIVO(**shape, resampling_gradient="score_function")
        yield Row(scored, BINARY_SEQUENCE, enumerated(count, threshold))
        dropped = enumerated(count, threshold, is_dropped=True)
        yield Row(FIVO(**shape), BINARY_SEQUENCE, enumerated(count, threshold), dropped, dropped)
    shape = {"num_particles": 2, "resampling": "multinomial", "threshold": 1.0}
    scored, bound = FIVO(**shape, resampling_gradient="score_function"), integrated()
    yield Row(scored, GAUSSIAN_SEQUENCE, bound)
    dropped = integrated(is_dropped=True)
    yield Row(FIVO(**shape), GAUSSIAN_SEQUENCE, bound, dropped, dropped)
    never = FIVO(num_particles=2, threshold=0.0)
    yield Row(never, GAUSSIAN_SEQUENCE, integrated(is_resampled=False))


ROWS = [
    *reparameterized(),
    *of_gaussian_layers(),
    *discrete(),
    *of_two_layers(),
    *of_sequences(),
]


def name_of(row):
    return f"{row.model[0].__name__}-{row.objective!r}"


def assert_bias(estimates, expected, bias):
    size = np.linalg.norm(expected)
    error = np.linalg.norm(standard_error(estimates)) / size
    measured = np.linalg.norm(estimates.mean(0) - expected) / size
    assert abs(measured - bias) < 5 * error
    assert measured > 3 * error


def standard_error(estimates):
    return estimates.std(0) / np.sqrt(len(estimates))
