"""Continuous naive Bayes under several priors and posteriors of its vector."""

import time

import keras
import numpy as np
import scipy.sparse

from tfp_dgm import layers
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.models import VAE, HierarchicalVAE, LatentVariableModel
from tfp_dgm.text import TfIdf
from tfp_dgm.training import KLWeightSchedule, Linear

SYSTEMS = (
    "standard normal",
    "standard normal, full covariance of q",
    "standard normal, autoregressive flow of q",
    "mixture of 10 normals",
    "VampPrior of 10",
    "autoregressive flow",
    "two layers",
)
UNITS = 10  # Z
_COMPONENTS, _HIDDEN, _BATCH, _WARM_UP = 10, 64, 64, 500


def measured(
    counts: scipy.sparse.csr_matrix, system: str, seed: int, *, epochs: int, num_samples: int
) -> dict[str, float]:
    """Nats a document of a tenth of the documents, by importance weighting of `num_samples` draws.

    Of the epochs the one is kept whose bound on another tenth is best.
    """
    order = np.random.default_rng(seed).permutation(counts.shape[0])
    cut = len(order) // 10
    held_out, chosen, training = (
        counts[rows].toarray() for rows in np.split(order, [cut, 2 * cut])
    )
    began = time.process_time()
    keras.utils.set_random_seed(seed)
    model = _model(system, counts[order[2 * cut :]], seed)
    model.build((None, counts.shape[1]))
    if system == "VampPrior of 10":
        # From documents: softplus gives their counts back, but for a little at the zeros.
        rows = np.maximum(training[:_COMPONENTS], 0.02)
        model.prior_layer.pseudo_inputs.assign(np.log(np.expm1(rows)))
    model.compile(keras.optimizers.Adam(3e-3, clipnorm=5.0))
    best = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=epochs, restore_best_weights=True
    )
    model.fit(
        training,
        validation_data=(chosen,),
        epochs=epochs,
        batch_size=_BATCH,
        verbose=0,
        callbacks=[KLWeightSchedule(Linear(_WARM_UP)), best],
    )
    spent = time.process_time() - began
    found = importance_weighted_log_likelihood(
        model, held_out, num_samples=num_samples, samples_per_step=10, seed=seed
    )["log_likelihood"]
    # A document without words has probability 1 under each.
    return {
        "NLL": -float(found.mean()),
        "perplexity": float(np.exp(-found.sum() / held_out.sum())),
        "CPU s": spent,
    }


def _model(system: str, training: scipy.sparse.csr_matrix, seed: int) -> LatentVariableModel:
    size = training.shape[1]
    encoder = keras.Sequential(
        [
            TfIdf.fit(training),
            keras.layers.Dense(
                _HIDDEN, "relu", kernel_initializer=keras.initializers.RandomNormal(seed=seed)
            ),
        ]
    )
    likelihood = layers.BagOfWords(size)
    posterior = layers.MultivariateNormalDiag(UNITS)
    if system == "two layers":
        return HierarchicalVAE(
            [encoder, keras.layers.Dense(_HIDDEN, "tanh")],
            [posterior, layers.MultivariateNormalDiag(UNITS // 2)],
            [None, keras.layers.Dense(_HIDDEN, "tanh")],
            likelihood,
            conditionals=[layers.MultivariateNormalDiag(UNITS)],
            prior=layers.StandardNormalPrior(UNITS // 2),
            seed=seed,
        )
    prior = {
        "mixture of 10 normals": lambda: layers.MixtureOfNormalsPrior(UNITS, _COMPONENTS),
        "VampPrior of 10": lambda: layers.VampPrior(
            UNITS, _COMPONENTS, (size,), activation="softplus"
        ),
        "autoregressive flow": lambda: layers.AutoregressiveFlowPrior(UNITS),
    }.get(system, lambda: layers.StandardNormalPrior(UNITS))()
    if system.endswith("full covariance of q"):
        posterior = layers.MultivariateNormalTriL(UNITS)
    elif system.endswith("flow of q"):
        posterior = layers.InverseAutoregressiveFlow(posterior)
    return VAE(encoder, None, likelihood, posterior=posterior, prior=prior, seed=seed)
