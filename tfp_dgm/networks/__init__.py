"""Encoders and decoders, tensors -> tensors; they know nothing of distributions."""

from tfp_dgm.networks.mlp import MLP
from tfp_dgm.networks.sentence_encoder import SentenceEncoder

__all__ = ["MLP", "SentenceEncoder"]
