"""Each kind of posterior with a prior that fits: trained a step, drawn from, and reported on."""

import json

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

from tests.models.texts import Z, make_vae, rule_texts
from tfp_dgm import evaluation, inference, layers

PAIRS = {
    "full covariance, mixture": lambda: (
        layers.MultivariateNormalTriL(Z),
        layers.MixtureOfNormalsPrior(Z, 3),
    ),
    "planar on full covariance, flow": lambda: (
        layers.PlanarFlow(layers.MultivariateNormalTriL(Z), num_flows=1),
        layers.AutoregressiveFlowPrior(Z, num_flows=1, hidden_units=(8,)),
    ),
    "planar, VampPrior": lambda: (
        layers.PlanarFlow(layers.MultivariateNormalDiag(Z), num_flows=1),
        layers.VampPrior(Z, 2, (6,)),
    ),
    "inverse autoregressive, mixture": lambda: (
        layers.InverseAutoregressiveFlow(
            layers.MultivariateNormalDiag(Z), num_flows=1, hidden_units=(8,), context_units=3
        ),
        layers.MixtureOfNormalsPrior(Z, 3),
    ),
    "batch-normalised, VampPrior": lambda: (
        layers.BatchNormalizedNormalDiag(Z),
        layers.VampPrior(Z, 2, (6,)),
    ),
    "power spherical, uniform": lambda: (
        layers.PowerSpherical(Z),
        layers.SphericalUniformPrior(Z),
    ),
}
TEXTS = np.stack(rule_texts(8))


def evidence(model):
    """The mean of log p(x) by a sum over a grid of the plane, or over the circle."""
    if isinstance(model.prior_layer, layers.SphericalUniformPrior):
        angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        grid, cell = np.stack([np.cos(angles), np.sin(angles)], axis=-1), 2 * np.pi / 200
    else:
        line = np.linspace(-6, 6, 61)
        grid, cell = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2), (12 / 60) ** 2
    z = grid.astype(np.float32)
    log_pz = model.prior(None).log_prob(z).numpy()[:, np.newaxis]
    assert np.exp(log_pz).sum() * cell == pytest.approx(1, abs=1e-3)
    log_px = model.decode(z[:, np.newaxis]).log_prob(TEXTS).numpy()  # [grid, B]
    return np.mean(logsumexp(log_px + log_pz, axis=0)) + np.log(cell)


# Quicker: planar flows on other families, the prior with another posterior.
SLOW = {"planar on full covariance, flow", "batch-normalised, VampPrior"}


@pytest.mark.parametrize(
    "pair",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in PAIRS],
)
@pytest.mark.usefixtures("eager")
def test_text_vae_of_each_posterior_and_prior(pair):
    posterior, prior = PAIRS[pair]()
    model = make_vae(posterior=posterior, prior=prior)
    model.compile(keras.optimizers.SGD(0.01))
    model.build((None, None))
    weights = model.trainable_weights
    before = [weight.numpy() for weight in weights]
    history = model.fit(TEXTS, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in weights)
    assert any((w.numpy() != value).any() for w, value in zip(weights, before, strict=True))
    z = model.prior(None).sample(3, seed=(1, 2))
    texts = inference.greedy(model.decode(z)).numpy()
    assert texts.shape == (3, model.max_length)
    report = evaluation.latent_variable_report(model, TEXTS, num_samples=200, seed=3)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    # Weights have heavy tails where a posterior is narrower than its prior.
    assert report["log_likelihood"] == pytest.approx(evidence(model), abs=0.2)
    assert report["elbo"] == pytest.approx(report["reconstruction"] - report["kl"], abs=1e-4)
    assert report["elbo"] < report["log_likelihood"] + 0.2
    assert len(model(TEXTS)[0]) == report["units"] == Z
