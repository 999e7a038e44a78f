"""A latent that comes step by step, as what draws it sees it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

# What later steps depend on of all before them: a nested structure of tensors [S, B, ...].
State = Any


class Steps(NamedTuple):
    """p(x, z) and q(z | x) of a sequential latent, one step after the other.

        p(x, z) = prod_t p(z_t | z_<t, x_<t) p(x_t | z_<=t, x_<t)
        q(z | x) = prod_t q(z_t | z_<t, x)

    Attributes:
      lengths: int32 [B]; the steps of each example. What stands behind them counts for nothing.
      num_steps: T, the steps of the longest; int, or int32 [].
      initial_state: S -> the state before the first step, S the same for each example; its shapes
        and types are those of all states.
      latent: (time int32 [], state) -> p(z_t | z_<t, x_<t) and q(z_t | z_<t, x), batch shape
        [S, B]; time counts from 0.
      advance: (time, state, z_t [S, B, ...]) -> log p(x_t | z_<=t, x_<t), float32 [S, B], nats,
        and the next state.
    """

    lengths: tf.Tensor
    num_steps: int | tf.Tensor
    initial_state: Callable[[int], State]
    latent: Callable[[tf.Tensor, State], tuple[tfd.Distribution, tfd.Distribution]]
    advance: Callable[[tf.Tensor, State, tf.Tensor], tuple[tf.Tensor, State]]
