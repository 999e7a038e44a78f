"""Recurrent decoders: LSTM, GRU, and one that reads no tokens."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfp_dgm.networks.recurrence import GRU, LSTM, Cell, project, recur, state_type
from tfp_dgm.networks.sequence_decoder import Memory, SequenceDecoder, State
from tfp_dgm.stacked_products import stacked_product


class RecurrentDecoder(SequenceDecoder):
    """Recurrent layers, with the conditioning in their first state and at every input [1].

        s_0 = tanh(A z);   s_t = cell(W x_t + C z + b, U h_{t-1}, s_{t-1})
        h_t <- tanh(P h_t + Q z)             with skip connections [2]
        h_t <- tanh(R [h_t; attention(h_t)])  with a memory [3]

    Args:
      vocabulary_size: V.
      units: D, of each layer.
      num_layers: one above the other.
      **kwargs: see `SequenceDecoder`.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
      [2] Dieng et al. Avoiding Latent Variable Collapse with Generative Skip Models. AISTATS 2019.
        arXiv:1807.04863
      [3] Luong, Pham and Manning. Effective Approaches to Attention-based Neural Machine
        Translation. EMNLP 2015. arXiv:1508.04025
    """

    cell: ClassVar[Cell]

    def __init__(
        self, vocabulary_size: int, units: int = 256, *, num_layers: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        if units < 1 or num_layers < 1:
            raise ValueError(
                f"{type(self).__name__}: `units` and `num_layers` must be >= 1; "
                f"received {units} and {num_layers}"
            )
        self.units = units
        self.num_layers = num_layers
        self.between = [self._dropout_layer(f"dropout_{i}", 5 + i) for i in range(1, num_layers)]

    @property
    def output_units(self) -> int:
        return self.units

    def _build(self) -> None:
        width, z = self.cell.num_gates * self.units, self.conditioning_units
        self.input_maps, self.kernels, self.condition_maps = [], [], []
        self.state_maps, self.skip_maps = [], []
        for layer in range(self.num_layers):
            below = self.units if layer else self.embedding_units
            # The bias stands here; forget gates that start open keep gradients alive (one for the
            # LSTM's second gate).
            self.input_maps.append(
                self._dense(width, below, f"input_{layer}", bias_initializer=self._initial_bias())
            )
            self.kernels.append(
                self.add_weight(
                    shape=(self.units, width),
                    initializer=keras.initializers.Orthogonal(seed=self._seed(20 + layer)),
                    name=f"recurrent_{layer}",
                )
            )
            if z:
                self.condition_maps.append(
                    self._dense(width, z, f"condition_{layer}", use_bias=False)
                )
                size = self.cell.num_states * self.units
                self.state_maps.append(self._dense(size, z, f"state_{layer}", activation="tanh"))
            if self.skip_connections:
                size = self.units + z
                self.skip_maps.append(
                    self._dense(self.units, size, f"skip_{layer}", activation="tanh")
                )
        if self.memory_units:
            self.attention = self._attention(self.units, "attention")
            self.attention.build((None, self.units), (None, self.memory_units))
            self.attended = self._dense(self.units, 2 * self.units, "attended", activation="tanh")

    def _initial_bias(self) -> Any:
        return "zeros"

    def _features(
        self, conditioning: tf.Tensor, x: tf.Tensor, memory: Memory, training: bool
    ) -> tf.Tensor:
        return self._attend(self._outputs(conditioning, x, training), memory)

    def _outputs(self, conditioning: tf.Tensor, x: tf.Tensor, training: bool) -> tf.Tensor:
        """h_t of the last layer, which has seen no memory: [..., T, D]."""
        batch = tf.broadcast_dynamic_shape(tf.shape(conditioning)[:-1], tf.shape(x)[:-2])
        h = self._time_first(x)  # [T, *b, E]
        for layer, state in enumerate(self._initial_state(conditioning, 0)):
            if layer and self.dropout_rate:
                h = self.between[layer - 1](h, training=training)
            shape = tf.concat([batch, [self.units]], axis=0)
            h = recur(
                self.cell,
                self.input_maps[layer](h),
                self._condition(layer, conditioning),
                self._cast(self.kernels[layer]),
                tuple(tf.broadcast_to(part, shape) for part in state),
            )  # [T, *batch, D]
            if self.skip_connections:
                h = self._skip(layer, h, conditioning)
        rank = len(h.shape)
        return tf.transpose(h, [*range(1, rank - 1), 0, rank - 1])  # [*batch, T, D]

    def _initial_state(self, conditioning: tf.Tensor, max_length: int) -> State:
        del max_length  # The state does not grow.
        dtype = state_type(self.compute_dtype)
        if not self.conditioning_units:
            shape = tf.concat([tf.shape(conditioning)[:-1], [self.units]], axis=0)
            zeros = tf.zeros(shape, dtype)
            return tuple((zeros,) * self.cell.num_states for _ in range(self.num_layers))
        return tuple(
            tuple(tf.split(tf.cast(state_map(conditioning), dtype), self.cell.num_states, axis=-1))
            for state_map in self.state_maps
        )

    def _step(
        self, conditioning: tf.Tensor, x: tf.Tensor, time: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State]:
        del time  # Recurrent layers do not count.
        h, state = self._output_step(conditioning, x, state)
        return self._attend(h[..., tf.newaxis, :], memory)[..., 0, :], state

    def _output_step(
        self, conditioning: tf.Tensor, x: tf.Tensor, state: State
    ) -> tuple[tf.Tensor, State]:
        h, states = x, []
        for layer, before in enumerate(state):
            x = self.input_maps[layer](h) + self._condition(layer, conditioning)
            kernel = self._cast(self.kernels[layer])
            x = tf.cast(x, before[0].dtype)
            states.append(self.cell.next_state(x, project(before[0], kernel), before))
            h = tf.cast(states[-1][0], self.compute_dtype)
            if self.skip_connections:
                h = self._skip(layer, h, conditioning)
        return h, tuple(states)

    def _prepare_memory(self, memory: tf.Tensor) -> Memory:
        """Keys [..., M, D], what is added to their scores [..., M], and terms [..., M, D].

        What is linear before and behind attention's softmax is done to the maps of the sources, and
        so once for all tokens and all draws of a latent that look at them:

            (h Q + q) (m K + k)' = h Q K' m' + q K' m' + what is the same for all m
            [h; (sum_m a_m (m V + v)) O + o] R = h R_1 + sum_m a_m (m V O R_2 + (v O + o) R_2)
        """
        key_kernel, value_kernel = tf.split(self._cast(self.attention.key_value.kernel), 2, axis=1)
        _, value_bias = tf.split(self._cast(self.attention.key_value.bias), 2)
        query, answer = self.attention.query, self.attention.output_map
        behind = self._attended_kernel(1)
        keys = tf.matmul(key_kernel, self._cast(query.kernel), transpose_b=True)  # [D', D]
        added = tf.linalg.matvec(key_kernel, self._cast(query.bias))  # [D']
        terms = tf.matmul(value_kernel, tf.matmul(self._cast(answer.kernel), behind))  # [D', D]
        bias = self._cast(answer.bias) + tf.linalg.matvec(
            self._cast(answer.kernel), value_bias, transpose_a=True
        )
        bias = tf.linalg.matvec(behind, bias, transpose_a=True)  # [D]
        scale = self.units**-0.5
        made = tf.tensordot(memory, tf.concat([scale * keys, terms], axis=1), 1)  # [..., M, 2 D]
        keys, terms = tf.split(made, 2, axis=-1)
        return keys, tf.tensordot(memory, scale * added, 1), terms + bias

    def _attend(self, h: tf.Tensor, memory: Memory) -> tf.Tensor:
        if memory is None:
            return h
        terms = self.source_terms(memory)
        weights = tf.cast(tf.nn.softmax(self.alignment_logits(h, memory)), terms.dtype)
        return tf.tanh(self.output_terms(h) + stacked_product(weights, terms))  # [..., T, D]

    # One source alone, in the place of attention's mean of all. No state depends on what was looked
    # at, so that outputs are the same whatever the alignment.

    def outputs(
        self, conditioning: tf.Tensor, token_ids: tf.Tensor, *, training: bool = False
    ) -> tf.Tensor:
        """h_t after each token read, before it looks at a source: [..., T, D].

        Args:
          conditioning: [..., Z].
          token_ids: int32 [..., T], START first.
          training: whether words and vectors drop out.
        """
        x = self._read(token_ids, training)
        return self._outputs(tf.cast(conditioning, self.compute_dtype), x, training)

    def output_step(
        self, conditioning: tf.Tensor, token_ids: tf.Tensor, state: State
    ) -> tuple[tf.Tensor, State]:
        """Reads one token [...]; gives h [..., D] before it looks at a source, and the state."""
        x = self._embed(token_ids)
        return self._output_step(tf.cast(conditioning, self.compute_dtype), x, state)

    def alignment_logits(self, h: tf.Tensor, memory: Memory) -> tf.Tensor:
        """Attention's scores of the sources: h [..., T, D] -> float32 [..., T, M].

        But for what is the same for all sources, which no softmax sees.
        """
        (keys, added, _), mask = memory
        scores = (
            stacked_product(h, keys, transpose_right=True) + added[..., tf.newaxis, :]
        )  # [..., T, M]
        scores = tf.cast(scores, tf.float32)
        return scores if mask is None else tf.where(mask[..., tf.newaxis, :], scores, -1e9)

    def source_terms(self, memory: Memory) -> tf.Tensor:
        """What each source adds before the tanh where it alone is looked at: [..., M, D]."""
        (_, _, terms), _ = memory
        return terms

    def output_terms(self, h: tf.Tensor) -> tf.Tensor:
        """What an output adds to that: [..., D] -> [..., D]."""
        return tf.tensordot(h, self._attended_kernel(0), 1) + self._cast(self.attended.bias)

    def looked_at(self, terms: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """Features of the sum of both terms: [..., D] -> [..., F]."""
        return self._given_out(tf.tanh(terms), training)

    def _attended_kernel(self, half: int) -> tf.Tensor:
        kernel = self._cast(self.attended.kernel)
        return kernel[half * self.units : (half + 1) * self.units]

    def _cast(self, weight: keras.Variable) -> tf.Tensor:
        return tf.cast(tf.convert_to_tensor(weight), self.compute_dtype)

    def _condition(self, layer: int, conditioning: tf.Tensor) -> tf.Tensor:
        if not self.conditioning_units:
            return tf.zeros([self.cell.num_gates * self.units], self.compute_dtype)
        return self.condition_maps[layer](conditioning)  # [..., G]

    def _skip(self, layer: int, h: tf.Tensor, conditioning: tf.Tensor) -> tf.Tensor:
        z = tf.broadcast_to(
            conditioning, tf.concat([tf.shape(h)[:-1], tf.shape(conditioning)[-1:]], axis=0)
        )
        return self.skip_maps[layer](tf.concat([h, z], axis=-1))

    @staticmethod
    def _time_first(x: tf.Tensor) -> tf.Tensor:
        rank = len(x.shape)
        return tf.transpose(x, [rank - 2, *range(rank - 2), rank - 1])


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory; see `RecurrentDecoder`."""

    cell = LSTM

    def _initial_bias(self) -> Any:
        return ForgetBias()


@keras.saving.register_keras_serializable(package="tfp_dgm")
class GRUDecoder(RecurrentDecoder):
    """Gated recurrent unit; see `RecurrentDecoder`."""

    cell = GRU


@keras.saving.register_keras_serializable(package="tfp_dgm")
class InputlessDecoder(LSTMDecoder):
    """An LSTM that reads no tokens [1]: all that it says comes from the conditioning.

    Given the latent, tokens are independent of each other; what the latent does not hold is lost,
    so that it shows how much a posterior knows.

    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
    """

    def _embed(self, token_ids: tf.Tensor) -> tf.Tensor:
        return super()._embed(tf.zeros_like(token_ids))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ForgetBias(keras.initializers.Initializer):
    """Zeros, but ones for the second of four gates: an LSTM that starts by keeping its memory."""

    def __call__(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        quarter = shape[0] // 4
        bias = tf.concat([tf.zeros(quarter), tf.ones(quarter), tf.zeros(2 * quarter)], axis=0)
        return tf.cast(bias, dtype or "float32")
