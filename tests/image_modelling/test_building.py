"""Every objective on every kind of latents, and what the encoder is given."""

import keras
import numpy as np
import pytest

from tests.image_modelling.small_images import images, settings
from tfp_dgm.image_modelling import build_model
from tfp_dgm.image_modelling.settings import OBJECTIVES
from tfp_dgm.models import VAE, HierarchicalVAE, SigmoidBeliefNetwork

LAYERS = {"normal": 1, "bernoulli": 2, "categorical": 1}
FIRST = [(kind, objective.latents[0]) for kind, objective in OBJECTIVES.items()]
EVERY = [
    (kind, latents, LAYERS[latents])
    for kind, objective in OBJECTIVES.items()
    for latents in objective.latents
]
OTHERS = [
    *(("dreg", "normal", 2), ("nvil", "normal", 2), ("relax", "bernoulli", 1)),
    *(("relax", "categorical", 2), ("gumbel-softmax", "categorical", 2)),
]


@pytest.mark.parametrize(
    ("name", "latents", "layers"),
    [  # Quick: each objective once.
        pytest.param(*row, marks=() if row in EVERY and row[:2] in FIRST else pytest.mark.slow)
        for row in [*EVERY, *OTHERS]
    ],
)
def test_every_objective_trains_every_weight_of_what_it_is_offered_for(name, latents, layers):
    """`test_estimators.py` says that it is the right gradient; here, that the model gives all."""
    x = images(20)
    asked = settings(name, latents, layers)
    model = build_model(asked, x)
    model.seed_generator.state.assign([1, 2])
    random = np.random.default_rng(4)
    for weight in model.trainable_weights:  # Away from the start, where some gradients are zero.
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    before = [weight.numpy() for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), asked.objective.make(), run_eagerly=True)
    logs = model.train_on_batch(x, return_dict=True)
    assert np.isfinite(logs["bound"])
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(weight.numpy()).all(), weight.path
        assert np.abs(weight.numpy() - value).max() > 1e-6, weight.path


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (("dreg", "normal", 1), VAE),
        (("dreg", "normal", 2), HierarchicalVAE),
        (("nvil", "normal", 1), HierarchicalVAE),
        (("vimco", "bernoulli", 2), SigmoidBeliefNetwork),
        (("vimco", "categorical", 1), HierarchicalVAE),
    ],
)
def test_the_model_starts_at_the_mean_image(asked, kind):
    x = images()
    model = build_model(settings(*asked), x)
    assert type(model) is kind
    z = model.prior(x[:1]).sample(1, seed=(1, 2))
    # Only the bias is there to say so: the decoder's weights are small.
    decoded = model.decode(z).mean().numpy().reshape(-1)
    assert np.corrcoef(decoded, x.mean(axis=0).reshape(-1))[0, 1] > 0.7


def test_an_encoder_is_given_images_less_their_mean():
    x = images()
    centred = build_model(settings("elbo"), x)
    plain = build_model(settings("elbo", "normal", 1, "latents.centred=false"), x)
    plain.set_weights([w.numpy() for w in centred.weights if "normalization" not in w.path])
    expected = plain.posterior(x - x.mean(axis=0)).mean()
    np.testing.assert_allclose(centred.posterior(x).mean(), expected, rtol=1e-4, atol=1e-6)
    assert np.abs(plain.posterior(x).mean() - expected).max() > 1e-3
