"""The labels of a scheme of tags, and how each is written by itself."""

from tfp_dgm.data import TagScheme
from tfp_dgm.data.tag_scheme import PLAIN
from tfp_dgm.tagging.chain_readings import TagSpace


def space_of_scheme(scheme: TagScheme) -> TagSpace:
    """The space of a scheme: labels that are written alike are one tag.

    In IOB1 that takes no account of the word before, on which B and I depend.
    """
    written = [scheme.written([label])[0] for label in scheme.labels]
    tags = tuple(dict.fromkeys(written))
    number = {tag: place for place, tag in enumerate(tags)}
    types = () if scheme.kind == PLAIN else scheme.names
    return TagSpace(tuple(scheme.labels), tuple(number[tag] for tag in written), tags, types)
