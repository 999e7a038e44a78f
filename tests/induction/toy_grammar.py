"""Sentences of a small grammar, whose classes of words are known."""

import numpy as np

WORDS = {
    "D": ["the", "a", "this", "that"],
    "A": ["old", "new", "big", "red"],
    "N": ["dog", "cat", "house", "tree", "man", "child"],
    "V": ["sees", "likes", "finds", "takes"],
    ".": ["."],
}
CLASS_OF = {word: name for name, words in WORDS.items() for word in words}


def sentences(number, seed=0):
    """Lists of words: (D A? N) V (D A? N) ."""
    random = np.random.default_rng(seed)

    def phrase():
        return ["D", *(["A"] if random.random() < 0.5 else []), "N"]

    return [
        [str(random.choice(WORDS[name])) for name in [*phrase(), "V", *phrase(), "."]]
        for _ in range(number)
    ]


def treebank(rows):
    """The sentences as CoNLL-U."""
    lines = []
    for row in rows:
        for place, word in enumerate(row, start=1):
            lines.append(f"{place}\t{word}\t_\t{CLASS_OF[word]}\t{CLASS_OF[word]}\t_\t_\t_\t_\t_")
        lines.append("")
    return "\n".join(lines) + "\n"
