"""The sample of the Penn Treebank: bracketed trees, and the dependencies that follow from them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tfp_dgm.data import BracketedSentence, BracketedTree, parse_bracketed_trees

# Collins (1999), appendix A: whether children are looked at from the left, and the labels that are
# looked for, one after the other.
_HEADS = {
    "ADJP": (True, "NNS QP NN $ ADVP JJ VBN VBG ADJP JJR NP JJS DT FW RBR RBS SBAR RB"),
    "ADVP": (False, "RB RBR RBS FW ADVP TO CD JJR JJ IN NP JJS NN"),
    "CONJP": (False, "CC RB IN"),
    "FRAG": (False, ""),
    "INTJ": (True, ""),
    "LST": (False, "LS :"),
    "NAC": (True, "NN NNS NNP NNPS NP NAC EX $ CD QP PRP VBG JJ JJS JJR ADJP FW"),
    "PP": (False, "IN TO VBG VBN RP FW"),
    "PRN": (True, ""),
    "PRT": (False, "RP"),
    "QP": (True, "$ IN NNS NN JJ RB DT CD NCD QP JJR JJS"),
    "RRC": (False, "VP NP ADVP ADJP PP"),
    "S": (True, "TO IN VP S SBAR ADJP UCP NP"),
    "SBAR": (True, "WHNP WHPP WHADVP WHADJP IN DT S SQ SINV SBAR FRAG"),
    "SBARQ": (True, "SQ S SINV SBARQ FRAG"),
    "SINV": (True, "VBZ VBD VBP VB MD VP S SINV ADJP NP"),
    "SQ": (True, "VBZ VBD VBP VB MD VP SQ"),
    "UCP": (False, ""),
    "VP": (True, "TO VBD VBN MD VBZ VB VBG VBP VP ADJP NN NNS NP"),
    "WHADJP": (True, "CC WRB JJ ADJP"),
    "WHADVP": (False, "CC WRB"),
    "WHNP": (True, "WDT WP WP$ WHADJP WHPP WHNP"),
    "WHPP": (False, "IN TO FW"),
}
# Of noun phrases: groups of labels, from the left or not.
_OF_NOUNS = (
    (False, "NN NNP NNPS NNS NX POS JJR"),
    (True, "NP"),
    (False, "$ ADJP PRN"),
    (False, "CD"),
    (False, "JJ JJS RB QP"),
)


def heads_of(sentence: BracketedSentence) -> list[int]:
    """The head of each word by Collins's rules, 1 .. T; 0 for the root."""
    heads = [0] * len(sentence.words)
    _head(sentence.tree, heads)
    return heads


def read_penn(path: Path) -> Iterator[BracketedSentence]:
    """The trees of the sample's archive, in its order; those of traces alone are left out."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if re.search(r"combined/.*\.mrg$", name):
                with io.TextIOWrapper(archive.open(name), encoding="latin-1") as file:
                    yield from parse_bracketed_trees(file, name)


def _head(node: BracketedTree, heads: list[int]) -> int:
    """The head word of a node, below which all others hang."""
    if node.word:
        return node.word
    found = [_head(child, heads) for child in node.children]
    chosen = found[_head_child(node)]
    for word in found:
        if word != chosen:
            heads[word - 1] = chosen
    return chosen


def _head_child(node: BracketedTree) -> int:
    labels = [child.label for child in node.children]
    if node.label in ("NP", "NX"):
        if labels[-1] == "POS":
            return len(labels) - 1
        for from_left, wanted in _OF_NOUNS:
            places = [i for i, label in enumerate(labels) if label in wanted.split()]
            if places:
                return places[0 if from_left else -1]
        return len(labels) - 1
    from_left, wanted = _HEADS.get(node.label, (True, ""))
    for label in wanted.split():
        if label in labels:
            return labels.index(label) if from_left else len(labels) - 1 - labels[::-1].index(label)
    return 0 if from_left else len(labels) - 1
