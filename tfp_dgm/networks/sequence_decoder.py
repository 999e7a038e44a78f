"""What every decoder of texts is: one interface over recurrent, attending and convolving ones."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_layer import SequenceLayer
from tfp_dgm.networks.word_dropout import WordDropout
from tfp_dgm.uncast_weights import UncastWeights

State = Any  # A nested structure of tensors [*batch, ...].
Memory = Any  # What `prepare_memory` gives.


class SequenceDecoder(UncastWeights, SequenceLayer):
    """Reads the tokens so far and a conditioning vector; gives the features of the next token.

        h_t = decoder(conditioning, tokens < t);   logits_t = kernel h_t + bias

    All tokens at once (`features`, teacher forcing) or one after the other (`initial_state`,
    `step`): both give the same features. Leading axes broadcast: conditioning [S, B, Z] and tokens
    [B, T] give features [S, B, T, F]. Inputs begin with START.

    A subclass says what lies between embedding and output: `_build`, `_features`, `_initial_state`
    and `_step`, on embedded tokens; and `output_units`, the size of what they give.

    Args:
      vocabulary_size: V.
      conditioning_units: Z; 0 for a language model.
      embedding_units: E.
      tie_embeddings: the output's kernel is the table of embeddings [1].
      word_dropout: share of the tokens read that are hidden in training [2].
      dropout: share of embeddings and outputs set to zero in training.
      memory_units: size of the vectors that it attends to; 0 where there are none.
      skip_connections: the conditioning enters every layer, not the first one only [3].
      seed: int or None, of the noise in training.
    References:
      [1] Press and Wolf. Using the Output Embedding to Improve Language Models. EACL 2017.
        arXiv:1608.05859
      [2] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
      [3] Dieng et al. Avoiding Latent Variable Collapse with Generative Skip Models. AISTATS 2019.
        arXiv:1807.04863
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        conditioning_units: int = 0,
        embedding_units: int = 256,
        tie_embeddings: bool = False,
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        memory_units: int = 0,
        skip_connections: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, size, least in (
            ("vocabulary_size", vocabulary_size, 1),
            ("conditioning_units", conditioning_units, 0),
            ("embedding_units", embedding_units, 1),
            ("memory_units", memory_units, 0),
        ):
            if size < least:
                raise ValueError(
                    f"{type(self).__name__}: `{name}` must be >= {least}; received {size}"
                )
        if skip_connections and not conditioning_units:
            raise ValueError(
                f"{type(self).__name__}: `skip_connections` need `conditioning_units` > 0"
            )
        self.vocabulary_size = vocabulary_size
        self.conditioning_units = conditioning_units
        self.embedding_units = embedding_units
        self.tie_embeddings = tie_embeddings
        self.word_dropout_rate = word_dropout
        self.dropout_rate = dropout
        self.memory_units = memory_units
        self.skip_connections = skip_connections
        self.seed = seed
        self.word_dropout = WordDropout(word_dropout, seed=self._seed(0), name="word_dropout")
        self.input_dropout = self._dropout_layer("input_dropout", 1)
        self.output_dropout = self._dropout_layer("output_dropout", 2)
        self.to_embedding: keras.layers.Layer | None = None

    # What a subclass says.

    @property
    def output_units(self) -> int:
        """Size of what `_features` gives."""
        raise NotImplementedError

    def _build(self) -> None:
        """Makes and builds the parts between embedding and output."""
        raise NotImplementedError

    def _features(
        self, conditioning: tf.Tensor, x: tf.Tensor, memory: Memory, training: bool
    ) -> tf.Tensor:
        """Embedded tokens [..., T, E] -> [..., T, output_units]."""
        raise NotImplementedError

    def _initial_state(self, conditioning: tf.Tensor, max_length: int) -> State:
        raise NotImplementedError

    def _step(
        self, conditioning: tf.Tensor, x: tf.Tensor, time: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State]:
        """One embedded token [..., E] -> [..., output_units] and the next state."""
        raise NotImplementedError

    def _prepare_memory(self, memory: tf.Tensor) -> Memory:
        """Keys and values of a memory [..., M, memory_units]."""
        raise NotImplementedError(f"{type(self).__name__} attends to no memory")

    # What they get.

    def build(self, input_shape: Any = None) -> None:
        del input_shape  # All sizes are the constructor's.
        if self.built:
            return
        self.embedding = self.add_weight(
            shape=(self.vocabulary_size, self.embedding_units),
            initializer=keras.initializers.RandomUniform(-0.1, 0.1, seed=self._seed(3)),
            name="embedding",
        )
        self.output_bias = self.add_weight(
            shape=(self.vocabulary_size,), initializer="zeros", name="output_bias"
        )
        if not self.tie_embeddings:
            self.output_weights = self.add_weight(
                shape=(self.vocabulary_size, self.output_units),
                initializer=keras.initializers.RandomUniform(-0.1, 0.1, seed=self._seed(4)),
                name="output_weights",
            )
        elif self.output_units != self.embedding_units:
            self.to_embedding = self._dense(self.embedding_units, self.output_units, "to_embedding")
        self._build()
        self.built = True

    def prepare_memory(self, memory: tf.Tensor | None, mask: tf.Tensor | None = None) -> Memory:
        """What `features` and `step` take as `memory`, computed once for all steps.

        Args:
          memory: [..., M, memory_units]; None where the decoder has no memory.
          mask: bool [..., M], True where there is something; None for everywhere.
        Raises:
          ValueError: if a memory is missing or not expected.
        """
        self.build()
        if (memory is None) != (self.memory_units == 0):
            raise ValueError(
                f"{type(self).__name__}: with memory_units={self.memory_units} expected "
                f"{'a' if self.memory_units else 'no'} memory; received {memory}"
            )
        if memory is None:
            return None
        return self._prepare_memory(tf.cast(memory, self.compute_dtype)), mask

    def features(
        self,
        conditioning: tf.Tensor,
        token_ids: tf.Tensor,
        *,
        memory: Memory = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Features after each token read.

        Args:
          conditioning: [..., Z].
          token_ids: int32 [..., T], START first.
          memory: from `prepare_memory`.
          training: whether words and features drop out.
        Returns:
          [..., T, F], in the layer's compute type.
        """
        x = self._read(token_ids, training)  # [..., T, E]
        h = self._features(tf.cast(conditioning, self.compute_dtype), x, memory, training)
        return self._given_out(h, training)

    def initial_state(self, conditioning: tf.Tensor, max_length: int) -> State:
        """The state before START, for up to `max_length` steps: tensors [*batch, ...]."""
        self.build()
        return self._initial_state(tf.cast(conditioning, self.compute_dtype), max_length)

    def step(
        self,
        conditioning: tf.Tensor,
        token_ids: tf.Tensor,
        time: tf.Tensor,
        state: State,
        *,
        memory: Memory = None,
    ) -> tuple[tf.Tensor, State]:
        """Reads one token [...], the `time`-th after START; gives features [..., F] and the state.

        Nothing drops out: one steps after training.
        """
        x = self._embed(token_ids)  # [..., E]
        conditioning = tf.cast(conditioning, self.compute_dtype)
        h, state = self._step(conditioning, x, time, state, memory)
        return h if self.to_embedding is None else self.to_embedding(h), state

    @property
    def output_kernel(self) -> tf.Tensor:
        """[V, F], in the compute type."""
        self.build()
        weights = self.embedding if self.tie_embeddings else self.output_weights
        return tf.cast(tf.convert_to_tensor(weights), self.compute_dtype)

    def call(
        self,
        token_ids: tf.Tensor,
        conditioning: tf.Tensor | None = None,
        memory: tf.Tensor | None = None,
        training: bool = False,
        memory_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Float32 logits [..., T, V] of the tokens that follow.

        Keras gives `memory_mask` by itself where the memory has a mask of its own, as that of an
        encoder with `return_sequences` does.
        """
        if conditioning is None:
            conditioning = tf.zeros([1] * (len(token_ids.shape) - 1) + [0])
        prepared = self.prepare_memory(memory, memory_mask)
        h = self.features(conditioning, token_ids, memory=prepared, training=training)
        logits = tf.einsum("...d,vd->...v", h, self.output_kernel)
        return tf.cast(logits, tf.float32) + tf.cast(self.output_bias, tf.float32)

    # For subclasses.

    def _read(self, token_ids: tf.Tensor, training: bool) -> tf.Tensor:
        """Tokens [..., T] as vectors [..., T, E], some of which drop out in training."""
        self.build()
        x = self._embed(self.word_dropout(token_ids, training=training))
        return self.input_dropout(x, training=training) if self.dropout_rate else x

    def _given_out(self, h: tf.Tensor, training: bool) -> tf.Tensor:
        """What `_features` gives, [..., output_units], as `features` does, [..., F]."""
        if self.dropout_rate:
            h = self.output_dropout(h, training=training)
        return h if self.to_embedding is None else self.to_embedding(h)

    def _embed(self, token_ids: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self.embedding, token_ids), self.compute_dtype)

    def _seed(self, position: int) -> int | None:
        return None if self.seed is None else 100 * self.seed + position

    def _dropout_layer(self, name: str, position: int) -> keras.layers.Dropout:
        return keras.layers.Dropout(
            self.dropout_rate, seed=self._seed(position), dtype=self.dtype_policy, name=name
        )
