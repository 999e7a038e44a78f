"""Encoders and decoders, tensors -> tensors; they know nothing of distributions."""

from tfp_dgm.networks.attention import Attention
from tfp_dgm.networks.convolutional_decoder import ConvolutionalDecoder
from tfp_dgm.networks.masked_autoregressive import MaskedAutoregressive
from tfp_dgm.networks.mlp import MLP
from tfp_dgm.networks.recurrent_decoder import GRUDecoder, InputlessDecoder, LSTMDecoder
from tfp_dgm.networks.sentence_encoder import SentenceEncoder
from tfp_dgm.networks.sequence_decoder import SequenceDecoder
from tfp_dgm.networks.sequence_encoder import (
    BagOfWordsEncoder,
    GRUEncoder,
    LSTMEncoder,
    SequenceEncoder,
    TransformerEncoder,
)
from tfp_dgm.networks.transformer_decoder import TransformerDecoder
from tfp_dgm.networks.word_dropout import WordDropout

__all__ = [
    "MLP",
    "Attention",
    "BagOfWordsEncoder",
    "ConvolutionalDecoder",
    "GRUDecoder",
    "GRUEncoder",
    "InputlessDecoder",
    "LSTMDecoder",
    "LSTMEncoder",
    "MaskedAutoregressive",
    "SentenceEncoder",
    "SequenceDecoder",
    "SequenceEncoder",
    "TransformerDecoder",
    "TransformerEncoder",
    "WordDropout",
]
