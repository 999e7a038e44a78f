"""Distributions over observations whose hidden structure is summed out."""

from tfp_dgm.distributions.generative_structures.dependency_model_with_valence import (
    DependencyModelPotentials,
    DependencyModelWithValence,
)
from tfp_dgm.distributions.generative_structures.factorial_hidden_markov import (
    FactorialHiddenMarkov,
)
from tfp_dgm.distributions.generative_structures.gaussian_dependency_model_with_valence import (
    GaussianDependencyModelPotentials,
    GaussianDependencyModelWithValence,
)
from tfp_dgm.distributions.generative_structures.gaussian_hidden_markov import (
    GaussianHiddenMarkov,
    GaussianHiddenMarkovPotentials,
)
from tfp_dgm.distributions.generative_structures.generative_structure import GenerativeStructure
from tfp_dgm.distributions.generative_structures.hidden_markov_text import (
    HiddenMarkovText,
    HiddenMarkovTextPotentials,
)
from tfp_dgm.distributions.generative_structures.mean_field import (
    MeanField,
    structured_mean_field,
)
from tfp_dgm.distributions.generative_structures.naive_bayes_mixture import (
    NaiveBayesMixture,
    NaiveBayesMixturePotentials,
)
from tfp_dgm.distributions.generative_structures.probabilistic_context_free_grammar import (
    ProbabilisticContextFreeGrammar,
    ProbabilisticContextFreeGrammarPotentials,
)

__all__ = [
    "DependencyModelPotentials",
    "DependencyModelWithValence",
    "FactorialHiddenMarkov",
    "GaussianDependencyModelPotentials",
    "GaussianDependencyModelWithValence",
    "GaussianHiddenMarkov",
    "GaussianHiddenMarkovPotentials",
    "GenerativeStructure",
    "HiddenMarkovText",
    "HiddenMarkovTextPotentials",
    "MeanField",
    "NaiveBayesMixture",
    "NaiveBayesMixturePotentials",
    "ProbabilisticContextFreeGrammar",
    "ProbabilisticContextFreeGrammarPotentials",
    "structured_mean_field",
]
