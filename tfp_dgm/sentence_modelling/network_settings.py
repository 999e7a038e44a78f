"""Settings of the vocabulary, the encoder and the decoder."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from tfp_dgm.settings import Seed, settings_class

Size = Annotated[int, Ge(1)]
Share = Annotated[float, Ge(0), Le(1)]


@settings_class
class Words:
    """Tokens are words.

    Attributes:
      size: V at most, the reserved tokens included; the most frequent ones.
      lower: upper and lower case are one.
      tokenised: words and marks stand between spaces already.
      unused: tokens besides them that no text has, like those BERT keeps; they round V up.
    """

    kind: Literal["words"] = "words"
    size: Size = 10_000
    lower: bool = False
    tokenised: bool = False
    unused: Annotated[int, Ge(0)] = 0


@settings_class
class Subwords:
    """Tokens are pieces of words.

    Attributes:
      size: V at most, the reserved tokens included; the most frequent ones.
      lower: upper and lower case are one.
    """

    kind: Literal["subwords"] = "subwords"
    size: Size = 10_000
    lower: bool = False


@settings_class
class _Encoder:
    """What all encoders have.

    Attributes:
      units: D, the size of the features (of each direction).
      embedding_units: E, the size of the words' vectors.
      dropout: share of embeddings and features set to zero in training.
    """

    units: Size = 256
    embedding_units: Size = 256
    dropout: Share = 0.3


@settings_class
class LSTMEncoder(_Encoder):
    """Long short-term memory.

    Attributes:
      bidirectional: reads in both directions.
    """

    kind: Literal["lstm"] = "lstm"
    bidirectional: bool = False


@settings_class
class GRUEncoder(_Encoder):
    """Gated recurrent units.

    Attributes:
      bidirectional: reads in both directions.
    """

    kind: Literal["gru"] = "gru"
    bidirectional: bool = False


@settings_class
class TransformerEncoder(_Encoder):
    """Self-attention."""

    kind: Literal["transformer"] = "transformer"


@settings_class
class BagOfWordsEncoder(_Encoder):
    """The mean embedding: blind to the order of words."""

    kind: Literal["bag_of_words"] = "bag_of_words"


@settings_class
class _Decoder:
    """What all decoders have.

    Attributes:
      units: D, the size of the features.
      embedding_units: E, the size of the words' vectors.
      dropout: share of embeddings and features set to zero in training.
      word_dropout: share of the words read that are hidden in training.
      tie_embeddings: the output's kernel is the table of embeddings.
      skip_connections: the latent enters every layer, not the first one only.
      seed: of what is dropped; null for that of the training.
    """

    units: Size = 256
    embedding_units: Size = 256
    dropout: Share = 0.3
    word_dropout: Share = 0.0
    tie_embeddings: bool = False
    skip_connections: bool = False
    seed: Seed | None = None


@settings_class
class _LayeredDecoder(_Decoder):
    """What decoders of several layers have.

    Attributes:
      num_layers: one above the other.
    """

    num_layers: Size = 1


@settings_class
class LSTMDecoder(_LayeredDecoder):
    """Long short-term memory."""

    kind: Literal["lstm"] = "lstm"


@settings_class
class GRUDecoder(_LayeredDecoder):
    """Gated recurrent units."""

    kind: Literal["gru"] = "gru"


@settings_class
class TransformerDecoder(_LayeredDecoder):
    """Causal self-attention."""

    kind: Literal["transformer"] = "transformer"


@settings_class
class ConvolutionalDecoder(_Decoder):
    """Dilated causal convolutions, which see a few words back only."""

    kind: Literal["convolutional"] = "convolutional"


@settings_class
class InputlessDecoder(_LayeredDecoder):
    """Long short-term memory that reads no words: all comes from the latent."""

    kind: Literal["inputless"] = "inputless"


Vocabulary = Annotated[Words | Subwords, Field(discriminator="kind")]
Encoder = Annotated[
    LSTMEncoder | GRUEncoder | TransformerEncoder | BagOfWordsEncoder,
    Field(discriminator="kind"),
]
Decoder = Annotated[
    LSTMDecoder | GRUDecoder | TransformerDecoder | ConvolutionalDecoder | InputlessDecoder,
    Field(discriminator="kind"),
]
