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


def heads_of(row):
    """Determiners and adjectives hang at the next noun, nouns at the verb, the mark at it, too."""
    names = [CLASS_OF[word] for word in row]
    verb = names.index("V") + 1
    heads = []
    for place, name in enumerate(names):
        noun = next((i for i in range(place, len(names)) if names[i] == "N"), None)
        heads.append({"V": 0, "N": verb, ".": verb}.get(name, None if noun is None else noun + 1))
    return heads


def treebank_with_heads(rows):
    """The sentences as CoNLL-U, without universal tags."""
    lines = []
    for row in rows:
        for place, (word, head) in enumerate(zip(row, heads_of(row), strict=True), start=1):
            lines.append(f"{place}\t{word}\t_\t_\t{CLASS_OF[word]}\t_\t{head}\t_\t_\t_")
        lines.append("")
    return "\n".join(lines) + "\n"
