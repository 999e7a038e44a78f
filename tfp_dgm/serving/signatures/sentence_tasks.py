"""What models of sentences are served for alike: seeds or text in, text out."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfp_dgm.inference import impute
from tfp_dgm.models import (
    LanguageModel,
    LanguageModelMixture,
    QuantizedTextVAE,
    SentenceCompressor,
    Signature,
    StochasticRecurrentTextModel,
    TextVAE,
)
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD

_BEAM_SIZE = 5
_EXAMPLES, _EXAMPLE_WORDS = 4, 5

Body = Callable[..., Mapping[str, tf.Tensor]]


class SentenceTasks:
    """Makes signatures of strings out of bodies of token ids [B, T].

    The twins read as many tokens of a text as the model writes (`max_length`); the plain signatures
    read all, but `imputing`.

    Args:
      model: a built model with a vocabulary.
    Raises:
      ValueError: if it has none.
    """

    def __init__(
        self,
        model: TextVAE
        | QuantizedTextVAE
        | LanguageModel
        | LanguageModelMixture
        | SentenceCompressor
        | StochasticRecurrentTextModel,
    ) -> None:
        if model.vocabulary is None:
            name = type(model).__name__
            raise ValueError(f"model: expected a {name} with a vocabulary; received one without")
        self._model = model
        self._vocabulary = model.vocabulary
        self._texts = _example_texts(model.vocabulary, model.max_length)
        self._seeds = [[7, number] for number in range(len(self._texts))]
        self._token_ids = {"token_ids": tf.TensorSpec([None, model.max_length], tf.int32)}
        self._text = {"text": tf.TensorSpec([None], tf.string)}
        self._seed = {"seed": tf.TensorSpec([None, 2], tf.int32)}

    def generating(self, body: Body) -> Signature:
        """seed [2], temperature -> text and what else `body` gives beside token_ids."""
        temperatures = [1.0, 0.5, 0.8, 1.2][: len(self._seeds)]
        return Signature(
            inputs={**self._seed, "temperature": tf.TensorSpec([None], tf.float32)},
            body=body,
            after=self._written,
            examples={"seed": self._seeds, "temperature": temperatures},
        )

    def reading(self, body: Body, *, seeded: bool = False, writes: bool = False) -> Signature:
        """text -> what `body` gives.

        Args:
          body: of token_ids, and of seed [B, 2] where it is `seeded`.
          seeded: whether the signature takes seeds.
          writes: whether `body` gives token_ids, which the signature gives as text.
        """
        seed: dict[str, Any] = self._seed if seeded else {}
        seeds = {"seed": self._seeds} if seeded else {}
        return Signature(
            inputs={**self._text, **seed},
            before=self._tokens,
            body=body,
            after=self._written if writes else None,
            body_inputs={**self._token_ids, **seed},
            examples={"text": self._texts, **seeds},
        )

    def imputing(self) -> Signature:
        """The beginning of a text -> text, ended by a beam search of size 5."""

        def end(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"token_ids": impute(self._model, token_ids, beam_size=_BEAM_SIZE)}

        return Signature(
            inputs=self._text,
            before=self._beginning,
            body=end,
            after=self._written,
            body_inputs=self._token_ids,
            examples={"text": self._texts},
        )

    def _tokens(self, text: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"token_ids": self._vocabulary(text), **others}  # [B, T]

    def _beginning(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = self._vocabulary(text)[:, : self._model.max_length]
        return {"token_ids": tf.where(ids == END, PAD, ids)}

    def _written(self, token_ids: tf.Tensor, **others: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"text": self._vocabulary.detokenize(token_ids), **others}


def _example_texts(vocabulary: Vocabulary, max_length: int) -> list[str]:
    """A few of the vocabulary's own tokens, and none of the training data."""
    words = min(_EXAMPLE_WORDS, max_length - 1)
    rows = [
        [NUM_SPECIAL + (i + j * _EXAMPLES) % len(vocabulary.tokens) for j in range(words)]
        for i in range(_EXAMPLES)
    ]
    return [text.decode("utf-8") for text in vocabulary.detokenize(tf.constant(rows)).numpy()]
