"""A language model with a latent at every token."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import point_estimate
from tfp_dgm.distributions.decoded_text import ended_before, read_before
from tfp_dgm.distributions.linear_softmax import linear_log_softmax
from tfp_dgm.distributions.token_sequence import never_written
from tfp_dgm.layers import (
    MultivariateNormalDiag,
    ProjectedDistributionLayer,
    TokenSequence,
    require_projected_layer,
)
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.takes_texts import WritesTexts
from tfp_dgm.models.text_inputs import check_vocabulary
from tfp_dgm.models.vae import build_network
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.objectives import FIVO, Joint, Objective, Steps
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD

# The decoder's last features [S, B, F], and its state.
State = tuple[tf.Tensor, Any]


@keras.saving.register_keras_serializable(package="tfp_dgm")
class StochasticRecurrentTextModel(WritesTexts, LatentVariableModel):
    """A recurrent language model with a latent vector at each token (VRNN [1], SRNN [2]).

        z_t ~ prior(h_t-1, e(x_t-1))
        h_t = decoder(h_t-1, x_t-1, z_t);    x_t ~ softmax(W h_t + b)
        q(z_t | z_<t, x) = posterior(h_t-1, e(x_t-1), encoder(x)_t)

    with e the decoder's embedding, x_0 = START and h_0 = 0. As h remembers all latents and tokens
    before, prior and posterior are p(z_t | z_<t, x_<t) and q(z_t | z_<t, x). What the posterior
    sees of x is the encoder's: one that reads from left to right filters (x_<=t [1]), one that
    reads in both directions smooths (all of x [2]).

    Inputs are token ids int32 [B, T], each row closed by END and filled with PAD, or strings [B]
    where there is a vocabulary. Trained by `objectives.FIVO`; one particle is the ELBO. `predict`
    and calling the model give the means of the posterior, [B, T, Z], each given those before it;
    zeros at PAD.

    Args:
      encoder: token ids [B, T] -> features [B, T, D].
      decoder: with `conditioning_units` of the latent's size, no memory, and without dropout,
        which no step has.
      latent_units: Z, where `posterior` is not given.
      posterior: distribution layer over one latent; `MultivariateNormalDiag(latent_units)`.
      prior: another one, of the same size; `MultivariateNormalDiag(latent_units)`.
      posterior_network: Keras layer before `posterior`, features [N, .] -> [N, D'].
      prior_network: the same before `prior`.
      vocabulary: takes strings to token ids and back.
      max_length: tokens of a draw, END included.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if posterior or prior are no such layers.
      ValueError: if the parts are of other sizes, or the decoder drops something out.
    References:
      [1] Chung et al. A Recurrent Latent Variable Model for Sequential Data. NeurIPS 2015.
        arXiv:1506.02216
      [2] Fraccaro et al. Sequential Neural Models with Stochastic Layers. NeurIPS 2016.
        arXiv:1605.07571
    """

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: SequenceDecoder,
        *,
        latent_units: int | None = None,
        posterior: ProjectedDistributionLayer | None = None,
        prior: ProjectedDistributionLayer | None = None,
        posterior_network: keras.Layer | None = None,
        prior_network: keras.Layer | None = None,
        vocabulary: Vocabulary | None = None,
        max_length: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        owner = type(self).__name__
        if posterior is None:
            if latent_units is None:
                raise ValueError(f"{owner}: give `latent_units` or a `posterior`; received none")
            posterior = MultivariateNormalDiag(latent_units, name="posterior")
        require_projected_layer(self, "posterior", posterior)
        if prior is None:
            prior = MultivariateNormalDiag(posterior.event_size, name="prior")
        require_projected_layer(self, "prior", prior)
        for name, size in (
            ("prior", prior.event_shape),
            ("decoder", (decoder.conditioning_units,)),
        ):
            if size != posterior.event_shape:
                raise ValueError(
                    f"{owner}: the latent has the shape {posterior.event_shape} of the posterior's "
                    f"events; received {size} of the {name}"
                )
        dropped = decoder.dropout_rate, decoder.word_dropout_rate, decoder.memory_units
        if any(dropped):
            raise ValueError(
                f"{owner}: the decoder's `dropout`, `word_dropout` and `memory_units` must be 0; "
                f"received {dropped[0]}, {dropped[1]} and {dropped[2]}"
            )
        check_vocabulary(self, vocabulary, decoder)
        self.encoder = encoder
        self.posterior_layer = posterior
        self.prior_layer = prior
        self.posterior_network = posterior_network
        self.prior_network = prior_network
        # Its events are the model's; each of its steps is taken under a latent of its own.
        self.likelihood = TokenSequence(decoder, max_length, name="likelihood")
        self.vocabulary = vocabulary
        self.save_as(posterior=posterior, prior=prior)

    def default_objective(self) -> Objective:
        return FIVO()

    def build(self, input_shape: Any) -> None:
        self.likelihood.build()
        read = build_network(self.encoder, (input_shape[0], None))
        if len(read) != 3:
            raise ValueError(
                f"{type(self).__name__}: `encoder` must give features [B, T, D] (one with "
                f"`return_sequences`, say); received the shape {tuple(read)}"
            )
        known = self.decoder.output_kernel.shape[1] + self.decoder.embedding_units
        for layer, network, size in (
            (self.prior_layer, self.prior_network, known),
            (self.posterior_layer, self.posterior_network, known + read[-1]),
        ):
            layer.build(build_network(network, (None, size)))
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        token_ids = self.token_ids(inputs)  # [B, T]
        return Joint(
            self, steps=lambda: self.steps(token_ids, training=training), training=training
        )

    def steps(self, token_ids: tf.Tensor, *, training: bool = False) -> Steps:
        """The latents of texts [B, T], one step a token; what depends on x alone computed once."""
        if not self.built:
            self.build(token_ids.shape)
        read = self.encoder(token_ids, training=training)  # [B, T, D]
        length, rows = token_ids.shape[1], tf.shape(token_ids)[0]
        length = tf.shape(token_ids)[1] if length is None else length
        before = read_before(token_ids)  # [B, T]
        bias = never_written(self.decoder.vocabulary_size) + tf.cast(
            tf.convert_to_tensor(self.decoder.output_bias), tf.float32
        )
        kernel = self.decoder.output_kernel
        is_token = token_ids != PAD
        # As of a `TokenSequence`: a row with tokens after END or PAD is impossible.
        impossible = tf.reduce_any(ended_before(token_ids) & is_token, axis=-1)  # [B]

        def latent(time: tf.Tensor, state: State) -> tuple[tfd.Distribution, tfd.Distribution]:
            known = self._known(state, before[:, time])
            seen = tf.broadcast_to(
                tf.cast(read[:, time], tf.float32),
                tf.concat([tf.shape(known)[:-1], read.shape[-1:]], axis=0),
            )
            both = tf.concat([known, seen], axis=-1)
            proposal = _distribution(self.posterior_layer, self.posterior_network, both, training)
            return self._prior(known, training), proposal

        def advance(time: tf.Tensor, state: State, z: tf.Tensor) -> tuple[tf.Tensor, State]:
            state = self.read(before[:, time], time, state, z)
            h = state[0]  # [S, B, F]
            token = tf.broadcast_to(token_ids[:, time], tf.shape(h)[:-1])
            flat = tf.reshape(h, [-1, h.shape[-1]])
            score = linear_log_softmax(flat, kernel, bias, tf.reshape(token, [-1]))
            score = tf.reshape(score, tf.shape(token))
            return tf.where(impossible, -float("inf"), score), state

        return Steps(
            lengths=tf.reduce_sum(tf.cast(is_token, tf.int32), axis=1),
            num_steps=length,
            initial_state=lambda count: self.initial_state(count, rows, length),
            latent=latent,
            advance=advance,
        )

    def initial_state(self, count: int, rows: tf.Tensor, length: int | tf.Tensor) -> State:
        """The state before START of S texts for each of B rows, for so many tokens; [S, B, ...]."""
        nothing = tf.zeros([count, rows, self.decoder.conditioning_units])
        units = self.decoder.output_kernel.shape[1]
        h = tf.zeros([count, rows, units], self.decoder.compute_dtype)
        return h, self.decoder.initial_state(nothing, length)

    def prior_of(self, state: State, last: tf.Tensor) -> tfd.Distribution:
        """p(z_t | z_<t, x_<t), batch shape [S, B], after the token x_t-1, int32 [B] or [S, B]."""
        return self._prior(self._known(state, last), training=False)

    def read(self, last: tf.Tensor, time: tf.Tensor, state: State, z: tf.Tensor) -> State:
        """The state with h_t: reads the token x_t-1, int32 [B] or [S, B], and z_t [S, B, Z]."""
        leading = tf.shape(z)[:-1]
        # As one axis: XLA compiles derivatives of loops over products of matrices alone.
        flat_state = tf.nest.map_structure(_flat, state[1])
        token = tf.reshape(tf.broadcast_to(last, leading), [-1])
        h, after = self.decoder.step(_flat(z), token, time, flat_state)

        def restored(part: tf.Tensor) -> tf.Tensor:
            return tf.reshape(part, tf.concat([leading, tf.shape(part)[1:]], axis=0))

        return restored(h), tf.nest.map_structure(restored, after)

    def logits(self, state: State) -> tf.Tensor:
        """Of x_t, float32 [S, B, V], PAD and START as good as impossible."""
        h = state[0]
        product = tf.matmul(_flat(h), self.decoder.output_kernel, transpose_b=True)
        bias = tf.cast(tf.convert_to_tensor(self.decoder.output_bias), tf.float32)
        logits = tf.cast(product, tf.float32) + bias + never_written(product.shape[-1])
        return tf.reshape(logits, tf.concat([tf.shape(h)[:-1], tf.shape(logits)[1:]], axis=0))

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        token_ids = self.token_ids(inputs)
        steps = self.steps(token_ids, training=training)
        found = tf.TensorArray(
            tf.float32, steps.num_steps, element_shape=[None, *self.posterior_layer.event_shape]
        )

        def body(time: tf.Tensor, state: State, found: tf.TensorArray) -> tuple[Any, ...]:
            _, proposal = steps.latent(time, state)
            z = point_estimate(proposal)  # [1, B, Z]
            _, after = steps.advance(time, state, z)
            after = tf.nest.map_structure(
                lambda new, old: tf.ensure_shape(new, old.shape), after, state
            )
            return time + 1, after, found.write(time, z[0])

        _, _, found = tf.while_loop(
            lambda time, *_: time < steps.num_steps,
            body,
            (tf.constant(0), steps.initial_state(1), found),
            parallel_iterations=1,
        )
        z = tf.transpose(found.stack(), [1, 0, 2])  # [B, T, Z]
        return tf.where((token_ids != PAD)[..., tf.newaxis], z, 0.0)

    def _known(self, state: State, last: tf.Tensor) -> tf.Tensor:
        """What p(z_t | z_<t, x_<t) is a function of, float32 [S, B, F + E]."""
        h = tf.cast(state[0], tf.float32)
        embedded = tf.gather(
            tf.cast(tf.convert_to_tensor(self.decoder.embedding), tf.float32), last
        )
        shape = tf.concat([tf.shape(h)[:-1], embedded.shape[-1:]], axis=0)
        return tf.concat([h, tf.broadcast_to(embedded, shape)], axis=-1)

    def _prior(self, known: tf.Tensor, training: bool) -> tfd.Distribution:
        return _distribution(self.prior_layer, self.prior_network, known, training)


def _distribution(
    layer: ProjectedDistributionLayer,
    network: keras.Layer | None,
    features: tf.Tensor,
    training: bool,
) -> tfd.Distribution:
    """The layer's distribution of features [S, B, D], behind the network."""
    flat = _flat(features)
    if network is not None:
        flat = network(flat, training=training)
    parameters = layer.parameters(flat, training)  # [S B, P]
    shape = tf.concat([tf.shape(features)[:-1], [layer.parameter_size]], axis=0)
    return layer.distribution(tf.reshape(parameters, shape))


def _flat(x: tf.Tensor) -> tf.Tensor:
    """[S, B, ...] -> [S B, ...]."""
    return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], axis=0))
