"""Spans as tags, by enumeration and by the rules of the CoNLL evaluation.

A span is (first, last, type). Nothing here comes from the package.
"""

import functools
import itertools

SCHEMES = ("BIO", "IOB1", "BIOES", "BILOU", "BMES", "BMEWO")


def all_spans(words, types, first=0):
    """Every set of spans that do not overlap, of words from `first` on."""
    if first >= words:
        yield ()
        return
    for rest in all_spans(words, types, first + 1):
        yield rest
    for last in range(first, words):
        for name in types:
            for rest in all_spans(words, types, last + 1):
                yield ((first, last, name), *rest)


def tags_of(words, spans, scheme):
    """The tags that a scheme has for spans."""
    tags = ["O"] * words
    ends = {last: name for _, last, name in spans}
    for first, last, name in spans:
        for place in range(first, last + 1):
            letter = "I"
            if scheme == "IOB1":
                if place == first and ends.get(first - 1) == name:
                    letter = "B"
            elif scheme == "BIO":
                if place == first:
                    letter = "B"
            elif first == last:
                letter = {"BIOES": "S", "BILOU": "U", "BMES": "S", "BMEWO": "W"}[scheme]
            elif place == first:
                letter = "B"
            elif place == last:
                letter = "L" if scheme == "BILOU" else "E"
            elif scheme in ("BMES", "BMEWO"):
                letter = "M"
            tags[place] = f"{letter}-{name}"
    return tags


def labels_allowed(tags, types, scheme):
    """The labels in BIOES that each word has in some sequence that sets of tags allow."""
    found = [set() for _ in tags]
    for written, labels in _both_ways(len(tags), types, scheme):
        if all(not given or tag in given for given, tag in zip(tags, written, strict=True)):
            for known, label in zip(found, labels, strict=True):
                known.add(label)
    return found


@functools.cache
def _both_ways(words, types, scheme):
    """The tags of every set of spans, in a scheme and in BIOES."""
    return [
        (tags_of(words, spans, scheme), tags_of(words, spans, "BIOES"))
        for spans in all_spans(words, types)
    ]


def evaluated_spans(tags):
    """The spans of any tags, legal or not, as conlleval cuts them.

    After startOfChunk and endOfChunk of the shared task's script (Tjong Kim Sang, 2000), with
    letters of all schemes: L and M are E and I, U and W are S.
    """
    same = str.maketrans("LMUW", "EISS")
    cut = [(tag[0].translate(same), tag[2:]) for tag in tags]
    spans = []
    begin = None
    for place, ((letter, name), (next_letter, next_name)) in enumerate(
        itertools.pairwise([*cut, ("O", "")])
    ):
        if letter == "O":
            begin = None
            continue
        if begin is None:
            begin = place
        ends = letter in "ES" or next_letter in "BSO" or next_name != name
        if ends:
            spans.append((begin, place, name))
            begin = None
    return spans
