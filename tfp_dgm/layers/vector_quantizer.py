"""Codes of vectors: a posterior over the entries of a codebook, by their distances."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import ONE_HOT, Constraint
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer

# As a logit: what it leaves of a probability is exactly 0, and 0 times it is no NaN.
_NEVER = -1e9
# Laplace's smoothing of the counts, in vectors a step.
_PSEUDO_COUNT = 1e-5


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VectorQuantizer(ProjectedDistributionLayer):
    """M codes out of K for the features of an example, as one-hot vectors: events [M, K].

        y_1 .. y_M = W features + b                       M vectors of D numbers
        q(k | y_m) = 1 for the nearest e_k, else 0        hard [1]
        q(k | y_m) = softmax_k(-|y_m - e_k|^2 / tau)      soft [2]

    The soft one is the posterior of a mixture of K Normals of variance tau / 2 in each dimension
    and of equal weights. All M positions share the codebook e, [K, D]. How it learns:

      `decay`: by expectation maximisation on the batches, in `update`: moving averages of how many
        vectors each code has, and of their sum [1, appendix; 2],
            N_k <- decay N_k + (1 - decay) sum_m q(k | y_m)
            s_k <- decay s_k + (1 - decay) sum_m q(k | y_m) y_m
            e_k <- s_k / N'_k,    N'_k = (N_k + eps) sum_j N_j / (sum_j N_j + K eps)
        with eps = 1e-5, over all replicas together. No gradient reaches it.
      `decay=None`: by gradients, as a weight like others.

    Codes that are hardly used start anew from vectors of the batch [3]; at first none is used, so
    that the codebook begins in the data.

    Args:
      event_shape: (M, K).
      code_units: D.
      temperature: tau, > 0; None for hard codes.
      decay: of the moving averages, in [0, 1).
      em_samples: draws of each posterior that the averages count, as [2] has it; None for the
        probabilities themselves, which are what draws come to in the mean.
      restart_below: share of the mean count below which a code starts anew; 0 for never.
      **kwargs: see `ProjectedDistributionLayer`.
    Raises:
      ValueError: if an argument is out of its range.
    References:
      [1] van den Oord, Vinyals and Kavukcuoglu. Neural Discrete Representation Learning. NeurIPS
        2017. arXiv:1711.00937
      [2] Roy, Vaswani, Neelakantan and Parmar. Theory and Experiments on Vector Quantized
        Autoencoders. 2018. arXiv:1805.11063
      [3] Dhariwal et al. Jukebox: A Generative Model for Music. 2020. arXiv:2005.00341
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        code_units: int,
        *,
        temperature: float | None = None,
        decay: float | None = 0.99,
        em_samples: int | None = None,
        restart_below: float = 0.01,
        **kwargs: Any,
    ) -> None:
        self._require_positive("code_units", code_units)
        self.code_units = code_units
        super().__init__(event_shape, **kwargs)
        name = type(self).__name__
        if len(self.event_shape) != 2:
            raise ValueError(
                f"{name}: `event_shape` must be (M, K), codes and their values; received "
                f"{event_shape!r}"
            )
        if em_samples is not None:
            self._require_positive("em_samples", em_samples)
        if temperature is not None and not temperature > 0:
            raise ValueError(f"{name}: `temperature` must be > 0; received {temperature}")
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"{name}: `decay` must lie in [0, 1); received {decay}")
        if not 0 <= restart_below < 1:
            raise ValueError(
                f"{name}: `restart_below` must lie in [0, 1); received {restart_below}"
            )
        self.temperature = temperature
        self.decay = decay
        self.em_samples = em_samples
        self.restart_below = restart_below

    @property
    def num_codes(self) -> int:
        """M, of an example."""
        return self.event_shape[0]

    @property
    def num_values(self) -> int:
        """K, entries of the codebook."""
        return self.event_shape[1]

    @property
    def parameter_size(self) -> int:
        return self.event_shape[0] * self.code_units

    @property
    def distribution_has_weights(self) -> bool:
        return True

    @property
    def support(self) -> Constraint:
        return ONE_HOT

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.built:
            shape = (self.num_values, self.code_units)
            averaged: dict[str, Any] = {}
            if self.decay is not None:  # All replicas assign the same values.
                averaged = {"trainable": False, "aggregation": "only_first_replica"}
            self.codebook = self.add_weight(
                shape=shape,
                initializer=keras.initializers.RandomNormal(),
                name="codebook",
                **averaged,
            )
            if averaged:
                averaged["initializer"] = "zeros"
                self.counts = self.add_weight(shape=shape[:1], name="counts", **averaged)
                self.sums = self.add_weight(shape=shape, name="sums", **averaged)
        super().build(input_shape)

    def vectors(self, parameters: tf.Tensor) -> tf.Tensor:
        """y of parameters [..., M D]: [..., M, D]."""
        shape = tf.concat([tf.shape(parameters)[:-1], [self.num_codes, self.code_units]], axis=0)
        vectors = tf.reshape(parameters, shape)
        return tf.ensure_shape(vectors, [*parameters.shape[:-1], self.num_codes, self.code_units])

    def embed(self, codes: tf.Tensor) -> tf.Tensor:
        """The codebook's vectors of one-hot codes [..., M, K], or of mixtures: [..., M, D]."""
        return tf.tensordot(codes, tf.convert_to_tensor(self.codebook), 1)

    def distances(
        self, parameters: tf.Tensor, posterior: tfd.Distribution
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """sum_m E_q |y_m - e_k|^2, float32 [...]: with the gradient in y alone, and in e alone.

        No gradient goes through q.

        Args:
          parameters: [..., M D].
          posterior: q of them.
        """
        y, e = self.vectors(parameters), tf.convert_to_tensor(self.codebook)
        q = tf.stop_gradient(posterior.mean())  # [..., M, K]

        def expected(y: tf.Tensor, e: tf.Tensor) -> tf.Tensor:
            squares = tf.reduce_sum(y**2, axis=-1) + tf.tensordot(q, tf.reduce_sum(e**2, -1), 1)
            products = tf.reduce_sum(y * tf.tensordot(q, e, 1), axis=-1)
            return tf.reduce_sum(squares - 2 * products, axis=-1)

        return expected(y, tf.stop_gradient(e)), expected(tf.stop_gradient(y), e)

    def update(
        self,
        parameters: tf.Tensor,
        posterior: tfd.Distribution,
        seed: tf.Tensor,
        *,
        counted: tf.Tensor | None = None,
    ) -> None:
        """The M-step of a batch, and new vectors for the codes that are hardly used.

        Nothing happens where the codebook learns by gradients, or the layer is frozen.

        Args:
          parameters: [B, M D].
          posterior: q of them.
          seed: int32 [2], of what is drawn.
          counted: bool [B], which examples there are; None for all.
        """
        if self.decay is None or not self.trainable:
            return
        draws, rows = tf.unstack(tf.random.split(seed))
        if self.em_samples is None or self.temperature is None:
            q = posterior.mean()
        else:
            q = tf.reduce_mean(posterior.sample(self.em_samples, seed=draws), axis=0)
        if counted is None:
            counted = tf.fill(tf.shape(parameters)[:1], True)
        y = tf.stop_gradient(tf.reshape(parameters, [-1, self.code_units]))  # [N, D]
        kept = tf.repeat(tf.cast(counted, tf.float32), self.num_codes)  # [N]
        q = tf.stop_gradient(tf.reshape(q, [-1, self.num_values])) * kept[:, tf.newaxis]  # [N, K]
        new_counts, new_sums = tf.reduce_sum(q, axis=0), tf.matmul(q, y, transpose_a=True)
        others = self._rows_of(y, kept, rows)  # [K, D]
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            # All take the rows of the first, which has some, however uneven the batch.
            first = tf.cast(replica.replica_id_in_sync_group == 0, tf.float32)
            new_counts, new_sums, others = replica.all_reduce(
                tf.distribute.ReduceOp.SUM, [new_counts, new_sums, first * others]
            )
        rate = 1 - self.decay
        counts = self.decay * tf.convert_to_tensor(self.counts) + rate * new_counts
        sums = self.decay * tf.convert_to_tensor(self.sums) + rate * new_sums
        mean = tf.reduce_mean(counts)
        restarted = counts < self.restart_below * mean
        counts = tf.where(restarted, mean, counts)
        sums = tf.where(restarted[:, tf.newaxis], mean * others, sums)
        total = tf.reduce_sum(counts)
        smoothed = (counts + _PSEUDO_COUNT) * total / (total + self.num_values * _PSEUDO_COUNT)
        # A code that no vector was ever near stays where it is.
        used = (counts > 0)[:, tf.newaxis]
        fitted = tf.math.divide_no_nan(sums, smoothed[:, tf.newaxis])
        self.codebook.assign(tf.where(used, fitted, tf.convert_to_tensor(self.codebook)))
        self.counts.assign(counts)
        self.sums.assign(sums)

    def _rows_of(self, y: tf.Tensor, kept: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """K rows of [N, D] at random among those kept, different ones where there are as many."""
        order = tf.argsort(tf.random.stateless_uniform(tf.shape(kept), seed) - kept)
        size = tf.maximum(1, tf.cast(tf.reduce_sum(kept), tf.int32))
        return tf.gather(y, tf.gather(order, tf.range(self.num_values) % size))

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        y, e = self.vectors(parameters), tf.convert_to_tensor(self.codebook)
        # Half of |y|^2 less the distance's square.
        nearness = tf.tensordot(y, e, [[-1], [-1]]) - 0.5 * tf.reduce_sum(e**2, axis=-1)
        if self.temperature is None:
            nearest = tf.one_hot(tf.argmax(nearness, axis=-1), self.num_values)
            logits = _NEVER * (1 - nearest)
        else:
            logits = 2 * nearness / self.temperature
        return tfd.Independent(
            tfd.OneHotCategorical(logits=logits, dtype=tf.float32), reinterpreted_batch_ndims=1
        )
