"""Images of 4 x 3 pixels, and settings of models that are small enough for them."""

import numpy as np

from tfp_dgm.image_modelling import ImageModelSettings
from tfp_dgm.settings import read_settings

_KINDS = np.array([np.tril(np.ones((4, 3))), np.triu(np.ones((4, 3)))])
SIZES = {"normal": [5, 3], "bernoulli": [4, 3], "categorical": [3, 2]}


def images(count=60):
    """Grey images [N, 4, 3] of two kinds."""
    noise = np.random.default_rng(0).uniform(0, 0.1, (count, 4, 3))
    return np.abs(_KINDS[np.arange(count) % 2] - noise).astype(np.float32)


def settings(objective="elbo", latents="normal", layers=1, *others):
    """Of a small model; `others` are assignments, as "epochs=2"."""
    sizes = [f"latents.units={SIZES[latents][:layers]}"]
    if latents != "bernoulli":
        sizes.append(f"latents.hidden_units={[6] * layers}")
    if latents == "categorical":
        sizes.append("latents.values=4")
    kinds = [f"latents.kind={latents}", f"objective.kind={objective}"]
    rest = ["seed=1", "learning_rate.value=0.01", "batch_size=20", "epochs=3"]
    return read_settings(ImageModelSettings, None, [*kinds, *sizes, *rest, *others])
