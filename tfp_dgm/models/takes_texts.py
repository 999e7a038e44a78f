"""What models of texts share: strings or token ids in, and a decoder that writes them."""

from typing import Any

import tensorflow as tf

from tfp_dgm.models.text_inputs import check_token_ids, token_ids_of
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.text import Vocabulary


class TakesTexts:
    """A model whose inputs are texts of its `vocabulary` and of its `likelihood`."""

    vocabulary: Vocabulary | None
    likelihood: Any

    def token_ids(self, inputs: Any) -> tf.Tensor:
        """Strings [B] or token ids [B, T] as token ids int32 [B, T], closed by END.

        Raises:
          ValueError: if strings come and there is no vocabulary.
        """
        return token_ids_of(self, self.vocabulary, inputs)

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless token ids are texts of the likelihood."""
        check_token_ids(self, inputs)


class WritesTexts(TakesTexts):
    """One whose `likelihood` is a `layers.TokenSequence`."""

    @property
    def decoder(self) -> SequenceDecoder:
        """What the likelihood is made of."""
        return self.likelihood.decoder

    @property
    def max_length(self) -> int:
        """Tokens of a draw, END included."""
        return self.likelihood.max_length
