"""Grammars whose probabilities are computed from vectors of symbols, or of sentences, too."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.over_parsed_texts import OverParsedTexts
from tfp_dgm.layers.prior import Prior


class _OfSymbols(OverParsedTexts, DistributionLayer):
    """The networks from vectors of symbols, and of sentences where there are any, to logits.

        root ~ softmax(f(w_root)),  rules[a] ~ softmax(W w_a + b),  emissions[p] ~ softmax(g(w_p))

    f and g are residual networks of two blocks.
    """

    conditioning_units = 0  # Z

    def _make_networks(self, symbol_units: int) -> None:
        self._require_positive("symbol_units", symbol_units)
        self.symbol_units = symbol_units
        self._root_network = self._residual("root", self.num_nonterminals)
        self._emission_network = self._residual("emission", self.vocabulary_size)
        self._rules = self._dense("rules", self.num_symbols**2)

    def _add_weights(self) -> None:
        """Of the vectors of symbols, and all networks but for what a latent needs more."""
        numbers = {
            "root": 1,
            "nonterminals": self.num_nonterminals,
            "preterminals": self.num_preterminals,
        }
        for name, number in numbers.items():
            shape = (number, self.symbol_units)
            setattr(self, name, self.add_weight(shape=shape, name=name))
        for network in (self._root_network, self._emission_network):
            network[0].build((None, self.symbol_units + self.conditioning_units))
            for layer in network[1:]:
                layer.build((None, self.symbol_units))
        self._rules.build((None, self.symbol_units))

    def _grammar(self, latent: tf.Tensor | None) -> tfd.Distribution:
        """Of latents [B, Z], batch shape [B]; of None, []."""

        def of_symbols(network: list[keras.layers.Dense], symbols: Any) -> tf.Tensor:
            features = tf.convert_to_tensor(symbols)  # [N, D]
            if latent is not None:
                rows, number = tf.shape(latent)[0], features.shape[0]
                features = tf.concat(
                    [
                        tf.broadcast_to(features, [rows, number, self.symbol_units]),
                        tf.repeat(latent[:, tf.newaxis], number, axis=1),
                    ],
                    axis=-1,
                )  # [B, N, D + Z]
            return _through(network, features)

        rules = self._rules(tf.convert_to_tensor(self.nonterminals))
        if latent is not None:
            rules += self._rules_of_latent(latent)[:, tf.newaxis]  # [B, A, S^2]
        symbols = [self.num_symbols, self.num_symbols]
        return distributions.ProbabilisticContextFreeGrammar(
            of_symbols(self._root_network, self.root)[..., 0, :],
            tf.reshape(rules, tf.concat([tf.shape(rules)[:-1], symbols], axis=0)),
            of_symbols(self._emission_network, self.preterminals),
            max_length=self.max_length,
        )

    def _residual(self, name: str, units: int) -> list[keras.layers.Dense]:
        widths = {"input": None, "1a": "relu", "1b": "relu", "2a": "relu", "2b": "relu"}
        hidden = [
            self._dense(f"{name}_{part}", self.symbol_units, activation=activation)
            for part, activation in widths.items()
        ]
        return [*hidden, self._dense(f"{name}_output", units)]

    def _dense(self, name: str, units: int, **kwargs: Any) -> keras.layers.Dense:
        # Keras does not hand `trainable` on.
        return keras.layers.Dense(
            units, dtype="float32", trainable=self.trainable, name=name, **kwargs
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NeuralContextFreeGrammar(_OfSymbols, Prior):
    """Texts written by a grammar whose probabilities come from vectors of its symbols [1].

    The same family as `ProbabilisticContextFreeGrammar`, in which gradients find better trees.

    Args:
      vocabulary_size: V.
      num_nonterminals: A, symbols of two words or more.
      num_preterminals: P, symbols of single words.
      max_length: tokens of a draw, END included.
      symbol_units: D, of the vectors and of the networks.
      **kwargs: see `DistributionLayer`.
    References:
      [1] Kim, Dyer and Rush. Compound Probabilistic Context-Free Grammars for Grammar Induction.
        ACL 2019. arXiv:1906.10225
    """

    instead = "Give it as the `likelihood` of a `models.ExactLikelihoodModel`."

    def __init__(
        self,
        vocabulary_size: int,
        num_nonterminals: int,
        num_preterminals: int,
        max_length: int,
        *,
        symbol_units: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self._set_sizes(vocabulary_size, num_nonterminals, num_preterminals, max_length)
        self._make_networks(symbol_units)

    def _distribution(self) -> tfd.Distribution:
        return self._grammar(None)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class CompoundContextFreeGrammar(_OfSymbols):
    """Texts written by a grammar of their own each, from a vector: latents [B, Z] -> [B] [1].

    The likelihood of a `models.CompoundGrammar`. The vector joins those of the symbols in all three
    networks.

    Args:
      vocabulary_size: V.
      num_nonterminals: A, symbols of two words or more.
      num_preterminals: P, symbols of single words.
      max_length: tokens of a draw, END included.
      symbol_units: D, of the vectors and of the networks.
      **kwargs: see `DistributionLayer`.
    References:
      [1] Kim, Dyer and Rush. Compound Probabilistic Context-Free Grammars for Grammar Induction.
        ACL 2019. arXiv:1906.10225
    """

    instead = "Give it as the `likelihood` of a `models.CompoundGrammar`."

    def __init__(
        self,
        vocabulary_size: int,
        num_nonterminals: int,
        num_preterminals: int,
        max_length: int,
        *,
        symbol_units: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_sizes(vocabulary_size, num_nonterminals, num_preterminals, max_length)
        self._make_networks(symbol_units)
        self._rules_of_latent = self._dense("rules_of_latent", self.num_symbols**2, use_bias=False)

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.built:  # Keras builds a deserialised layer before its parent.
            units = input_shape[-1]
            if units is None:
                raise ValueError(
                    f"{type(self).__name__}: latents must be [B, Z] of a known Z; received the "
                    f"shape {tuple(input_shape)}"
                )
            self.conditioning_units = units
            self._add_weights()
            self._rules_of_latent.build((None, self.conditioning_units))
        self.built = True

    def call(self, features: tf.Tensor, training: bool = False) -> tfd.Distribution:
        if not self.built:
            self.build(features.shape)
        return self._grammar(tf.cast(features, tf.float32))


def _through(network: list[keras.layers.Dense], features: tf.Tensor) -> tf.Tensor:
    """A dense layer, two residual blocks and the output."""
    into, *blocks, output = network
    hidden = into(features)
    for first, second in zip(blocks[::2], blocks[1::2], strict=True):
        hidden += second(first(hidden))
    return output(hidden)
