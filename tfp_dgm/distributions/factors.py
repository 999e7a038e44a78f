"""The variables of which a distribution is the product."""

from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Independent
from tfp_dgm.distributions.no_rule import no_rule


@capability
def independent_factors(distribution: tfd.Distribution) -> tfd.Distribution:
    """The distributions of a vector's elements, which are independent of each other.

    Args:
      distribution: batch shape [...], events [Z].
    Returns:
      Batch shape [..., Z].
    Raises:
      ValueError: if the elements are not independent, or the family has registered no rule.
    """
    expected = "a distribution whose dimensions are independent"
    raise ValueError(no_rule(independent_factors, expected, distribution))


@independent_factors.register(tfd.MultivariateNormalDiag)
def _(distribution: tfd.MultivariateNormalDiag) -> tfd.Distribution:
    return tfd.Normal(distribution.mean(), distribution.stddev())


@independent_factors.register(Independent)
def _(distribution: tfd.Independent) -> tfd.Distribution:
    return distribution.distribution
