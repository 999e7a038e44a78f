"""Distributions over structures, summed, sampled and maximised by dynamic programmes."""

from tfp_dgm.distributions.structures.constituency_tree import (
    ConstituencyTree,
    ConstituencyTreeParts,
)
from tfp_dgm.distributions.structures.dependency_tree import DependencyTree, DependencyTreeParts
from tfp_dgm.distributions.structures.linear_chain import LinearChain, LinearChainParts
from tfp_dgm.distributions.structures.structure import Structure

__all__ = [
    "ConstituencyTree",
    "ConstituencyTreeParts",
    "DependencyTree",
    "DependencyTreeParts",
    "LinearChain",
    "LinearChainParts",
    "Structure",
]
