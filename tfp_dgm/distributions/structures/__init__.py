"""Distributions over structures, summed, sampled and maximised by dynamic programmes."""

from tfp_dgm.distributions.structures.constituency_tree import (
    ConstituencyTree,
    ConstituencyTreeParts,
)
from tfp_dgm.distributions.structures.dependency_structure import DependencyTreeParts
from tfp_dgm.distributions.structures.dependency_tree import DependencyTree
from tfp_dgm.distributions.structures.dependency_tree_with_valence import (
    DependencyTreeWithValence,
    DependencyTreeWithValenceParts,
)
from tfp_dgm.distributions.structures.factorial_chain import FactorialChain, FactorialChainParts
from tfp_dgm.distributions.structures.grammar_tree import GrammarTree, GrammarTreeParts
from tfp_dgm.distributions.structures.linear_chain import LinearChain, LinearChainParts
from tfp_dgm.distributions.structures.non_projective_dependency_tree import (
    NonProjectiveDependencyTree,
)
from tfp_dgm.distributions.structures.semi_markov_chain import SemiMarkovChain, SemiMarkovParts
from tfp_dgm.distributions.structures.structure import Structure
from tfp_dgm.distributions.structures.tagged_dependency_tree import (
    TaggedDependencyTree,
    TaggedDependencyTreeParts,
)

__all__ = [
    "ConstituencyTree",
    "ConstituencyTreeParts",
    "DependencyTree",
    "DependencyTreeParts",
    "DependencyTreeWithValence",
    "DependencyTreeWithValenceParts",
    "FactorialChain",
    "FactorialChainParts",
    "GrammarTree",
    "GrammarTreeParts",
    "LinearChain",
    "LinearChainParts",
    "NonProjectiveDependencyTree",
    "SemiMarkovChain",
    "SemiMarkovParts",
    "Structure",
    "TaggedDependencyTree",
    "TaggedDependencyTreeParts",
]
