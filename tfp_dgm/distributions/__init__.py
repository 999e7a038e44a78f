"""Families and bijectors that TFP lacks, or has in more operations; they know nothing of Keras."""

from tfp_dgm.distributions.aligned_token_sequence import (
    AlignedText,
    AlignedTokenSequence,
    SourceFunctions,
)
from tfp_dgm.distributions.bag_of_words import BagOfWords
from tfp_dgm.distributions.binary_variables import BinaryVariables
from tfp_dgm.distributions.continuous import Continuous
from tfp_dgm.distributions.decoded_text import DecoderFunctions
from tfp_dgm.distributions.factors import independent_factors
from tfp_dgm.distributions.generative_structures import (
    DependencyModelWithValence,
    FactorialHiddenMarkov,
    GaussianDependencyModelWithValence,
    GaussianHiddenMarkov,
    GenerativeStructure,
    HiddenMarkovText,
    MeanField,
    NaiveBayesMixture,
    NaiveBayesMixturePotentials,
    ProbabilisticContextFreeGrammar,
    ProbabilisticContextFreeGrammarPotentials,
    structured_mean_field,
)
from tfp_dgm.distributions.hard_kumaraswamy import HardKumaraswamy
from tfp_dgm.distributions.householder import Householder
from tfp_dgm.distributions.inverse_autoregressive import InverseAutoregressive
from tfp_dgm.distributions.logit_bernoulli import LogitBernoulli
from tfp_dgm.distributions.multivariate_normal_diag import MultivariateNormalDiag
from tfp_dgm.distributions.neural_autoregressive import NeuralAutoregressive
from tfp_dgm.distributions.normalizing_flow import NormalizingFlow, from_noise
from tfp_dgm.distributions.open_dirichlet import OpenDirichlet
from tfp_dgm.distributions.partly_given import PartlyGiven
from tfp_dgm.distributions.planar import Planar
from tfp_dgm.distributions.point_estimates import point_estimate
from tfp_dgm.distributions.pointer_sequence import PointerSequence
from tfp_dgm.distributions.projected_observations import ProjectedObservations
from tfp_dgm.distributions.selected import Selected
from tfp_dgm.distributions.selections import Selection, selection
from tfp_dgm.distributions.sparse_simplex import entmax15, sparsemax
from tfp_dgm.distributions.spheres import is_spherical
from tfp_dgm.distributions.spline_coupling import SplineCoupling
from tfp_dgm.distributions.structures import (
    ConstituencyTree,
    ConstituencyTreeParts,
    DependencyTree,
    DependencyTreeParts,
    DependencyTreeWithValence,
    DependencyTreeWithValenceParts,
    FactorialChain,
    FactorialChainParts,
    GrammarTree,
    GrammarTreeParts,
    LinearChain,
    LinearChainParts,
    NonProjectiveDependencyTree,
    SemiMarkovChain,
    SemiMarkovParts,
    Structure,
    TaggedDependencyTree,
    TaggedDependencyTreeParts,
)
from tfp_dgm.distributions.supports import support_of
from tfp_dgm.distributions.token_sequence import TokenSequence
from tfp_dgm.distributions.top_down import TopDown
from tfp_dgm.distributions.without_density import (
    Implicit,
    PointMass,
    WithoutDensity,
    has_density,
)

__all__ = [
    "AlignedText",
    "AlignedTokenSequence",
    "BagOfWords",
    "BinaryVariables",
    "ConstituencyTree",
    "ConstituencyTreeParts",
    "Continuous",
    "DecoderFunctions",
    "DependencyModelWithValence",
    "DependencyTree",
    "DependencyTreeParts",
    "DependencyTreeWithValence",
    "DependencyTreeWithValenceParts",
    "FactorialChain",
    "FactorialChainParts",
    "FactorialHiddenMarkov",
    "GaussianDependencyModelWithValence",
    "GaussianHiddenMarkov",
    "GenerativeStructure",
    "GrammarTree",
    "GrammarTreeParts",
    "HardKumaraswamy",
    "HiddenMarkovText",
    "Householder",
    "Implicit",
    "InverseAutoregressive",
    "LinearChain",
    "LinearChainParts",
    "LogitBernoulli",
    "MeanField",
    "MultivariateNormalDiag",
    "NaiveBayesMixture",
    "NaiveBayesMixturePotentials",
    "NeuralAutoregressive",
    "NonProjectiveDependencyTree",
    "NormalizingFlow",
    "OpenDirichlet",
    "PartlyGiven",
    "Planar",
    "PointMass",
    "PointerSequence",
    "ProbabilisticContextFreeGrammar",
    "ProbabilisticContextFreeGrammarPotentials",
    "ProjectedObservations",
    "Selected",
    "Selection",
    "SemiMarkovChain",
    "SemiMarkovParts",
    "SourceFunctions",
    "SplineCoupling",
    "Structure",
    "TaggedDependencyTree",
    "TaggedDependencyTreeParts",
    "TokenSequence",
    "TopDown",
    "WithoutDensity",
    "entmax15",
    "from_noise",
    "has_density",
    "independent_factors",
    "is_spherical",
    "point_estimate",
    "selection",
    "sparsemax",
    "structured_mean_field",
    "support_of",
]
