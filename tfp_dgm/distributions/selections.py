"""Masks over the places of a sequence: what is kept, and how often that changes."""

from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Independent
from tfp_dgm.distributions.hard_kumaraswamy import HardKumaraswamy
from tfp_dgm.distributions.no_rule import no_rule
from tfp_dgm.distributions.point_estimates import point_estimate
from tfp_dgm.distributions.structures import LinearChain


class Selection(NamedTuple):
    """What a distribution over masks m_1 .. m_T says of where they are not 0.

    Attributes:
      kept: float32 [B, T]; P(m_t != 0).
      changed: float32 [B, T - 1]; P of just one of m_t and m_t+1 being 0.
      mask: float32 [B, T]; the one that stands for all, without noise.
    """

    kept: tf.Tensor
    changed: tf.Tensor
    mask: tf.Tensor


@capability
def selection(distribution: tfd.Distribution) -> Selection:
    """What is selected by masks of a distribution, in closed form and with gradients.

    Args:
      distribution: batch shape [B], events [T]: a `LinearChain` of two states, 0 and 1, or
        `tfd.Independent` over `tfd.Bernoulli` or `HardKumaraswamy` variables.
    Raises:
      ValueError: if the distribution is another one.
    """
    expected = "a LinearChain of two states, or independent Bernoulli or HardKumaraswamy variables"
    raise ValueError(f"masks: {no_rule(selection, expected, distribution)}")


@selection.register(Independent)
def _(distribution: tfd.Independent) -> Selection:
    kept, mask = _variables(distribution.distribution)
    here, next_one = kept[:, :-1], kept[:, 1:]
    return Selection(kept, here * (1 - next_one) + (1 - here) * next_one, mask)


@selection.register(LinearChain)
def _(chain: LinearChain) -> Selection:
    states = chain.potentials.unary.shape[-1]
    if states != 2:
        raise ValueError(f"masks: expected a LinearChain of 2 states; received one of {states}")
    marginals = chain.marginals()
    changed = marginals.transitions[..., 0, 1] + marginals.transitions[..., 1, 0]
    return Selection(marginals.unary[..., 1], changed, tf.cast(chain.mode(), tf.float32))


@capability
def _variables(variables: tfd.Distribution) -> tuple[tf.Tensor, tf.Tensor]:
    """P(m_t != 0), and the mask that stands for all, [B, T] each."""
    expected = "independent Bernoulli or HardKumaraswamy variables"
    raise ValueError(f"masks: {no_rule(_variables, expected, variables)}")


@_variables.register(tfd.Bernoulli)
def _(variables: tfd.Bernoulli) -> tuple[tf.Tensor, tf.Tensor]:
    return variables.probs_parameter(), tf.cast(variables.mode(), tf.float32)


@_variables.register(HardKumaraswamy)
def _(variables: HardKumaraswamy) -> tuple[tf.Tensor, tf.Tensor]:
    return variables.survival_function(tf.zeros([])), point_estimate(variables)
