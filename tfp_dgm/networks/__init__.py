"""Encoders and decoders, tensors -> tensors; they know nothing of distributions."""

from tfp_dgm.networks.attention import Attention
from tfp_dgm.networks.convolutional_decoder import ConvolutionalDecoder
from tfp_dgm.networks.convolutional_encoder import ConvolutionalEncoder
from tfp_dgm.networks.coupling_network import CouplingNetwork
from tfp_dgm.networks.image_decoding import decode_image
from tfp_dgm.networks.masked_autoregressive import MaskedAutoregressive
from tfp_dgm.networks.mlp import MLP
from tfp_dgm.networks.pretrained_backbone import PretrainedBackbone, find_application
from tfp_dgm.networks.recurrent_decoder import (
    GRUDecoder,
    InputlessDecoder,
    LSTMDecoder,
    RecurrentDecoder,
)
from tfp_dgm.networks.recurrent_encoder import GRUEncoder, LSTMEncoder
from tfp_dgm.networks.sentence_encoder import SentenceEncoder
from tfp_dgm.networks.sequence_decoder import SequenceDecoder
from tfp_dgm.networks.sequence_encoder import BagOfWordsEncoder, SequenceEncoder
from tfp_dgm.networks.sparse_rows import dense_of
from tfp_dgm.networks.tempered_mixture import TemperedMixture
from tfp_dgm.networks.text_encoder import TextEncoder
from tfp_dgm.networks.token_vectors import TokenVectors
from tfp_dgm.networks.transformer_decoder import TransformerDecoder
from tfp_dgm.networks.transformer_encoder import TransformerEncoder
from tfp_dgm.networks.tuned_encoder import TunedSentenceEncoder
from tfp_dgm.networks.velocity_network import VelocityNetwork
from tfp_dgm.networks.word_dropout import WordDropout
from tfp_dgm.networks.word_encoder import WordEncoder

__all__ = [
    "MLP",
    "Attention",
    "BagOfWordsEncoder",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "CouplingNetwork",
    "GRUDecoder",
    "GRUEncoder",
    "InputlessDecoder",
    "LSTMDecoder",
    "LSTMEncoder",
    "MaskedAutoregressive",
    "PretrainedBackbone",
    "RecurrentDecoder",
    "SentenceEncoder",
    "SequenceDecoder",
    "SequenceEncoder",
    "TemperedMixture",
    "TextEncoder",
    "TokenVectors",
    "TransformerDecoder",
    "TransformerEncoder",
    "TunedSentenceEncoder",
    "VelocityNetwork",
    "WordDropout",
    "WordEncoder",
    "decode_image",
    "dense_of",
    "find_application",
]
