"""Dependency models with valence as layers: free weights, or networks over tokens."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import Constraint
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.layers.seeded_prior import SeededPrior
from tfp_dgm.token_ids import END


class _OverTrees(OverTexts, SeededPrior):
    """What the two have in common: texts with a tree, and so of one word or more."""

    def __init__(
        self, vocabulary_size: int, max_length: int, *, seed: int | None, **kwargs: Any
    ) -> None:
        self._require_positive("vocabulary_size", vocabulary_size)
        super().__init__(vocabulary_size, seed=seed, **kwargs)
        self._require_positive("max_length", max_length)
        self.max_length = max_length

    @property
    def vocabulary_size(self) -> int:
        return self.units

    @property
    def support(self) -> Constraint:
        """Texts of which there are trees."""
        texts = super().support

        def holds(token_ids: tf.Tensor) -> tf.Tensor:
            return texts.holds(token_ids) & (token_ids[..., :1] != END)

        return Constraint(f"a word or more, and {texts.description}", holds)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class DependencyModelWithValence(_OverTrees):
    """Texts written by heads and their modifiers, each of whose log-probabilities is a weight.

    See `distributions.DependencyModelWithValence` for the density.

    Args:
      vocabulary_size: V; of tags, say.
      max_length: columns of a draw.
      attachment_valences: 2, or 1 where the first modifier and later ones are of the same kind, as
        Klein and Manning have it.
      seed: see `SeededPrior`.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if a number is out of its range.
    """

    def __init__(
        self,
        vocabulary_size: int,
        max_length: int,
        *,
        attachment_valences: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, max_length, seed=seed, **kwargs)
        if attachment_valences not in (1, 2):
            raise ValueError(
                "DependencyModelWithValence: `attachment_valences` must be 1 or 2; received "
                f"{attachment_valences!r}"
            )
        self.attachment_valences = attachment_valences

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        size = self.vocabulary_size
        return {
            "root_logits": ((size,), 1.0),
            "attachment_logits": ((size, 2, self.attachment_valences, size), 1.0),
            "decision_logits": ((size, 2, 2, 2), 1.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.DependencyModelWithValence(
            tf.convert_to_tensor(self.root_logits),
            tf.convert_to_tensor(self.attachment_logits),
            tf.convert_to_tensor(self.decision_logits),
            max_length=self.max_length,
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NeuralDependencyModelWithValence(_OverTrees):
    """Texts written by heads and their modifiers, whose rules come from vectors of tokens [1].

        h = relu(W_side [token; some] + b_side),  attachments[token, side, some] ~ softmax(A h)

    with [token; some] the vectors of the head and of its valence; decisions have a network of the
    same kind with weights of its own, and the root a vector. A holds the tokens' vectors, too, so
    that tokens of similar vectors are similar as heads and as modifiers. The same family as
    `DependencyModelWithValence`; its M-steps are by gradients.

    Args:
      vocabulary_size: V; of tags, say.
      max_length: columns of a draw.
      embedding_units: of the vectors of tokens.
      valence_units: of the vectors of valences.
      seed: see `SeededPrior`.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if a number is out of its range.
    References:
      [1] Jiang, Han and Tu. Unsupervised Neural Dependency Parsing. EMNLP 2016.
    """

    def __init__(
        self,
        vocabulary_size: int,
        max_length: int,
        *,
        embedding_units: int = 10,
        valence_units: int = 5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, max_length, seed=seed, **kwargs)
        self._require_positive("embedding_units", embedding_units)
        self._require_positive("valence_units", valence_units)
        self.embedding_units = embedding_units
        self.valence_units = valence_units

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        size, valence = self.embedding_units, self.valence_units
        wide = (2.0 / (size + valence)) ** 0.5  # He et al., for rectified units.
        networks = {
            f"{name}_{part}": shape
            for name in ("attachment", "decision")
            for part, shape in {
                "kernel": ((2, size + valence, size), wide),
                "bias": ((2, size), 0.0),
            }.items()
        }
        return {
            "token_embeddings": ((self.vocabulary_size, size), 1.0),
            "valence_embeddings": ((2, valence), 1.0),
            "root_embedding": ((size,), 0.1),
            **networks,
            "token_bias": ((self.vocabulary_size,), 0.0),
            "decision_embeddings": ((2, size), wide),
        }

    def _distribution(self) -> tfd.Distribution:
        tokens = tf.convert_to_tensor(self.token_embeddings)  # [V, E]
        after, bias = tf.transpose(tokens), tf.convert_to_tensor(self.token_bias)
        attaching = self._hidden(self.attachment_kernel, self.attachment_bias)
        deciding = self._hidden(self.decision_kernel, self.decision_bias)
        return distributions.DependencyModelWithValence(
            tf.linalg.matvec(tokens, tf.convert_to_tensor(self.root_embedding)) + bias,
            tf.einsum("vsne,ew->vsnw", attaching, after) + bias,
            tf.einsum("vsne,de->vsnd", deciding, tf.convert_to_tensor(self.decision_embeddings)),
            max_length=self.max_length,
        )

    def _hidden(self, kernel: Any, bias: Any) -> tf.Tensor:
        """[V, 2 (side), 2 (some), E]."""
        kernel, bias = tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias)
        size = self.embedding_units
        of_tokens = tf.einsum("ve,seh->vsh", self.token_embeddings, kernel[:, :size])
        of_valences = tf.einsum("ne,seh->snh", self.valence_embeddings, kernel[:, size:])
        return tf.nn.relu(of_tokens[:, :, tf.newaxis] + of_valences + bias[:, tf.newaxis])
