"""A grammar for each sentence, from a latent vector."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers import (
    CompoundContextFreeGrammar,
    DistributionLayer,
    MultivariateNormalDiag,
    ProjectedDistributionLayer,
    require_prior,
    require_projected_layer,
    standard_prior,
)
from tfp_dgm.models.dreams import dreamed, log_posterior_of_dreams
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.structure_answers import signature_of_texts
from tfp_dgm.models.takes_texts import TakesTexts
from tfp_dgm.models.text_inputs import (
    check_vocabulary,
    closed,
    require_uncut_words,
)
from tfp_dgm.models.vae import build_network
from tfp_dgm.objectives import Joint
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD


@keras.saving.register_keras_serializable(package="tfp_dgm")
class CompoundGrammar(TakesTexts, LatentVariableModel):
    """A compound probabilistic context-free grammar [1].

        z ~ p(z);   tree ~ grammar(z);   words ~ grammar(z);   q(z | x) = posterior(encoder(x))

    Given z, trees are summed out exactly; without it, words at any distance depend on each other,
    as the rules of one grammar for all sentences cannot make them. Inputs are token ids int [B, T],
    rows of two words or more, closed by END and filled with PAD, or strings [B] where there is a
    vocabulary. `predict` and calling the model give the posterior's mean, [B, Z].

    Args:
      encoder: Keras layer, token ids [B, T] -> features [B, D]; the paper's is an LSTM whose states
        are max-pooled.
      likelihood: of texts, from latents.
      latent_units: Z, where `posterior` is not given.
      posterior: distribution layer over the latent; `MultivariateNormalDiag(latent_units)`.
      prior: `layers.standard_prior(posterior)`.
      vocabulary: of words between spaces (`split_punctuation=False`), of as many as the likelihood.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if likelihood, posterior or prior are no such layers.
      ValueError: if neither `latent_units` nor `posterior` is given, or the vocabulary is of
        another size or cuts words.
    References:
      [1] Kim, Dyer and Rush. Compound Probabilistic Context-Free Grammars for Grammar Induction.
        ACL 2019. arXiv:1906.10225
    """

    def __init__(
        self,
        encoder: keras.Layer,
        likelihood: CompoundContextFreeGrammar,
        *,
        latent_units: int | None = None,
        posterior: ProjectedDistributionLayer | None = None,
        prior: DistributionLayer | None = None,
        vocabulary: WordVocabulary | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if posterior is None:
            if latent_units is None:
                raise ValueError(
                    "CompoundGrammar: give `latent_units` or a `posterior`; received none"
                )
            posterior = MultivariateNormalDiag(latent_units, name="posterior")
        prior = standard_prior(posterior) if prior is None else prior
        if not isinstance(likelihood, CompoundContextFreeGrammar):
            raise TypeError(
                "CompoundGrammar: `likelihood` must be a CompoundContextFreeGrammar; received "
                f"{likelihood!r}"
            )
        require_projected_layer(self, "posterior", posterior)
        require_prior(self, "prior", prior)
        if vocabulary is not None:
            require_uncut_words(self, vocabulary)
            check_vocabulary(self, vocabulary, likelihood, "likelihood")
        self.encoder = encoder
        self.likelihood = likelihood
        self.posterior_layer = posterior
        self.prior_layer = prior
        self.vocabulary = vocabulary
        self.save_as(posterior=posterior, prior=prior)

    def build(self, input_shape: Any) -> None:
        self.posterior_layer.build(build_network(self.encoder, (input_shape[0], None)))
        if not self.prior_layer.built:
            self.prior_layer.build((None, 1))
        self.likelihood.build((None, self.posterior_layer.event_size))
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        token_ids = None if inputs is None else self.token_ids(inputs)  # [B, T]

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            # A grammar for each draw and row: one batch axis.
            grammars = self.decode(tf.reshape(z, [-1, z.shape[-1]]), training=training)
            repeated = tf.tile(token_ids, [tf.reduce_prod(tf.shape(z)[:-2]), 1])
            return tf.reshape(grammars.log_prob(repeated), tf.shape(z)[:-1])  # [S, B]

        def parameters() -> tf.Tensor:
            features = self.encoder(token_ids, training=training)  # [B, D]
            return self.posterior_layer.parameters(features, training)  # [B, P]

        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: self.prior_layer.as_prior(
                None, posterior_of_features=self.posterior_layer, training=training
            ),
            parameters=parameters,
            family=self.posterior_layer.distribution,
            dream_log_posterior=log_posterior_of_dreams(self, token_ids, training),
            training=training,
        )

    def decode(
        self, z: tf.Tensor, training: bool = False
    ) -> distributions.ProbabilisticContextFreeGrammar:
        """p(x | z) for latents [B, Z]; batch shape [B]."""
        return self.likelihood(z, training=training)

    def trees(self, inputs: Any) -> distributions.GrammarTree:
        """p(tree | x, z) at the posterior's mean of z, batch shape [B]."""
        token_ids = self.token_ids(inputs)
        return self.decode(self(token_ids)).posterior(token_ids)

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        """Pairs from the model itself, as many as there are inputs: z [B, Z], x [B, T]."""
        return dreamed(self, inputs, seed, training)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return distributions.point_estimate(self.posterior(inputs, training=training))

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: text -> tokens and the best tree, see `answer_of`; without a
        vocabulary token ids [T] -> brackets [T, T], see `minimum_bayes_risk`.
        """
        if self.vocabulary is not None:
            signature = signature_of_texts(
                self.vocabulary, lambda token_ids: (self.trees(closed(token_ids)), {})
            )
            return {"serving_default": signature}

        def parse(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"brackets": self.trees(inputs).minimum_bayes_risk()}

        word = min(NUM_SPECIAL, self.likelihood.vocabulary_size - 1)
        examples = [[word, word, word, END], [word, word, END, PAD]]
        inputs = {"inputs": tf.TensorSpec([None, None], tf.int32)}
        return {"serving_default": Signature(inputs, parse, {"inputs": examples}, xla=False)}
