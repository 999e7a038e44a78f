"""One latent within another, each with an objective of its own."""

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.joint import Joint, Latents
from tfp_dgm.objectives.objective import Objective


class Nested(Objective):
    """An objective over a latent given which the likelihood is another objective's bound.

        bound = outer(log p(x | y) replaced by inner(p(x, z | y), q(z | x, y)))

    for a joint that gives its `inner` one. The outer objective is evaluated once: what training
    ascends, the value with weight 1 on every term, reconstruction and divergence of the inner
    bound are all aggregated by the same draws.

    Args:
      outer: over the latent y.
      inner: over the latent z given y.
    """

    def __init__(self, outer: Objective, inner: Objective) -> None:
        self.outer = outer
        self.inner = inner

    def _evaluate(self, joint: Joint, seed: tf.Tensor | None) -> Bound:
        outer_seed, inner_seed = (None, None) if seed is None else tf.unstack(tf.random.split(seed))

        def within(y: Latents) -> Bound:
            return self.inner(joint.inner(y), seed=inner_seed)

        return self.outer(joint.replaced(log_likelihood=within), seed=outer_seed)
