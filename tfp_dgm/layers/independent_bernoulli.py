"""Independent binary variables: pixels, or words present and absent."""

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import BinaryVariables, LogitBernoulli
from tfp_dgm.layers.constraints import UNIT_INTERVAL, Constraint
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class IndependentBernoulli(ProjectedDistributionLayer):
    """Independent Bernoulli variables of any event shape, by their logits.

    Values between 0 and 1 (grey pixels) get the cross-entropy, the usual surrogate.
    """

    @property
    def parameter_size(self) -> int:
        return self.event_size

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        logits = self._as_events(parameters)
        return BinaryVariables(
            LogitBernoulli(logits=logits, dtype=tf.float32),
            reinterpreted_batch_ndims=len(self.event_shape),
        )

    @property
    def support(self) -> Constraint:
        return UNIT_INTERVAL
