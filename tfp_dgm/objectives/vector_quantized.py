"""The bound of latents that are codes of a codebook, with the gradients of vector quantisation."""

import tensorflow as tf

from tfp_dgm.distributions.divergence import divergence
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.impossible_draws import zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one


class VectorQuantizedELBO(Objective):
    """ELBO of codes, trained as a vector-quantised autoencoder [1].

        value[b] = mean_s log p(x_b | c_sb) - KL(q(c | x_b) || p(c))
        loss[b]  = -value[b] + commitment E_q |y_b - stop(e_c)|^2 + E_q |stop(y_b) - e_c|^2

    where y are the encoder's vectors and e_c those of the codes. The likelihood's gradient passes
    from the codes' vectors straight to the encoder's. No gradient of the divergence reaches q: hard
    codes have none, and that of soft ones is the E-step [2], which is not trained; it reaches p(c)
    alone, whose learned kinds so follow the codes without moving them. The last term is there where
    the codebook learns by gradients. Biased.

    [2] gives the decoder the mean of several draws' vectors, which no draw of the model has; here
    each draw is decoded by itself, so that the value is a bound on log p(x).

    Args:
      num_samples: S; more than one says nothing more of hard codes.
      commitment: factor of the encoder's distance from its codes.
    Raises:
      ValueError: if an argument is out of its range.
    References:
      [1] van den Oord, Vinyals and Kavukcuoglu. Neural Discrete Representation Learning. NeurIPS
        2017. arXiv:1711.00937
      [2] Roy, Vaswani, Neelakantan and Parmar. Theory and Experiments on Vector Quantized
        Autoencoders. 2018. arXiv:1805.11063
    """

    def __init__(self, *, num_samples: int = 1, commitment: float = 0.25) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        if not commitment >= 0:
            raise ValueError(
                f"VectorQuantizedELBO: `commitment` must be >= 0; received {commitment}"
            )
        self.commitment = commitment

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior
        codes = tf.stop_gradient(posterior.sample(self.num_samples, seed=seed))
        draws = Draws.of(joint.replaced(log_likelihood=joint.straight_through), codes)
        kl = divergence(posterior, joint.prior, lambda: draws.mean_log_ratio)
        finite = [zero_where_infinite(part) for part in (draws.log_px, draws.log_pz)]
        bound = draws.bound(kl=kl, surrogate=draws.mean(finite[0]) + draws.mean(finite[1]))
        amounts = joint.amounts
        paid = self.commitment * amounts["commitment"] + amounts.get("codebook", 0.0)
        return bound._replace(loss=bound.loss + paid)
