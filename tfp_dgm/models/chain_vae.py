"""A variational autoencoder whose latent is a chain of states: tags that nobody has given."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import LinearChain as Chain
from tfp_dgm.distributions.annotations import given_annotation
from tfp_dgm.layers import LinearChain, TokenSequence
from tfp_dgm.layers.constraints import whole_numbers_below
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.state_likelihoods import log_likelihood_by_state, log_likelihood_of_states
from tfp_dgm.models.vae import build_network
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.objectives import EnumeratedELBO, Joint, Objective, ScoreFunctionELBO
from tfp_dgm.token_ids import PAD


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ChainVAE(LatentVariableModel):
    """A hidden Markov model with a conditional random field as its posterior [1].

        z_1 ~ p(z_1);   z_t+1 ~ p(z_t+1 | z_t);   x_t ~ softmax(emission(z_t))
        q(z | x) = chain(encoder(x)), a linear chain over all states of a sentence

    With a `decoder`, tokens depend on those before them, too: x_t ~ softmax(decoder(z_t, x_<t)),
    which reads x_<t under the state z_t alone, so that all bounds stay exact. A decoder that
    `remembers_states` steps through the text under each token's own state, and so says
    p(x_t | z_<=t, x_<t): the bound is then estimated by draws (`ScoreFunctionELBO`, the default),
    and objectives that sum the states out refuse it.

    Annotations, the targets of `fit`, are states [B, T], -1 where they are not known. The posterior
    is conditioned on them, and

        loss = -bound - annotation_weight log q(known states | x)

    Rows differ in length: token ids are int [B, T], filled with PAD. `predict` and calling the
    model give the marginals q(z_t | x), [B, T, K]; what stands there for the padding means nothing.

    Args:
      vocabulary_size: V.
      num_states: K.
      encoder: Keras layer, token ids [B, T] -> features [B, T, D].
      emission: Keras layer, one-hot states [N, K] -> logits of tokens [N, V]; a dense layer.
      decoder: in the place of `emission`, with `conditioning_units` = K and no memory.
      remembers_states: whether the decoder sees the states of the tokens before.
      annotation_weight: weight of the log-probability of what is annotated, in nats of an example.
      seed: see `LatentVariableModel`.
    Raises:
      ValueError: if both `emission` and `decoder` are given, the decoder is of other sizes, or
        remembers states and drops something out, which no step does.
    References:
      [1] Ammar, Dyer and Smith. Conditional Random Field Autoencoders for Unsupervised Structured
        Prediction. NeurIPS 2014. arXiv:1411.1147
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_states: int,
        encoder: keras.Layer,
        *,
        emission: keras.Layer | None = None,
        decoder: SequenceDecoder | None = None,
        remembers_states: bool = False,
        annotation_weight: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_states = num_states
        self.encoder = encoder
        self.decoder = decoder
        self.remembers_states = remembers_states
        if decoder is None:
            emission = emission or keras.layers.Dense(
                vocabulary_size,
                # States that begin equal would stay so.
                kernel_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=seed),
                name="emission",
            )
        self._check_decoder(emission)
        self.emission: Any = emission  # One of these two is None.
        # Its events are not those of the model, which may end anywhere.
        self._tokens: Any = None if decoder is None else TokenSequence(decoder, 1, name="tokens")
        self.annotation_weight = annotation_weight
        self.posterior_layer = LinearChain(num_states, name="posterior")
        self.save_as(emission=emission)
        self.objective = self.default_objective()

    def _check_decoder(self, emission: keras.Layer | None) -> None:
        decoder = self.decoder
        if decoder is None:
            if self.remembers_states:
                raise ValueError("ChainVAE: `remembers_states` needs a `decoder`; received none")
            return
        if emission is not None:
            raise ValueError("ChainVAE: give `emission` or `decoder`; received both")
        sizes = decoder.vocabulary_size, decoder.conditioning_units, decoder.memory_units
        if sizes != (self.vocabulary_size, self.num_states, 0):
            raise ValueError(
                "ChainVAE: the decoder's `vocabulary_size`, `conditioning_units` and "
                f"`memory_units` must be {self.vocabulary_size}, {self.num_states} and 0; "
                f"received {sizes[0]}, {sizes[1]} and {sizes[2]}"
            )
        if self.remembers_states and (decoder.dropout_rate or decoder.word_dropout_rate):
            raise ValueError(
                "ChainVAE: with `remembers_states`, the decoder's `dropout` and `word_dropout` "
                f"must be 0; received {decoder.dropout_rate} and {decoder.word_dropout_rate}"
            )

    def default_objective(self) -> Objective:
        # Asked for by the base class, too, before there are arguments.
        return ScoreFunctionELBO() if getattr(self, "remembers_states", False) else EnumeratedELBO()

    def build(self, input_shape: Any) -> None:
        self.posterior_layer.build(build_network(self.encoder, tuple(input_shape)))
        if self._tokens is not None:
            self._tokens.build()
        else:
            build_network(self.emission, (None, self.num_states))
        states = self.num_states
        for name, shape in (("initial_logits", (states,)), ("transition_logits", (states, states))):
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the inputs are token ids [B, T] below V.

        Raises:
          ValueError: if they have another number of axes.
          InvalidArgumentError: if a value is no token id; names it and its row.
        """
        token_ids = with_event_shape(tf.convert_to_tensor(inputs), (None,), "ChainVAE: `x`")
        support = whole_numbers_below(self.vocabulary_size)
        valid = support.holds(tf.cast(token_ids, tf.float32))
        assert_valid(valid, token_ids, f"ChainVAE: `x` must be {support.description}")

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        token_ids = tf.cast(inputs, tf.int32)
        read = token_ids != PAD

        def prior() -> Chain:
            shape = tf.concat([tf.shape(token_ids), [self.num_states]], axis=0)
            return Chain(
                tf.ensure_shape(tf.zeros(shape), [*token_ids.shape, self.num_states]),
                tf.nn.log_softmax(tf.convert_to_tensor(self.transition_logits)),
                tf.nn.log_softmax(tf.convert_to_tensor(self.initial_logits)),
                lengths=tf.reduce_sum(tf.cast(read, tf.int32), axis=1),
            )

        def posterior() -> Chain:
            features = self.encoder(token_ids, training=training)
            return self.posterior_layer(features, training=training, mask=read)

        def log_emissions() -> tf.Tensor:
            if self._tokens is not None:
                return log_likelihood_by_state(
                    self._tokens, token_ids, self.num_states, training=training
                )
            logits = self.emission(tf.eye(self.num_states), training=training)  # [K, V]
            log_probs = tf.transpose(tf.nn.log_softmax(tf.cast(logits, tf.float32)))
            return tf.where(read[..., tf.newaxis], tf.gather(log_probs, token_ids), 0.0)

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:  # [S, B, T]
            if self.remembers_states:
                return log_likelihood_of_states(self._tokens, token_ids, z, self.num_states)
            chosen = tf.one_hot(z, self.num_states) * joint.part_log_likelihood
            return tf.reduce_sum(chosen, axis=[-2, -1])

        joint = Joint(
            self,
            log_likelihood=log_likelihood,
            prior=prior,
            posterior=posterior,
            part_log_likelihood=None if self.remembers_states else log_emissions,
            training=training,
        )
        return joint

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        joint = self.joint(inputs, training=training)
        if targets is None:
            bound = self.bound_of(joint)
            return bound.loss, parts_of(bound)
        whole = joint.posterior
        given = given_annotation(whole, targets)
        bound = self.bound_of(joint.replaced(posterior=lambda: given))
        known = given.log_partition() - whole.log_partition()
        return bound.loss - self.annotation_weight * known, parts_of(bound)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.posterior(inputs, training=training).marginals().unary

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: token ids [T] -> the best states [T], and marginals [T, K]."""

        def tag(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            posterior = self.posterior(inputs)
            return {"states": posterior.mode(), "marginals": posterior.marginals().unary}

        examples = [[1, 2, PAD], [2, 1, 1]]
        inputs = {"inputs": tf.TensorSpec([None, None], tf.int32)}
        return {"serving_default": Signature(inputs, tag, {"inputs": examples}, xla=False)}
