"""Long captions, the short ones of the same images, and words of theirs by rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.data import read_captions, read_image_list
from tfp_dgm.evaluation import longest_common_subsequence, rouge_scores
from tfp_dgm.evaluation.captions import caption_words
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD, UNKNOWN

SHARE = 0.4
MOST_WORDS = 20
LEAST_KNOWN = 3
RANDOM = "random words"
# Words and how many of them -> their places.
Rule = Callable[[list[str], int], Any]


class Part:
    """Sentences, the captions that compressions are compared with, and what is in both."""

    def __init__(self, captions: list[list[str]]) -> None:
        ordered = [sorted(map(caption_words, own), key=len) for own in captions]
        self.short_captions = [words for own in ordered for words in own[:2]]
        self.references = [own[0] for own in ordered]
        self.sentences = [own[-1][:MOST_WORDS] for own in ordered]

    def ids(self, vocabulary: WordVocabulary) -> np.ndarray:
        return token_ids(vocabulary, self.sentences)

    def known(self, vocabulary: WordVocabulary) -> np.ndarray:
        """Known compressions [N, L]; rows of PAD where these say too little, or too much."""
        found = []
        for sentence, reference in zip(self.sentences, self.references, strict=True):
            words = longest_common_subsequence(sentence, reference)
            fits = LEAST_KNOWN <= len(words) <= most_words(len(sentence))
            found.append(words if fits else None)
        ids = token_ids(vocabulary, [words or [] for words in found])
        ids[[words is None for words in found]] = PAD
        return ids


def token_ids(vocabulary: WordVocabulary, texts: list[list[str]]) -> np.ndarray:
    return vocabulary(tf.constant([" ".join(words) for words in texts])).numpy()


def most_words(count: int) -> int:
    """Of a compression of so many words."""
    return max(1, int(np.floor(SHARE * count + 1e-4)))


def least_words(count: int, share: float) -> int:
    """Of a compression of so many words, of which it has at least a share."""
    return min(most_words(count), int(np.ceil(share * count - 1e-4)))


class LongCaptions:
    """Sentences of the three parts, their ids [N, T], known compressions, and rules.

    Attributes:
      random: of sizes and of random words; a run begins with one of its own.
    """

    def __init__(self, folder: Path, images: int | None, words: int) -> None:
        captions = read_captions(folder / "Flickr8k.token.txt.gz").captions
        self.parts = {}
        for name in ("train", "dev", "test"):
            names = read_image_list(folder / f"Flickr_8k.{name}Images.txt")[:images]
            self.parts[name] = Part([captions[one] for one in names if one in captions])
        train = self.parts["train"]
        texts = [" ".join(words) for words in [*train.sentences, *train.short_captions]]
        self.vocabulary = WordVocabulary.fit(texts, size=words)
        self.ids = {name: part.ids(self.vocabulary) for name, part in self.parts.items()}
        self.known = {name: self.parts[name].known(self.vocabulary) for name in self.parts}
        counts = np.bincount(self.ids["train"].ravel(), minlength=self.vocabulary.size)
        # A word that the vocabulary lacks is as frequent as all of them together.
        self.rarity = dict(zip(self.vocabulary.tokens, -counts[NUM_SPECIAL:], strict=True))
        self.rarity_of_others = -counts[UNKNOWN]
        self.random = np.random.default_rng(0)
        self.rules: dict[str, Rule] = {
            "rarest words": lambda words, size: np.argsort(
                [-self.rarity.get(word, self.rarity_of_others) for word in words], kind="stable"
            )[:size],
            "first words": lambda words, size: range(size),
            RANDOM: lambda words, size: self.random.choice(len(words), size, replace=False),
        }

    def chosen(self, part: str, rule: Rule, least: float = SHARE) -> list[list[str]]:
        """As many words of each sentence as a model may keep, by a rule, in their order."""
        found = []
        for words in self.parts[part].sentences:
            size = most_words(len(words))
            if least < SHARE:
                size = self.random.integers(least_words(len(words), least), size + 1)
            found.append([words[i] for i in sorted(rule(words, size))])
        return found

    def oracle(self) -> dict[str, float]:
        """What of the reference stands in the sentence, in its order: more is not to be had."""
        test = self.parts["test"]
        pairs = zip(test.sentences, test.references, strict=True)
        return self.scores([longest_common_subsequence(*pair) for pair in pairs])

    def scores(self, compressions: list[list[str]]) -> dict[str, float]:
        test = self.parts["test"]
        lengths = np.array([len(words) for words in test.sentences])
        kept = np.array([len(words) for words in compressions]) / lengths
        found = rouge_scores(compressions, test.references)
        found = {name: round(100 * value, 2) for name, value in found.items()}
        return {"kept": round(100 * float(kept.mean()), 2), **found}

    def words_of(self, compression: np.ndarray) -> list[str]:
        tokens = self.vocabulary.tokens
        return [
            tokens[token - NUM_SPECIAL] if token >= NUM_SPECIAL else "<unk>"
            for token in compression
            if token not in (PAD, END)
        ]
