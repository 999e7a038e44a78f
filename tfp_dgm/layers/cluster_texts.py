"""Texts of K clusters, written by one decoder."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.distributions.decoded_text import ended_before, read_before
from tfp_dgm.distributions.tilted_softmax import tilted_log_softmax
from tfp_dgm.distributions.token_sequence import never_written
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.token_ids import PAD


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ClusterTexts(OverTexts, DistributionLayer):
    """Texts of K clusters: one decoder, to whose logits each cluster adds a bias of its own [1].

        p(x | c) = prod_t softmax(W h_t + b + b_c)[x_t],    h_t = decoder(e_c, x_<t)

    Where the decoder takes no conditioning, the clusters share h_t, and a text's probability in all
    of them costs one pass; else e_c, an embedding, is its conditioning, and K clusters are K
    passes. TopicRNN [1] has a vector of topics in the place of the cluster.

    Args:
      decoder: without a memory; `conditioning_units` is the size of e_c, or 0.
      num_clusters: K.
      max_length: tokens of a draw, END included.
      **kwargs: see `DistributionLayer`.
    References:
      [1] Dieng, Wang, Gao and Paisley. TopicRNN: A Recurrent Neural Network with Long-Range
        Semantic Dependency. ICLR 2017. arXiv:1611.01702
    """

    def __init__(
        self, decoder: SequenceDecoder, num_clusters: int, max_length: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._require_positive("num_clusters", num_clusters)
        self._require_positive("max_length", max_length)
        if decoder.memory_units:
            raise ValueError(
                "ClusterTexts: `decoder` must have no memory; received memory_units="
                f"{decoder.memory_units}"
            )
        self.decoder = decoder
        self.num_clusters = num_clusters
        self.max_length = max_length
        self._hand_on_trainable(decoder)

    @property
    def vocabulary_size(self) -> int:
        return self.decoder.vocabulary_size

    @property
    def shares_states(self) -> bool:
        """Whether what the decoder reads means the same in every cluster."""
        return not self.decoder.conditioning_units

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        if not self.decoder.built:
            self.decoder.build()
        self.cluster_bias = self.add_weight(
            shape=(self.num_clusters, self.vocabulary_size),
            initializer="zeros",
            name="cluster_bias",
        )
        if not self.shares_states:
            self.embedding = self.add_weight(
                shape=(self.num_clusters, self.decoder.conditioning_units),
                initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.decoder.seed),
                name="embedding",
            )
        self.built = True

    def call(self, clusters: tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x | c), with the clusters' batch shape.

        Args:
          clusters: int32 [...], or float32 [..., K], weights that mix biases and embeddings (a
            relaxed one-hot vector).
          training: whether the decoder drops words and features out.
        """
        clusters = tf.convert_to_tensor(clusters)
        if not clusters.dtype.is_floating:
            clusters = tf.one_hot(clusters, self.num_clusters)
        decoder = self.decoder

        def own(weights: tf.Tensor) -> tf.Tensor:  # What the decoder sees of a cluster.
            if self.shares_states:
                return weights[..., :0]
            return tf.tensordot(weights, tf.convert_to_tensor(self.embedding), 1)

        # The cluster stands behind the features and its bias behind the kernel, so that their
        # product adds it.
        def features(weights: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
            h = decoder.features(own(weights), token_ids, training=training)  # [..., T, D]
            return _beside(h, weights[..., tf.newaxis, :])

        def step(weights: tf.Tensor, token_ids: tf.Tensor, time: tf.Tensor, state: Any) -> Any:
            h, state = decoder.step(own(weights), token_ids, time, state)
            return _beside(h, weights), state

        bias = tf.cast(tf.convert_to_tensor(self.cluster_bias), decoder.compute_dtype)
        functions = distributions.DecoderFunctions(
            features=features,
            initial_state=lambda weights, length: decoder.initial_state(own(weights), length),
            step=step,
            kernel=tf.concat([decoder.output_kernel, tf.transpose(bias)], axis=1),  # [V, D + K]
            bias=tf.convert_to_tensor(decoder.output_bias),
        )
        weights = tf.cast(clusters, tf.float32)
        return distributions.TokenSequence(weights, functions, max_length=self.max_length)

    def log_prob_of_each(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """log p(x | c) of texts [B, T] in each cluster, float32 [B, K], nats."""
        if not self.shares_states:
            every = self(tf.range(self.num_clusters)[:, tf.newaxis], training=training)
            return tf.transpose(every.log_prob(token_ids))
        read = read_before(token_ids)
        h = self.decoder.features(tf.zeros([tf.shape(read)[0], 0]), read, training=training)
        where = tf.where(token_ids != PAD)  # [M, 2]
        scores = tilted_log_softmax(
            tf.gather_nd(h, where),
            self.decoder.output_kernel,
            tf.convert_to_tensor(self.decoder.output_bias) + never_written(self.vocabulary_size),
            tf.convert_to_tensor(self.cluster_bias),
            tf.gather_nd(token_ids, where),
        )  # [M, K]
        shape = tf.stack([tf.shape(token_ids, tf.int64)[0], self.num_clusters])
        total = tf.scatter_nd(where[:, :1], scores, shape)
        impossible = tf.reduce_any(ended_before(token_ids) & (token_ids != PAD), axis=-1)
        return tf.where(impossible[:, tf.newaxis], -float("inf"), total)


def _beside(h: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """[..., D] and [..., K], whose leading axes broadcast, as [..., D + K]."""
    shape = tf.concat([tf.shape(h)[:-1], tf.shape(weights)[-1:]], axis=0)
    return tf.concat([h, tf.broadcast_to(tf.cast(weights, h.dtype), shape)], axis=-1)
