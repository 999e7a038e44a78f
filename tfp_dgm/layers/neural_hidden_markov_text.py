"""Hidden Markov models of texts whose tables networks write, as a layer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.hidden_markov_layer import HiddenMarkovLayer
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.text import NO_FEATURE, characters_of_words
from tfp_dgm.text import spelling_features as features_of_words
from tfp_dgm.token_ids import NUM_SPECIAL

_WINDOW = 3  # Characters.
_CHARACTER_UNITS = 16


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NeuralHiddenMarkovText(OverTexts, HiddenMarkovLayer):
    """Texts written by a hidden Markov chain whose logits come from embeddings [1].

        emission[k, v] = relu(W_e s_k + c_e) . w_v + b_v
        transition[j, k] = relu(W_t s_j + c_t) . u_k,    initial[k] = relu(W_t s_0 + c_t) . u_k
        w_v = e_v + sum of g_f over the features f of the spelling of v
                  + W_c max over places i of relu(sum_d C_d a_v,i+d + c_c)

    s are embeddings of states, e, g and a of words, of features and of characters. Words that share
    features or characters share what is learned about them, so that rare words get tags, too.
    Features are those of [2]: endings of one to three letters, a capital, a digit, a hyphen.
    Characters are read by a convolution over windows of three, and the marks of start and end, as
    in [1]. See `distributions.HiddenMarkovText` for the density.

    Args:
      vocabulary_size: V.
      num_states: K.
      max_length: tokens of a draw, END included.
      embedding_units: E, of all embeddings.
      spellings: the V - 4 words from id 4 on; None for embeddings of words alone.
      spelling_features: whether those of spellings count.
      character_filters: of the convolution over characters of spellings; 0 for none.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if a number is below 1 (of filters, 0), there is another number of spellings, or
        none for filters.
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
        spelling_features: bool = True,
        character_filters: int = 0,
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
        if character_filters < 0 or (character_filters and spellings is None):
            wanted = ">= 0" if character_filters < 0 else "0 without `spellings`"
            raise ValueError(
                f"NeuralHiddenMarkovText: `character_filters` must be {wanted}; received "
                f"{character_filters}"
            )
        self.max_length = max_length
        self.embedding_units = embedding_units
        self.spellings = None if spellings is None else tuple(spellings)
        self.spelling_features = spelling_features
        self.character_filters = character_filters
        self._features = self._of_tokens(features_of_words) if spelling_features else None
        self._characters = self._of_tokens(characters_of_words) if character_filters else None

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
        if self._characters is not None:
            characters, filters = int(self._characters.max()) + 1, self.character_filters
            fan_in = _WINDOW * _CHARACTER_UNITS
            shapes["character_embeddings"] = ((characters, _CHARACTER_UNITS), 1.0)
            shapes["character_kernel"] = (
                (_WINDOW, _CHARACTER_UNITS, filters),
                (2.0 / fan_in) ** 0.5,
            )
            shapes["character_bias"] = ((filters,), 0.0)
            # Sums over filters as small as the embeddings that they stand beside.
            shapes["character_output"] = ((filters, size), 0.1 / filters**0.5)
        return shapes

    def _of_tokens(self, read: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray | None:
        """int32 [V, F], numbers of features or characters, filled with `NO_FEATURE`."""
        if self.spellings is None:
            return None
        of_words = read(self.spellings)
        return np.pad(of_words, [(NUM_SPECIAL, 0), (0, 0)], constant_values=NO_FEATURE)

    def _words(self) -> tf.Tensor:
        """w, [V, E]."""
        words = tf.convert_to_tensor(self.word_embeddings)
        if self._features is not None:
            features = tf.convert_to_tensor(self.feature_embeddings)
            counted = tf.concat([tf.zeros_like(features[:1]), features[1:]], axis=0)
            words += tf.reduce_sum(tf.gather(counted, self._features), axis=1)
        if self._characters is not None:
            words += self._convolved(self._characters) @ self.character_output
        return words

    def _convolved(self, characters: np.ndarray) -> tf.Tensor:
        """The largest value of each filter over the characters of each word, [V, filters]."""
        read = characters[..., np.newaxis] != NO_FEATURE  # [V, L, 1]
        vectors = tf.gather(tf.convert_to_tensor(self.character_embeddings), characters)
        found = tf.nn.conv1d(
            tf.where(read, vectors, 0.0), self.character_kernel, stride=1, padding="SAME"
        )  # [V, L, filters]
        found = tf.where(read, tf.nn.relu(found + self.character_bias), 0.0)
        return tf.reduce_max(found, axis=1)

    def _distribution(self) -> tfd.Distribution:
        states = tf.convert_to_tensor(self.state_embeddings)
        before = tf.nn.relu(states @ self.transition_kernel + self.transition_bias)  # [K + 1, E]
        after = tf.matmul(before, self.next_state_embeddings, transpose_b=True)  # [K + 1, K]
        writing = tf.nn.relu(states[:-1] @ self.emission_kernel + self.emission_bias)  # [K, E]
        emissions = tf.matmul(writing, self._words(), transpose_b=True) + self.word_bias  # [K, V]
        return distributions.HiddenMarkovText(
            after[-1], after[:-1], emissions, max_length=self.max_length
        )
