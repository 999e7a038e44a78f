"""A VAE that is z ~ N(0, I), x | z ~ N(W z + b, s^2 I), so that everything is known of it."""

import keras
import numpy as np

from tests.references.linear_gaussian import LinearGaussian
from tfp_dgm import layers
from tfp_dgm.models import VAE

D, Z = 4, 2
_W = np.array([[1.0, 0.8], [0.9, 1.1], [-0.4, 0.3], [0.2, -0.7]])
REFERENCE = LinearGaussian(_W, np.array([0.3, -1.2, 0.5, 0.8]), 0.6)


def draw(count, seed=5):
    """Latents [N, Z] and examples [N, D] of the model itself."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(count, Z))
    x = z @ REFERENCE.w.T + REFERENCE.b + REFERENCE.s * random.normal(size=(count, D))
    return z.astype(np.float32), x.astype(np.float32)


def mean_map():
    """Kernel [D, Z] and bias [Z] of the exact posterior mean."""
    _, covariance = REFERENCE.posterior(REFERENCE.b)
    kernel = (covariance @ REFERENCE.w.T / REFERENCE.s**2).T
    return kernel, -REFERENCE.b @ kernel


def best_scale():
    """Scales [Z] of the best factorised posterior: the exact precision's diagonal."""
    _, covariance = REFERENCE.posterior(REFERENCE.b)
    return 1 / np.sqrt(np.diag(np.linalg.inv(covariance)))


def inverse_softplus(y):
    return np.log(np.expm1(y))


def with_decoder(posterior, **kwargs):
    likelihood = layers.MultivariateNormalDiag(D, min_scale=0.0, name="likelihood")
    encoder = keras.layers.Flatten(name="encoder")
    model = VAE(encoder, None, likelihood, posterior=posterior, seed=3, **kwargs)
    model.build((None, D))
    rho = np.full(D, inverse_softplus(REFERENCE.s))
    kernel = np.concatenate([REFERENCE.w.T, np.zeros((Z, D))], axis=1)
    likelihood.projection.set_weights([kernel, np.concatenate([REFERENCE.b, rho])])
    return model


def factorised(shift=0.0, scale=None):
    """Posterior mean off by `shift`; the best scales where none are given. Also gives the scale."""
    scale = best_scale() if scale is None else np.asarray(scale)
    model = with_decoder(layers.MultivariateNormalDiag(Z, min_scale=0.0, name="posterior"))
    kernel, bias = mean_map()
    kernel = np.concatenate([kernel, np.zeros((D, Z))], axis=1)
    bias = np.concatenate([bias + shift, inverse_softplus(scale)])
    model.posterior_layer.projection.set_weights([kernel, bias])
    return model, scale


def exact():
    """The model with its own posterior, of full covariance."""
    model = with_decoder(layers.MultivariateNormalTriL(Z, min_scale=0.0, name="posterior"))
    kernel, bias = mean_map()
    _, covariance = REFERENCE.posterior(REFERENCE.b)
    factor = np.linalg.cholesky(covariance)
    # TFP fills [[c, 0], [b, a]] from (a, b, c), and takes the softplus of the diagonal.
    a, c = inverse_softplus(np.diag(factor)[::-1])
    bias = np.concatenate([bias, [a, factor[1, 0], c]])
    kernel = np.concatenate([kernel, np.zeros((D, 3))], axis=1)
    model.posterior_layer.projection.set_weights([kernel, bias])
    return model
