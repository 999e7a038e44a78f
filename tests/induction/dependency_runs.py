"""Inductions of dependencies from small treebanks."""

from tests.induction.toy_grammar import treebank_with_heads
from tfp_dgm.induction import DependencySettings, claim_dependencies, induce_dependencies
from tfp_dgm.settings import read_settings


def settings_of(*assignments):
    return read_settings(DependencySettings, None, assignments)


def induced(folder, text, settings, **kwargs):
    """Learns into a folder; the figures."""
    with claim_dependencies(folder, settings, **kwargs) as run:
        return induce_dependencies(text, run, settings, say=lambda message: None)


def written(factory, rows):
    """A file of these sentences with their heads, in a folder of a session's temporary ones."""
    path = factory.mktemp("texts") / "toy.conllu"
    path.write_text(treebank_with_heads(rows))
    return path
