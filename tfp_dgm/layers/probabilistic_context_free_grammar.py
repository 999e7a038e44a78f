"""Probabilistic context-free grammars as a layer."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.over_parsed_texts import OverParsedTexts
from tfp_dgm.layers.seeded_prior import SeededPrior


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ProbabilisticContextFreeGrammar(OverParsedTexts, SeededPrior):
    """Texts written by a grammar, each of whose log-probabilities is a weight.

    See `distributions.ProbabilisticContextFreeGrammar` for the density.

    Args:
      vocabulary_size: V.
      num_nonterminals: A, symbols of two words or more.
      num_preterminals: P, symbols of single words.
      max_length: tokens of a draw, END included.
      seed: see `SeededPrior`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_nonterminals: int,
        num_preterminals: int,
        max_length: int,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, seed=seed, **kwargs)
        self._set_sizes(vocabulary_size, num_nonterminals, num_preterminals, max_length)

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        count, symbols = self.num_nonterminals, self.num_symbols
        return {
            "root_logits": ((count,), 1.0),
            "rule_logits": ((count, symbols, symbols), 1.0),
            "emission_logits": ((self.num_preterminals, self.vocabulary_size), 1.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.ProbabilisticContextFreeGrammar(
            tf.convert_to_tensor(self.root_logits),
            tf.convert_to_tensor(self.rule_logits),
            tf.convert_to_tensor(self.emission_logits),
            max_length=self.max_length,
        )
