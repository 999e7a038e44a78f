"""Whether a distribution is one for each example, or one for all."""

from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability


@capability
def has_batch(distribution: tfd.Distribution) -> bool:
    """Whether there is a batch shape; of several layers, in the last of the list."""
    return bool(distribution.batch_shape.rank)


@has_batch.register(tfd.JointDistribution)
def _(distribution: tfd.JointDistribution) -> bool:
    return bool(list(distribution.batch_shape)[-1].rank)
