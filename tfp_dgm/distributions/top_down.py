"""The generative side of latents in several layers."""

from typing import Any

from tensorflow_probability import distributions as tfd


class TopDown(tfd.JointDistributionSequential):
    """Layers drawn from the last to the first, as a list from the first to the last.

        p(z_1, ..., z_L) = p(z_L) prod_l p(z_l | z_{l+1}),    z = [z_1, ..., z_L]

    An inference network draws its layers bottom up, a generative one top down; both speak of the
    same list.

    Args:
      model: list of p(z_L), then functions z_{l+1} -> p(z_l | z_{l+1}), in the order of drawing.
      **kwargs: see `tfd.JointDistributionSequential`.
    """

    def _model_flatten(self, xs: Any) -> Any:
        return super()._model_flatten(xs if xs is None else xs[::-1])

    def _model_unflatten(self, xs: Any) -> Any:
        return super()._model_unflatten(xs)[::-1]
