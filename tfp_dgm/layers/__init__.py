"""Keras 3 layers that return TFP distributions: posteriors, priors and likelihoods."""

from tfp_dgm.layers.aligned_token_sequence import AlignedTokenSequence
from tfp_dgm.layers.alignment_recognition import AlignmentRecognition
from tfp_dgm.layers.bag_of_words import BagOfWords, Multinomial
from tfp_dgm.layers.batch_normalized import BatchNormalizedNormalDiag
from tfp_dgm.layers.categorical import Categorical, OneHotCategorical
from tfp_dgm.layers.cluster_texts import ClusterTexts
from tfp_dgm.layers.constraints import Constraint
from tfp_dgm.layers.dependency_model_with_valence import (
    DependencyModelWithValence,
    NeuralDependencyModelWithValence,
)
from tfp_dgm.layers.dirichlet import Dirichlet, DirichletPrior
from tfp_dgm.layers.dirichlet_laplace_prior import DirichletLaplacePrior
from tfp_dgm.layers.discrete_latents import (
    BernoulliPrior,
    IndependentOneHotCategorical,
    OneHotCategoricalPrior,
)
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.expert_posterior import ExpertRecognition, Responsibilities
from tfp_dgm.layers.experts import Experts
from tfp_dgm.layers.flow_prior import (
    AutoregressiveFlowPrior,
    ContinuousFlowPrior,
    FlowPrior,
    SplineCouplingFlowPrior,
)
from tfp_dgm.layers.gaussian_dependency_model_with_valence import (
    GaussianDependencyModelWithValence,
)
from tfp_dgm.layers.gaussian_hidden_markov import FactorialHiddenMarkov, GaussianHiddenMarkov
from tfp_dgm.layers.hard_kumaraswamy import HardKumaraswamy, HardKumaraswamyPrior
from tfp_dgm.layers.hidden_markov_layer import HiddenMarkovLayer
from tfp_dgm.layers.hidden_markov_text import HiddenMarkovText
from tfp_dgm.layers.independent_bernoulli import IndependentBernoulli
from tfp_dgm.layers.linear_chain import LinearChain
from tfp_dgm.layers.mixture_of_topics import EmbeddedTopics, MixtureOfTopics
from tfp_dgm.layers.mixture_prior import MixtureOfNormalsPrior, VampPrior
from tfp_dgm.layers.multivariate_normal import MultivariateNormalDiag, MultivariateNormalTriL
from tfp_dgm.layers.naive_bayes_mixture import NaiveBayesMixture
from tfp_dgm.layers.negative_log_likelihood import NegativeLogLikelihood
from tfp_dgm.layers.network_flow import (
    ContinuousFlow,
    InverseAutoregressiveFlow,
    NetworkFlowLayer,
    SplineCouplingFlow,
)
from tfp_dgm.layers.neural_autoregressive_prior import NeuralAutoregressivePrior
from tfp_dgm.layers.neural_context_free_grammar import (
    CompoundContextFreeGrammar,
    NeuralContextFreeGrammar,
)
from tfp_dgm.layers.neural_hidden_markov_text import NeuralHiddenMarkovText
from tfp_dgm.layers.normalizing_flow import HouseholderFlow, NormalizingFlowLayer, PlanarFlow
from tfp_dgm.layers.over_vectors import OverVectors
from tfp_dgm.layers.parameters import Parameters
from tfp_dgm.layers.pointer_sequence import PointerSequence
from tfp_dgm.layers.power_spherical import PowerSpherical, SphericalUniformPrior
from tfp_dgm.layers.prior import (
    CategoricalPrior,
    LearnedNormalPrior,
    LearnedNormalTriLPrior,
    Prior,
    StandardNormalPrior,
)
from tfp_dgm.layers.probabilistic_context_free_grammar import ProbabilisticContextFreeGrammar
from tfp_dgm.layers.product_of_topics import ProductOfTopics
from tfp_dgm.layers.projected_distribution_layer import (
    ProjectedDistributionLayer,
    VectorDistributionLayer,
)
from tfp_dgm.layers.projected_observations import ProjectedObservations
from tfp_dgm.layers.require_layer import (
    require_prior,
    require_prior_of_features,
    require_projected_layer,
)
from tfp_dgm.layers.sample import Sample
from tfp_dgm.layers.seed import SavesSeed, stateless_seed
from tfp_dgm.layers.seeded_prior import SeededPrior
from tfp_dgm.layers.separate_experts import SeparateExperts
from tfp_dgm.layers.shared_experts import SharedExperts
from tfp_dgm.layers.standard_priors import standard_prior
from tfp_dgm.layers.token_sequence import TokenSequence
from tfp_dgm.layers.vector_quantizer import VectorQuantizer
from tfp_dgm.layers.without_density import ImplicitPrior, PointMass

__all__ = [
    "AlignedTokenSequence",
    "AlignmentRecognition",
    "AutoregressiveFlowPrior",
    "BagOfWords",
    "BatchNormalizedNormalDiag",
    "BernoulliPrior",
    "Categorical",
    "CategoricalPrior",
    "ClusterTexts",
    "CompoundContextFreeGrammar",
    "Constraint",
    "ContinuousFlow",
    "ContinuousFlowPrior",
    "DependencyModelWithValence",
    "Dirichlet",
    "DirichletLaplacePrior",
    "DirichletPrior",
    "DistributionLayer",
    "EmbeddedTopics",
    "ExpertRecognition",
    "Experts",
    "FactorialHiddenMarkov",
    "FlowPrior",
    "GaussianDependencyModelWithValence",
    "GaussianHiddenMarkov",
    "HardKumaraswamy",
    "HardKumaraswamyPrior",
    "HiddenMarkovLayer",
    "HiddenMarkovText",
    "HouseholderFlow",
    "ImplicitPrior",
    "IndependentBernoulli",
    "IndependentOneHotCategorical",
    "InverseAutoregressiveFlow",
    "LearnedNormalPrior",
    "LearnedNormalTriLPrior",
    "LinearChain",
    "MixtureOfNormalsPrior",
    "MixtureOfTopics",
    "Multinomial",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "NaiveBayesMixture",
    "NegativeLogLikelihood",
    "NetworkFlowLayer",
    "NeuralAutoregressivePrior",
    "NeuralContextFreeGrammar",
    "NeuralDependencyModelWithValence",
    "NeuralHiddenMarkovText",
    "NormalizingFlowLayer",
    "OneHotCategorical",
    "OneHotCategoricalPrior",
    "OverVectors",
    "Parameters",
    "PlanarFlow",
    "PointMass",
    "PointerSequence",
    "PowerSpherical",
    "Prior",
    "ProbabilisticContextFreeGrammar",
    "ProductOfTopics",
    "ProjectedDistributionLayer",
    "ProjectedObservations",
    "Responsibilities",
    "Sample",
    "SavesSeed",
    "SeededPrior",
    "SeparateExperts",
    "SharedExperts",
    "SphericalUniformPrior",
    "SplineCouplingFlow",
    "SplineCouplingFlowPrior",
    "StandardNormalPrior",
    "TokenSequence",
    "VampPrior",
    "VectorDistributionLayer",
    "VectorQuantizer",
    "require_prior",
    "require_prior_of_features",
    "require_projected_layer",
    "standard_prior",
    "stateless_seed",
]
