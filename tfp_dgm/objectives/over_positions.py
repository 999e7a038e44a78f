"""Latents along a sequence, one a position, each with a bound of its own."""

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective


class OverPositions(Objective):
    """An objective at each position of a sequence, summed over the positions.

        bound[b] = sum_t within(p(x_bt, z_bt), q(z_bt | x_b))

    for a joint of batch shape [..., B, T], whose latents are independent of each other given x, as
    alignments are that no state depends on. Each position is an example of its own to `within`, so
    that an estimator credits a draw with what it decides and with nothing else. Positions of
    padding are to have a likelihood of 0 nats and a posterior that is the prior.

    Args:
      within: of one position.
    """

    def __init__(self, within: Objective) -> None:
        self.within = within

    def _evaluate(self, joint: Joint, seed: tf.Tensor | None) -> Bound:
        bound = self.within(joint, seed=seed)
        return Bound(*(tf.reduce_sum(field, axis=-1) for field in bound))
