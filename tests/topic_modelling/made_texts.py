"""Texts of known topics, between words that all of them have."""

import csv

import numpy as np

TOPICS = {
    "space": ["orbit", "rocket", "moon", "launch", "shuttle", "crew", "satellite", "comet"],
    "kitchen": ["oven", "flour", "butter", "sugar", "recipe", "bake", "dough", "pepper"],
    "sport": ["goal", "team", "coach", "league", "striker", "match", "referee", "season"],
}
COMMON = ["the", "a", "of", "and", "to", "in", "is", "it", "that", "was", "for", "on", "with", "as"]
OWN_WORDS = {word for words in TOPICS.values() for word in words}


def made_texts(number=120, *, seed=0, words=8, commons=6):
    """Texts, and the topic of each; topics come by turns, each in a year of its own."""
    random = np.random.default_rng(seed)
    names = [list(TOPICS)[n % len(TOPICS)] for n in range(number)]
    texts = []
    for name in names:
        own = random.choice(TOPICS[name], size=words)
        tokens = [*own, *random.choice(COMMON, size=commons)]
        texts.append(" ".join(random.permutation(tokens)))
    return texts, names


def write_texts(path, number=120, **how):
    """A CSV with the columns id, text, topic of truth, and date; returns texts and truth."""
    texts, names = made_texts(number, **how)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "text", "kind", "date"])
        for n, (text, name) in enumerate(zip(texts, names, strict=True)):
            year = 2020 + list(TOPICS).index(name)
            table.writerow([n, text, name, f"{year}-0{n % 9 + 1}-05"])
    return texts, names


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
