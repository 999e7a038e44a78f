"""The variational autoencoder of sentences whose latent is a few codes of a codebook."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions, objectives
from tfp_dgm.layers import (
    Prior,
    TokenSequence,
    VectorQuantizer,
    require_prior,
    standard_prior,
    stateless_seed,
)
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.takes_texts import WritesTexts
from tfp_dgm.models.text_inputs import check_vocabulary
from tfp_dgm.models.usage_entropy import UsagePerplexity
from tfp_dgm.models.vae import build_network
from tfp_dgm.networks import SequenceDecoder, SequenceEncoder
from tfp_dgm.objectives import Joint
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END, PAD

# Logits of more draws than one are kept for so many positions at a time.
_POSITIONS_AT_ONCE = 2048


@keras.saving.register_keras_serializable(package="tfp_dgm")
class QuantizedTextVAE(WritesTexts, LatentVariableModel):
    """Vector-quantised variational autoencoder of sentences (VQ-VAE [1]; soft EM [2]).

        c ~ p(c), M codes out of K;    x_t ~ softmax(decoder(e_c1 .. e_cM, x_<t))
        q(c | x) by the distances of the encoder's M vectors from the codebook's e_1 .. e_K

    Latents are one-hot codes [..., M, K]. `layers.VectorQuantizer` says how near codes are chosen
    and how the codebook learns: in each step of training, after its bound. The default objective is
    `VectorQuantizedELBO`; others for categorical latents pass no gradient by the quantisation, and
    train soft codes and a codebook that learns by gradients.

    A learned prior follows the codes beside the training, and moves nothing else. To fit it to the
    codes of a trained model alone, train it as what it is, a distribution over them:
    `ExactLikelihoodModel(model.prior_layer).fit(model.likeliest_codes(texts))`.

    Of the codebook's averages, all texts of a batch that have a word count the same, whatever their
    weights. Training and evaluation log `usage_perplexity`: exp of the entropy of the codes' shares
    over all texts and places of an epoch, from 1, where all have one code, to K.

    Inputs are token ids [B, T] or strings [B]. `predict` and calling the model give the vectors of
    the likeliest codes, [B, M D].

    Args:
      encoder: token ids [B, T] -> features [B, F].
      decoder: with `conditioning_units` M D.
      posterior: q(c | x), and the codebook.
      prior: p(c); uniform where None. `layers.NeuralAutoregressivePrior(M, K)` learns all that
        codes tell of each other, `layers.OneHotCategoricalPrior(M, K)` how frequent they are.
      vocabulary: takes strings to token ids and back.
      max_length: tokens of a draw, END included.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if posterior or prior are no such layers.
      ValueError: if the decoder is of another size.
    References:
      [1] van den Oord, Vinyals and Kavukcuoglu. Neural Discrete Representation Learning. NeurIPS
        2017. arXiv:1711.00937
      [2] Roy, Vaswani, Neelakantan and Parmar. Theory and Experiments on Vector Quantized
        Autoencoders. 2018. arXiv:1805.11063
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        decoder: SequenceDecoder,
        *,
        posterior: VectorQuantizer,
        prior: Prior | None = None,
        vocabulary: Vocabulary | None = None,
        max_length: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if not isinstance(posterior, VectorQuantizer):
            raise TypeError(
                "QuantizedTextVAE: `posterior` must be a layers.VectorQuantizer; received "
                f"{posterior!r}"
            )
        prior = standard_prior(posterior) if prior is None else prior
        require_prior(self, "prior", prior)
        if decoder.conditioning_units != posterior.parameter_size:
            raise ValueError(
                "QuantizedTextVAE: the decoder's `conditioning_units` must be M D, the size of all "
                f"vectors, {posterior.parameter_size}; received {decoder.conditioning_units}"
            )
        check_vocabulary(self, vocabulary, decoder)
        self.encoder = encoder
        self.posterior_layer = posterior
        self.prior_layer = prior
        self.likelihood = TokenSequence(decoder, max_length, name="likelihood")
        self.vocabulary = vocabulary
        self.save_as(prior=prior)
        self._trackers["usage_perplexity"] = UsagePerplexity(
            posterior.num_values, name="usage_perplexity"
        )

    def default_objective(self) -> objectives.Objective:
        return objectives.VectorQuantizedELBO()

    def build(self, input_shape: Any) -> None:
        self.posterior_layer.build(build_network(self.encoder, (input_shape[0], None)))
        self.prior_layer.build()
        self.likelihood.build()
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        token_ids = None if inputs is None else self.token_ids(inputs)  # [B, T]
        quantizer = self.posterior_layer

        def parameters() -> tf.Tensor:
            features = self.encoder(token_ids, training=training)  # [B, F]
            return quantizer.parameters(features, training)  # [B, M D]

        def straight_through(codes: tf.Tensor) -> tf.Tensor:
            found = quantizer.vectors(joint.parameters)  # [B, M, D]
            passed = found + tf.stop_gradient(quantizer.embed(codes) - found)  # [S, B, M, D]
            return self._texts(passed, training).log_prob(token_ids)

        def amounts() -> dict[str, tf.Tensor]:
            of_vectors, of_codes = quantizer.distances(joint.parameters, joint.posterior)
            found = {"commitment": of_vectors}
            return found | ({"codebook": of_codes} if quantizer.decay is None else {})

        joint = Joint(
            self,
            log_likelihood=lambda codes: self.decode(codes, training=training).log_prob(token_ids),
            straight_through=straight_through,
            prior=lambda: self.prior_layer(training=training),
            parameters=parameters,
            family=quantizer.distribution,
            amounts=amounts,
            training=training,
        )
        return joint

    def decode(self, codes: tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x | c) of one-hot codes [..., M, K], or mixtures of them; batch shape [...]."""
        return self._texts(self.posterior_layer.embed(codes), training)

    def _texts(self, vectors: tf.Tensor, training: bool) -> distributions.TokenSequence:
        """p(x | c) of the codes' vectors [..., M, D]."""
        size = self.posterior_layer.parameter_size
        flat = tf.reshape(vectors, tf.concat([tf.shape(vectors)[:-2], [size]], axis=0))
        flat = tf.ensure_shape(flat, [*vectors.shape[:-2], size])  # [..., M D]
        draws = flat.shape[0] if len(flat.shape) > 2 else 1
        return self.likelihood(
            flat,
            training=training,
            positions_at_once=None if draws == 1 else _POSITIONS_AT_ONCE,
        )

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        del targets
        token_ids = self.token_ids(inputs)
        joint = self.joint(token_ids, training=training)
        bound = self.bound_of(joint)
        if training and self.posterior_layer.temperature is None:
            self._require_distances(joint)  # Which that objective asks for.
        probabilities = joint.posterior.mean()  # [B, M, K], by the codebook before the update.
        if training:
            seed = stateless_seed(self.seed_generator)
            # A replica without examples has one of zeros.
            words = tf.reduce_any((token_ids != PAD) & (token_ids != END), axis=1)
            self.posterior_layer.update(joint.parameters, joint.posterior, seed, counted=words)
        usage = tf.reduce_mean(probabilities, axis=1)  # [B, K]
        return bound.loss, {**parts_of(bound), "usage_perplexity": (usage, None)}

    def _require_distances(self, joint: Joint) -> None:
        if not joint.was_asked_for("amounts"):
            raise ValueError(
                f"{type(self).__name__}: `objective` must be a VectorQuantizedELBO where codes are "
                f"hard; received {type(self.objective).__name__}, of which no gradient reaches the "
                "encoder unless the VectorQuantizer has a `temperature`"
            )

    def likeliest_codes(self, inputs: Any) -> tf.Tensor:
        """The likeliest codes, one-hot: float32 [B, M, K]."""
        probabilities = self.posterior(inputs).mean()
        return tf.one_hot(tf.argmax(probabilities, axis=-1), self.posterior_layer.num_values)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        vectors = self.posterior_layer.embed(self.likeliest_codes(inputs))  # [B, M, D]
        return tf.reshape(vectors, [-1, self.posterior_layer.parameter_size])
