"""Hidden Markov models of texts whose tables networks write, as a layer."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.hidden_markov_layer import HiddenMarkovLayer
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.text import NO_FEATURE, spelling_features
from tfp_dgm.token_ids import NUM_SPECIAL


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NeuralHiddenMarkovText(OverTexts, HiddenMarkovLayer):
    """Texts written by a hidden Markov chain whose logits come from embeddings [1].

        emission[k, v] = relu(W_e s_k + c_e) . w_v + b_v
        transition[j, k] = relu(W_t s_j + c_t) . u_k,    initial[k] = relu(W_t s_0 + c_t) . u_k
        w_v = e_v + sum of g_f over the features f of the spelling of v

    s are embeddings of states, e and g of words and of features. Words that share features share
    what is learned about them, so that rare words get tags, too. Features are those of [2]: endings
    of one to three letters, a capital, a digit, a hyphen, where [1] reads letters by a convolution.
    See `distributions.HiddenMarkovText` for the density.

    Args:
      vocabulary_size: V.
      num_states: K.
      max_length: tokens of a draw, END included.
      embedding_units: E, of all embeddings.
      spellings: the V - 4 words from id 4 on; None for embeddings of words alone.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if a number is below 1, or there is another number of spellings.
    References:
      [1] Tran, Bisk, Vaswani, Marcu and Knight. Unsupervised Neural Hidden Markov Models. 2016.
        arXiv:1609.09007
      [2] Berg-Kirkpatrick, Bouchard-Cote, DeNero and Klein. Painless Unsupervised Learning with
        Features. NAACL 2010.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_states: int,
        max_length: int,
        *,
        embedding_units: int = 64,
        spellings: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self._require_positive("vocabulary_size", vocabulary_size)
        super().__init__(vocabulary_size, num_states, seed=seed, **kwargs)
        self._require_positive("max_length", max_length)
        self._require_positive("embedding_units", embedding_units)
        if spellings is not None and len(spellings) != vocabulary_size - NUM_SPECIAL:
            raise ValueError(
                "NeuralHiddenMarkovText: `spellings` must be those of "
                f"{vocabulary_size - NUM_SPECIAL} words; received {len(spellings)}"
            )
        self.max_length = max_length
        self.embedding_units = embedding_units
        self.spellings = None if spellings is None else tuple(spellings)
        self._features = self._features_of_tokens()

    @property
    def vocabulary_size(self) -> int:
        return self.units

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        states, size, tokens = self.num_states, self.embedding_units, self.vocabulary_size
        wide = (2.0 / size) ** 0.5  # He et al., for rectified units.
        shapes: dict[str, tuple[tuple[int, ...], float]] = {
            "state_embeddings": ((states + 1, size), 1.0),  # That of the start is the last.
            "next_state_embeddings": ((states, size), wide),
            "emission_kernel": ((size, size), wide),
            "emission_bias": ((size,), 0.0),
            "transition_kernel": ((size, size), wide),
            "transition_bias": ((size,), 0.0),
            "word_embeddings": ((tokens, size), 0.1),
            "word_bias": ((tokens,), 0.0),
        }
        if self._features is not None:
            features = int(self._features.max(initial=NO_FEATURE)) + 1
            shapes["feature_embeddings"] = ((features, size), 0.1)
        return shapes

    def _features_of_tokens(self) -> np.ndarray | None:
        """int32 [V, F], numbers of features, filled with `NO_FEATURE`."""
        if self.spellings is None:
            return None
        of_words = spelling_features(self.spellings)
        return np.pad(of_words, [(NUM_SPECIAL, 0), (0, 0)], constant_values=NO_FEATURE)

    def _words(self) -> tf.Tensor:
        """w, [V, E]."""
        words = tf.convert_to_tensor(self.word_embeddings)
        if self._features is None:
            return words
        features = tf.convert_to_tensor(self.feature_embeddings)
        counted = tf.concat([tf.zeros_like(features[:1]), features[1:]], axis=0)
        return words + tf.reduce_sum(tf.gather(counted, self._features), axis=1)

    def _distribution(self) -> tfd.Distribution:
        states = tf.convert_to_tensor(self.state_embeddings)
        before = tf.nn.relu(states @ self.transition_kernel + self.transition_bias)  # [K + 1, E]
        after = tf.matmul(before, self.next_state_embeddings, transpose_b=True)  # [K + 1, K]
        writing = tf.nn.relu(states[:-1] @ self.emission_kernel + self.emission_bias)  # [K, E]
        emissions = tf.matmul(writing, self._words(), transpose_b=True) + self.word_bias  # [K, V]
        return distributions.HiddenMarkovText(
            after[-1], after[:-1], emissions, max_length=self.max_length
        )
