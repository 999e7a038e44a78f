"""Sentences of a small grammar, whose tags are known: parts of speech, or spans."""

import numpy as np

_WORDS = {
    "DET": ["the", "a", "this", "every"],
    "NOUN": ["cat", "dog", "house", "walk", "plan", "run", "tree", "answer", "watch", "play"],
    "VERB": ["sees", "likes", "walk", "plan", "run", "answer", "watch", "play", "finds"],
    "ADJ": ["red", "old", "quick", "light", "odd"],
    "ADV": ["quickly", "oddly", "there", "now"],
}
_PATTERNS = [
    "DET NOUN VERB DET NOUN",
    "DET ADJ NOUN VERB ADV",
    "NOUN VERB NOUN",
    "DET NOUN VERB",
    "ADV DET ADJ ADJ NOUN VERB DET NOUN ADV",
]
_NAMES = {
    "PER": ["Anna", "Bert", "Cora Dane", "Evan Fox", "Gil"],
    "LOC": ["Oslo", "Bern", "New York", "Lake Erie", "Gil"],
}
_FRAMES = [
    "PER went to LOC .",
    "PER lives in LOC now .",
    "yesterday PER called PER from there .",
    "we met PER near LOC and left .",
    "PER and LOC are old words .",
    "nothing happened to them .",
    "it rained all day in LOC .",
]


def parts_of_speech(count, seed=0, unknown=0.1):
    """`count` sentences and their tags; a share of words is made up, and known by its context."""
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(count):
        tags = rng.choice(_PATTERNS).split()
        words = [
            f"{rng.choice(['bl', 'gr', 'sn', 'tw'])}{rng.integers(100)}"
            if rng.random() < unknown
            else str(rng.choice(_WORDS[tag]))
            for tag in tags
        ]
        sentences.append((words, tags))
    return sentences


def names(count, seed=0):
    """`count` sentences with spans of PER and LOC, tagged in BIO; `Gil` may be either."""
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(count):
        words, tags = [], []
        for word in str(rng.choice(_FRAMES)).split():
            parts = str(rng.choice(_NAMES[word])).split() if word in _NAMES else [word]
            words += parts
            inside = [f"I-{word}"] * (len(parts) - 1)
            tags += [f"B-{word}", *inside] if word in _NAMES else ["O"]
        sentences.append((words, tags))
    return sentences


def conll(sentences, given):
    """Two columns; the tags of those words for which `given(sentence, word)` is true."""
    lines = []
    for number, (words, tags) in enumerate(sentences):
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            lines.append(f"{word}\t{tag if given(number, place) else '_'}")
        lines.append("")
    return "\n".join(lines) + "\n"
