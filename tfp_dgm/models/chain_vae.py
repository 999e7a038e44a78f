"""A variational autoencoder whose latent is a chain of states: tags that nobody has given."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import LinearChain as Chain
from tfp_dgm.distributions.annotations import given_annotation, log_prob_of_annotation
from tfp_dgm.layers import LinearChain
from tfp_dgm.layers.constraints import whole_numbers_below
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import build_network
from tfp_dgm.objectives import EnumeratedELBO, Joint, Objective
from tfp_dgm.token_ids import PAD


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ChainVAE(LatentVariableModel):
    """A hidden Markov model with a conditional random field as its posterior [1].

        z_1 ~ p(z_1);   z_t+1 ~ p(z_t+1 | z_t);   x_t ~ softmax(emission(z_t))
        q(z | x) = chain(encoder(x)), a linear chain over all states of a sentence

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
      annotation_weight: weight of the log-probability of what is annotated, in nats of an example.
      seed: see `LatentVariableModel`.
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
        annotation_weight: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_states = num_states
        self.encoder = encoder
        self.emission = emission or keras.layers.Dense(
            vocabulary_size,
            # States that begin equal would stay so.
            kernel_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=seed),
            name="emission",
        )
        self.annotation_weight = annotation_weight
        self.posterior_layer = LinearChain(num_states, name="posterior")
        self.save_as(emission=self.emission)

    def default_objective(self) -> Objective:
        return EnumeratedELBO()

    def build(self, input_shape: Any) -> None:
        self.posterior_layer.build(build_network(self.encoder, tuple(input_shape)))
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
            logits = self.emission(tf.eye(self.num_states), training=training)  # [K, V]
            log_probs = tf.transpose(tf.nn.log_softmax(tf.cast(logits, tf.float32)))
            return tf.where(read[..., tf.newaxis], tf.gather(log_probs, token_ids), 0.0)

        joint = Joint(
            self,
            log_likelihood=lambda z: tf.reduce_sum(  # z: [S, B, T]
                tf.one_hot(z, self.num_states) * joint.part_log_likelihood, axis=[-2, -1]
            ),
            prior=prior,
            posterior=posterior,
            part_log_likelihood=log_emissions,
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
        bound = self.bound_of(joint.replaced(posterior=lambda: given_annotation(whole, targets)))
        known = log_prob_of_annotation(whole, targets)
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
