"""The Normal prior of mixtures' logits that stands for a Dirichlet distribution."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.prior import Prior


@keras.saving.register_keras_serializable(package="tfp_dgm")
class DirichletLaplacePrior(Prior):
    """The Laplace approximation, in the softmax basis, of a symmetric Dirichlet over K parts [1].

        z ~ N(0, ((1 - 2 / K) / a + 1 / (K a)) I),  a = concentration;  the mixture is softmax(z)

    Fixed. With it, a softmax for decoder and `BagOfWords` for likelihood, a `models.VAE` is
    ProdLDA.

    Args:
      units: K, 2 at least.
      concentration: of each part; below 1 mixtures are sparse.
      **kwargs: see `Prior`.
    References:
      [1] Srivastava and Sutton. Autoencoding Variational Inference for Topic Models. ICLR 2017.
        arXiv:1703.01488
    """

    def __init__(self, units: int, *, concentration: float = 0.1, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if units < 2:
            raise ValueError(f"DirichletLaplacePrior: `units` must be >= 2; received {units}")
        if not concentration > 0:
            raise ValueError(
                f"DirichletLaplacePrior: `concentration` must be > 0; received {concentration}"
            )
        self.concentration = concentration

    def _distribution(self) -> tfd.Distribution:
        sizes = (1 - 2 / self.units) + 1 / self.units
        variance = sizes / self.concentration
        scale = tf.fill([self.units], np.float32(np.sqrt(variance)))
        return distributions.MultivariateNormalDiag(tf.zeros([self.units]), scale)
