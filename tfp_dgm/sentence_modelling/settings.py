"""What a model of texts is made of and how it is trained."""

import dataclasses
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from pydantic import Field

from tfp_dgm.sentence_modelling.divergence_settings import KL, Remedies
from tfp_dgm.sentence_modelling.latent_settings import (
    ImplicitPrior,
    NormalPosterior,
    NormalPrior,
    PointMassPosterior,
    Posterior,
    Prior,
)
from tfp_dgm.sentence_modelling.network_settings import (
    Decoder,
    Encoder,
    LSTMDecoder,
    LSTMEncoder,
    Size,
    Vocabulary,
    Words,
)
from tfp_dgm.sentence_modelling.objective_settings import Bound, Objective, WassersteinMMD
from tfp_dgm.settings import Seed, settings_class

Positive = Annotated[float, Gt(0)]


@settings_class
class ConstantRate:
    """The same rate throughout.

    Attributes:
      value: of the steps; at first, where it falls.
    """

    kind: Literal["constant"] = "constant"
    value: Positive = 0.001


@settings_class
class CosineRate:
    """A rate that falls along half a cosine, over the epochs after the pretraining.

    Attributes:
      value: of the steps; at first, where it falls.
      final_share: what is left of it at the end.
    """

    kind: Literal["cosine"] = "cosine"
    value: Positive = 0.001
    final_share: Annotated[float, Ge(0), Lt(1)] = 0.05


@settings_class
class TextModelSettings:
    """Everything that decides a training besides its sentences.

    Attributes:
      model: a text VAE, or a language model: the same decoder without a latent, to which the
        settings of encoder, latent and divergence mean nothing, so that one file serves both.
      vocabulary: what a token is.
      max_length: tokens of a text, its end included; longer lines are left out and counted.
      encoder: of sentences, to the posterior's features.
      decoder: of latents, to sentences.
      latent_units: Z.
      posterior: the distribution of a latent, given its sentence.
      prior: the distribution of all latents.
      objective: what is optimised; `kl` and `remedies` belong to the bound, but for the bag of
        words.
      kl: the divergence of the posterior from the prior, and its cost.
      remedies: against a posterior that collapses.
      epochs: at most, those of the pretraining included.
      patience: epochs without a better bound on the held-out sentences before training stops.
      batch_size: sentences of a step.
      learning_rate: of Adam.
      clipnorm: the norm of a weight's gradient at most; null for no limit.
      precision: of training; what is saved computes in float32.
      seed: of everything.
    Raises:
      ValueError: if a setting is out of its range, or settings do not go together.
    """

    model: Literal["vae", "language_model"] = "vae"
    vocabulary: Vocabulary = Words()
    max_length: Size = 60
    encoder: Encoder = LSTMEncoder()
    decoder: Decoder = LSTMDecoder()
    latent_units: Size = 32
    posterior: Posterior = NormalPosterior()
    prior: Prior = NormalPrior()
    objective: Objective = Bound()
    kl: KL = KL()
    remedies: Remedies = Remedies()
    epochs: Size = 20
    patience: Annotated[int, Ge(0)] = 5
    batch_size: Size = 32
    learning_rate: Annotated[ConstantRate | CosineRate, Field(discriminator="kind")] = (
        ConstantRate()
    )
    clipnorm: Positive | None = 5.0
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.pretraining_epochs >= self.epochs:
            raise ValueError(
                "remedies.pretraining_epochs must be below epochs, which count them; received "
                f"{self.pretraining_epochs} of {self.epochs}"
            )
        spherical = (
            self.posterior.kind == "power_spherical",
            self.prior.kind == "spherical_uniform",
        )
        if spherical[0] != spherical[1]:
            raise ValueError(
                "posterior.kind=power_spherical and prior.kind=spherical_uniform go together; "
                f"received {self.posterior.kind} and {self.prior.kind}"
            )

        self._check_objective()

    def _check_objective(self) -> None:
        chosen = self.objective
        if not isinstance(chosen, Bound):
            given = [
                f"remedies.{name}"
                for name in ("pretraining_epochs", "aggressive", "semi_amortized")
                if getattr(self.remedies, name)
            ]
            given += [
                f"kl.{field.name}"
                for field in dataclasses.fields(KL)
                if getattr(self.kl, field.name) != getattr(KL(), field.name)
            ]
            if given:
                raise ValueError(
                    f"{', '.join(given)}: for objective.kind=elbo; received "
                    f"objective.kind={chosen.kind}"
                )
            if self.prior.kind in ("mixture", "vamp"):
                raise ValueError(
                    f"prior.kind={self.prior.kind}: draws of it cannot be reparameterised, as "
                    f"objective.kind={chosen.kind} needs"
                )
        if isinstance(chosen, WassersteinMMD) and chosen.weight and self.batch_size < 2:
            raise ValueError(
                "objective.kind=wae_mmd: compares the latents of a batch with each other; expected "
                f"a batch_size of 2 or more, received {self.batch_size}"
            )
        without = [
            f"{name}.kind={part.kind}"
            for name, part in {"posterior": self.posterior, "prior": self.prior}.items()
            if isinstance(part, PointMassPosterior | ImplicitPrior)
        ]
        if isinstance(chosen, Bound) and without:
            raise ValueError(
                f"{' and '.join(without)}: without a density there is no bound; expected "
                "objective.kind=wae_mmd or aae, received elbo"
            )
        unscaled = isinstance(chosen, WassersteinMMD) and chosen.kernel_scale is None
        if unscaled and self.prior.kind == "implicit":
            raise ValueError(
                "prior.kind=implicit: objective.kernel_scale must be a number, since the prior "
                "knows no variance; received null"
            )

    @property
    def pretraining_epochs(self) -> int:
        """Epochs of the training as an autoencoder, 0 where there are none."""
        return (self.remedies.pretraining_epochs or 0) if self.model == "vae" else 0
