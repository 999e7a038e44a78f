"""How good and how different captions are: BLEU, CIDEr-D, and the diversity of several."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import sacrebleu

from tfp_dgm.evaluation.cider import cider_d

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def caption_metrics(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Quality and diversity of K candidates an image [1].

    All are compared in lower case and without punctuation, as is the custom for captions. BLEU is
    sacrebleu's, smoothed by its "exp": the precision of an order without a match counts as half,
    a quarter, ... of one match, where COCO's evaluation code gives the whole corpus 0.

    Args:
      candidates: N lists of K captions each, the most probable first.
      references: N lists of at least one caption.
    Returns:
      A dict with, on BLEU's scale from 0 to 100 and CIDEr-D's from 0 to 10:
      `oracle_bleu_4` (corpus BLEU of the candidate of each image with the best sentence BLEU),
      `first_bleu_4` (of the first candidates), `mean_bleu_4` (mean of the K corpus BLEUs),
      `oracle_cider` (mean of the best), `first_cider`, `mean_cider`,
      `pairwise_bleu` (mean BLEU of a candidate against each other one of its image; lower is more
      diverse; None for K = 1), `distinct_1` and `distinct_2` (share of different words and pairs
      of words among all that an image's candidates hold, mean over images), `vocabulary` (different
      words of all candidates), `candidates` (K) and `images` (N).
    Raises:
      ValueError: if there are no images, the lengths differ, or an image has no reference.
    References:
      [1] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
    """
    _check(candidates, references)
    written = [[caption_words(text) for text in texts] for texts in candidates]
    true = [[caption_words(text) for text in texts] for texts in references]
    positions = list(zip(*written, strict=True))  # K lists of N
    cider = np.stack([cider_d(position, true) for position in positions], axis=1)  # [N, K]
    bleu = np.array(
        [
            [_sentence_bleu(words, others) for words in texts]
            for texts, others in zip(written, true, strict=True)
        ]
    )  # [N, K]
    best = [texts[k] for texts, k in zip(written, bleu.argmax(axis=1), strict=True)]
    by_position = [corpus_bleu(position, true) for position in positions]
    return {
        "oracle_bleu_4": corpus_bleu(best, true),
        "first_bleu_4": by_position[0],
        "mean_bleu_4": float(np.mean(by_position)),
        "oracle_cider": float(cider.max(axis=1).mean()),
        "first_cider": float(cider[:, 0].mean()),
        "mean_cider": float(cider.mean()),
        "pairwise_bleu": pairwise_bleu(written),
        "distinct_1": distinct(written, 1),
        "distinct_2": distinct(written, 2),
        "vocabulary": len({word for texts in written for words in texts for word in words}),
        "candidates": len(positions),
        "images": len(written),
    }


def caption_words(text: str) -> list[str]:
    """The words of a caption, in lower case and without punctuation."""
    return _WORD.findall(text.lower())


def corpus_bleu(candidates: Sequence[list[str]], references: Sequence[list[list[str]]]) -> float:
    """BLEU-4 of N candidates against as many references as each has; words are given.

    The k-th order without a match has the precision 1 / (2^k n) of its n n-grams [1].

    References:
      [1] Chen and Cherry. A Systematic Comparison of Smoothing Techniques for Sentence-Level BLEU.
        WMT 2014, smoothing 3.
    """
    most = max(map(len, references))
    streams: Any = [  # sacrebleu takes None where an image has fewer, whatever its types say.
        [" ".join(texts[r]) if r < len(texts) else None for texts in references]
        for r in range(most)
    ]
    joined = [" ".join(words) for words in candidates]
    bleu = sacrebleu.BLEU(tokenize="none", force=True, smooth_method="exp")
    return float(bleu.corpus_score(joined, streams).score)


def pairwise_bleu(candidates: Sequence[Sequence[list[str]]]) -> float | None:
    """BLEU-4 of each of K candidates against each other of its image; None for K = 1."""
    pairs = [
        (one, other) for texts in candidates for one, other in itertools.permutations(texts, 2)
    ]
    if not pairs:
        return None
    return corpus_bleu([one for one, _ in pairs], [[other] for _, other in pairs])


def distinct(candidates: Sequence[Sequence[list[str]]], order: int) -> float:
    """Different n-grams of one image's candidates, over all that they hold; mean over images."""
    shares = []
    for texts in candidates:
        grams = Counter(
            tuple(words[start : start + order])
            for words in texts
            for start in range(len(words) - order + 1)
        )
        shares.append(len(grams) / max(1, grams.total()))
    return float(np.mean(shares))


def _sentence_bleu(words: list[str], references: list[list[str]]) -> float:
    joined = [" ".join(other) for other in references]
    bleu = sacrebleu.BLEU(tokenize="none", effective_order=True, force=True, smooth_method="exp")
    return float(bleu.sentence_score(" ".join(words), joined).score)


def _check(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> None:
    if not candidates or len(candidates) != len(references):
        raise ValueError(
            "caption_metrics: expected as many lists of candidates as of references, at least one; "
            f"received {len(candidates)} and {len(references)}"
        )
    if len({len(texts) for texts in candidates}) > 1 or not candidates[0]:
        raise ValueError("caption_metrics: `candidates`: expected the same number K for each image")
    if not all(references):
        without = [not texts for texts in references].index(True)
        raise ValueError(f"caption_metrics: `references`: image {without} has none")
