"""Latents of a joint, and what it says of them."""

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.impossible_draws import expectation
from tfp_dgm.objectives.joint import Joint, Latents


class Draws:
    """The log-probabilities of S draws (or enumerated values) of each example; [S, B], in nats.

    Args:
      likelihood: log p(x | z), or an objective's `Bound` on it, with fields [S, B].
      log_pz: log p(z).
      log_q: log q(z | x).
      shares: by how much each counts in means under the posterior; None for draws of it.
    """

    def __init__(
        self,
        likelihood: tf.Tensor | Bound,
        log_pz: tf.Tensor,
        log_q: tf.Tensor,
        *,
        shares: tf.Tensor | None = None,
    ) -> None:
        self.inner = likelihood if isinstance(likelihood, Bound) else None
        # Of a bound on log p(x | z), this is what training ascends.
        self.log_px = likelihood if self.inner is None else -self.inner.loss
        self.log_pz = log_pz
        self.log_q = log_q
        self.shares = shares

    @classmethod
    def of(cls, joint: Joint, z: Latents, log_q: tf.Tensor | None = None) -> "Draws":
        """What the joint says of latents z, [S, B, ...].

        Args:
          joint: its log-likelihood and prior are asked, and its posterior without `log_q`.
          z: [S, B, ...].
          log_q: log q(z | x), where it is known, or its gradient is another one.
        """
        likelihood, log_pz = joint.log_likelihood(z), joint.prior.log_prob(z)
        return cls(likelihood, log_pz, joint.posterior.log_prob(z) if log_q is None else log_q)

    @functools.cached_property
    def log_joint(self) -> tf.Tensor:
        """log p(x, z)."""
        return self.log_px + self.log_pz

    @functools.cached_property
    def log_weights(self) -> tf.Tensor:
        """log p(x, z) - log q(z | x)."""
        return self.log_joint - self.log_q

    @functools.cached_property
    def log_ratio(self) -> tf.Tensor:
        """log q(z | x) - log p(z)."""
        return self.log_q - self.log_pz

    @functools.cached_property
    def mean_log_px(self) -> tf.Tensor:
        """The mean of log p(x | z) under the posterior, [B]."""
        return self.mean(self.log_px)

    @functools.cached_property
    def mean_log_ratio(self) -> tf.Tensor:
        """The estimate of the divergence, [B]."""
        return self.mean(self.log_ratio)

    @functools.cached_property
    def true(self) -> "Draws":
        """The same with weight 1 on every term: itself, where nothing within is weighted."""
        if self.inner is None:
            return self
        return Draws(self.inner.value, self.log_pz, self.log_q, shares=self.shares)

    def with_shares(self, shares: tf.Tensor) -> "Draws":
        """The same, counted by these shares [S, B]."""
        likelihood = self.log_px if self.inner is None else self.inner
        return Draws(likelihood, self.log_pz, self.log_q, shares=shares)

    def mean(self, x: tf.Tensor) -> tf.Tensor:
        """The mean under the posterior: [S, B] -> [B]."""
        return tf.reduce_mean(x, axis=0) if self.shares is None else expectation(self.shares, x)

    def bound(
        self,
        value: "Callable[[Draws], tf.Tensor] | None" = None,
        *,
        kl: tf.Tensor | None = None,
        loss: tf.Tensor | None = None,
        surrogate: tf.Tensor | None = None,
    ) -> Bound:
        """The `Bound` of these draws.

        Args:
          value: draws -> the bound [B]; by default the mean of log p(x | z) less `kl`.
          kl: [B]; by default the estimate from the draws.
          loss: [B]; by default minus the value, with minus the gradient of `surrogate`.
          surrogate: [B], finite; only its gradient counts.
        """
        kl = self.mean_log_ratio if kl is None else kl

        def elbo(draws: Draws) -> tf.Tensor:
            return draws.mean_log_px - kl

        value = value or elbo
        trained = value(self)
        if loss is None:
            loss = tf.stop_gradient(surrogate) - surrogate - tf.stop_gradient(trained)
        if self.inner is None:
            return Bound(loss, trained, self.mean_log_px, kl, self.log_weights)
        return Bound(
            loss=loss,
            value=value(self.true),
            reconstruction=self.mean(self.inner.reconstruction),
            kl=kl + self.mean(self.inner.kl),
            log_weights=self.true.log_weights,
        )


def concatenated(parts: Sequence[Draws]) -> Draws:
    """Draws of several kinds as one, along S."""

    def joined(values: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat(list(values), axis=0)

    bounds = [part.inner for part in parts]
    if bounds[0] is None:
        likelihood: tf.Tensor | Bound = joined([part.log_px for part in parts])
    else:
        fields = zip(*bounds, strict=True)
        likelihood = Bound(*(joined(field) for field in fields))
    log_pz, log_q = (joined([getattr(p, name) for p in parts]) for name in ("log_pz", "log_q"))
    return Draws(likelihood, log_pz, log_q)
