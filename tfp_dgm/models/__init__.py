"""Keras models with latent variables: plain `compile`, `fit`, `predict`, `.keras` out and in."""

from tfp_dgm.models.amortized_topic_model import AmortizedTopicModel
from tfp_dgm.models.bag_of_words_vae import BagOfWordsVAE
from tfp_dgm.models.categorical_vae import CategoricalVAE
from tfp_dgm.models.chain_vae import ChainVAE
from tfp_dgm.models.class_sets import allowed_classes
from tfp_dgm.models.compound_grammar import CompoundGrammar
from tfp_dgm.models.document_mixture import DocumentMixture
from tfp_dgm.models.encoded_source import EncodedSource
from tfp_dgm.models.exact_likelihood_model import ExactLikelihoodModel
from tfp_dgm.models.hierarchical_vae import HierarchicalVAE
from tfp_dgm.models.language_model import LanguageModel
from tfp_dgm.models.language_model_mixture import LanguageModelMixture
from tfp_dgm.models.latent_dirichlet_allocation import LatentDirichletAllocation
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.loading import load_model
from tfp_dgm.models.m1_m2 import M1M2
from tfp_dgm.models.m2 import M2
from tfp_dgm.models.mean_field_model import MeanFieldModel
from tfp_dgm.models.mixture_of_experts_captioner import MixtureOfExpertsCaptioner
from tfp_dgm.models.quantized_text_vae import QuantizedTextVAE
from tfp_dgm.models.rationale_classifier import RationaleClassifier
from tfp_dgm.models.sentence_compressor import SentenceCompressor
from tfp_dgm.models.sigmoid_belief_network import SigmoidBeliefNetwork
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.stochastic_recurrent_text_model import StochasticRecurrentTextModel
from tfp_dgm.models.structured_language_model import StructuredLanguageModel
from tfp_dgm.models.text_vae import TextVAE
from tfp_dgm.models.topic_words import distinctive_words
from tfp_dgm.models.vae import VAE
from tfp_dgm.models.variational_attention_captioner import VariationalAttentionCaptioner

__all__ = [
    "M1M2",
    "M2",
    "VAE",
    "AmortizedTopicModel",
    "BagOfWordsVAE",
    "CategoricalVAE",
    "ChainVAE",
    "CompoundGrammar",
    "DocumentMixture",
    "EncodedSource",
    "ExactLikelihoodModel",
    "HierarchicalVAE",
    "LanguageModel",
    "LanguageModelMixture",
    "LatentDirichletAllocation",
    "LatentVariableModel",
    "MeanFieldModel",
    "MixtureOfExpertsCaptioner",
    "QuantizedTextVAE",
    "RationaleClassifier",
    "SentenceCompressor",
    "SigmoidBeliefNetwork",
    "Signature",
    "StochasticRecurrentTextModel",
    "StructuredLanguageModel",
    "TextVAE",
    "VariationalAttentionCaptioner",
    "allowed_classes",
    "distinctive_words",
    "load_model",
]
