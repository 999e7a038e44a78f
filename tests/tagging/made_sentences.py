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
    "{} went to {} .",
    "{} lives in {} now .",
    "yesterday {} called {} from there .",
    "we met {} near {} and left .",
    "nothing happened .",
    "it rained all day in {1} .",
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
        spans = [str(rng.choice(_NAMES[name])) for name in ("PER", "LOC")]
        frame = str(rng.choice(_FRAMES))
        words, tags = [], []
        for word in frame.split():
            if word.startswith("{"):
                place = frame.split().index(word) if word == "{}" else 1
                number = 1 if word == "{1}" or "LOC" in tags or (place and "B-PER" in tags) else 0
                name = ("PER", "LOC")[number]
                if frame == _FRAMES[2]:
                    number, name = 0, "PER"
                for position, part in enumerate(spans[number].split()):
                    words.append(part)
                    tags.append(("I-" if position else "B-") + name)
            else:
                words.append(word)
                tags.append("O")
        sentences.append((words, tags))
    return sentences


def conll(sentences, given):
    """Two columns; the tags of sentences and words that `given(sentence, word)` names."""
    lines = []
    for number, (words, tags) in enumerate(sentences):
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            lines.append(f"{word}\t{tag if given(number, place) else '_'}")
        lines.append("")
    return "\n".join(lines) + "\n"
