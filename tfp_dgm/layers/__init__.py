"""Keras 3 layers that return TFP distributions: posteriors, priors and likelihoods."""

from tfp_dgm.layers.bag_of_words import BagOfWords, Multinomial
from tfp_dgm.layers.categorical import Categorical, OneHotCategorical
from tfp_dgm.layers.distribution_layer import DistributionLayer, VectorDistributionLayer
from tfp_dgm.layers.independent_bernoulli import IndependentBernoulli
from tfp_dgm.layers.multivariate_normal import MultivariateNormalDiag, MultivariateNormalTriL
from tfp_dgm.layers.prior import (
    CategoricalPrior,
    LearnedNormalPrior,
    Prior,
    StandardNormalPrior,
)
from tfp_dgm.layers.sample import NegativeLogLikelihood, Parameters, Sample
from tfp_dgm.layers.seed import SavesSeed, stateless_seed

__all__ = [
    "BagOfWords",
    "Categorical",
    "CategoricalPrior",
    "DistributionLayer",
    "IndependentBernoulli",
    "LearnedNormalPrior",
    "Multinomial",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "NegativeLogLikelihood",
    "OneHotCategorical",
    "Parameters",
    "Prior",
    "Sample",
    "SavesSeed",
    "StandardNormalPrior",
    "VectorDistributionLayer",
    "stateless_seed",
]
