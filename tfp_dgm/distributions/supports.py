"""Every value of a discrete variable."""

import numpy as np
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Independent
from tfp_dgm.distributions.no_rule import no_rule

# Values that are still enumerated.
MOST_VALUES = 2**16


@capability
def support_of(distribution: tfd.Distribution) -> np.ndarray:
    """All values of one draw, each once; of several variables the last changes fastest.

    Args:
      distribution: `tfd.Categorical`, `OneHotCategorical`, `Bernoulli`, `tfd.Independent` over one
        of these, or of a family that has registered its rule.
    Returns:
      [M, *event shape] for M values, of the distribution's dtype.
    Raises:
      ValueError: if the distribution is another one, or has more than 65,536 values.
    """
    expected = "Categorical, OneHotCategorical or Bernoulli variables"
    raise ValueError(f"enumeration: {no_rule(support_of, expected, distribution)}")


@support_of.register(tfd.Categorical)
def _(distribution: tfd.Categorical) -> np.ndarray:
    size = distribution.logits_parameter().shape[-1]
    return np.arange(size).astype(distribution.dtype.as_numpy_dtype)


@support_of.register(tfd.OneHotCategorical)
def _(distribution: tfd.OneHotCategorical) -> np.ndarray:
    return np.eye(distribution.event_shape[-1], dtype=distribution.dtype.as_numpy_dtype)


@support_of.register(tfd.Bernoulli)
def _(distribution: tfd.Bernoulli) -> np.ndarray:
    return np.arange(2).astype(distribution.dtype.as_numpy_dtype)


@support_of.register(Independent)
def _(distribution: tfd.Independent) -> np.ndarray:
    base = support_of(distribution.distribution)  # [K, *event shape of one variable]
    inner = distribution.distribution.event_shape.rank
    shape = distribution.event_shape[: distribution.event_shape.rank - inner].as_list()
    size = int(np.prod(shape))
    if len(base) ** size > MOST_VALUES:
        raise ValueError(
            f"enumeration: expected at most {MOST_VALUES} values; received {size} variables "
            f"of {len(base)} values each"
        )
    choices = np.indices([len(base)] * size).reshape(size, -1).T  # [M, N]
    return base[choices].reshape(len(choices), *shape, *base.shape[1:])
