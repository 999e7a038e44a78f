"""Keras 3 layers that return TFP distributions: posteriors, priors and likelihoods."""

from tfp_dgm.layers.bag_of_words import BagOfWords, Multinomial
from tfp_dgm.layers.batch_normalized import BatchNormalizedNormalDiag
from tfp_dgm.layers.categorical import Categorical, OneHotCategorical
from tfp_dgm.layers.discrete_latents import (
    BernoulliPrior,
    IndependentOneHotCategorical,
    OneHotCategoricalPrior,
)
from tfp_dgm.layers.distribution_layer import DistributionLayer, VectorDistributionLayer
from tfp_dgm.layers.expert_posterior import ExpertRecognition, Responsibilities
from tfp_dgm.layers.experts import Experts, SeparateExperts, SharedExperts
from tfp_dgm.layers.flow_prior import AutoregressiveFlowPrior
from tfp_dgm.layers.independent_bernoulli import IndependentBernoulli
from tfp_dgm.layers.mixture_prior import MixtureOfNormalsPrior, VampPrior
from tfp_dgm.layers.multivariate_normal import MultivariateNormalDiag, MultivariateNormalTriL
from tfp_dgm.layers.normalizing_flow import InverseAutoregressiveFlow, PlanarFlow
from tfp_dgm.layers.power_spherical import PowerSpherical, SphericalUniformPrior
from tfp_dgm.layers.prior import (
    CategoricalPrior,
    LearnedNormalPrior,
    Prior,
    StandardNormalPrior,
)
from tfp_dgm.layers.require_layer import require_distribution_layer, require_prior
from tfp_dgm.layers.sample import NegativeLogLikelihood, Parameters, Sample
from tfp_dgm.layers.seed import SavesSeed, stateless_seed
from tfp_dgm.layers.standard_prior import standard_prior
from tfp_dgm.layers.token_sequence import TokenSequence

__all__ = [
    "AutoregressiveFlowPrior",
    "BagOfWords",
    "BatchNormalizedNormalDiag",
    "BernoulliPrior",
    "Categorical",
    "CategoricalPrior",
    "DistributionLayer",
    "ExpertRecognition",
    "Experts",
    "IndependentBernoulli",
    "IndependentOneHotCategorical",
    "InverseAutoregressiveFlow",
    "LearnedNormalPrior",
    "MixtureOfNormalsPrior",
    "Multinomial",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "NegativeLogLikelihood",
    "OneHotCategorical",
    "OneHotCategoricalPrior",
    "Parameters",
    "PlanarFlow",
    "PowerSpherical",
    "Prior",
    "Responsibilities",
    "Sample",
    "SavesSeed",
    "SeparateExperts",
    "SharedExperts",
    "SphericalUniformPrior",
    "StandardNormalPrior",
    "TokenSequence",
    "VampPrior",
    "VectorDistributionLayer",
    "require_distribution_layer",
    "require_prior",
    "standard_prior",
    "stateless_seed",
]
