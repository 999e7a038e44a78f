"""Which words of a text spoke for its answer, and which against it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import scipy.sparse

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.text_views import ENCODER, TUNED, WITH_ENCODER, untuned_units
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.networks import TemperedMixture, TextEncoder
from tfp_dgm.text import WordCounts, WordSpan, without_words, word_spans

REASONS = "reasons"  # The column.

# A text's words and what each adds to the log-odds, the strongest reason first.
Reasons = list[tuple[str, float]]

_MOST_FOR, _MOST_AGAINST = 5, 2
_LEFT_OUT = 10  # Words of a text that the encoder is asked to do without.
_LEAST = 0.05  # What is shown as 0.0 is no reason.
_ROWS_AT_ONCE = 256


class WordReasons:
    """What each word of a text adds to the log-odds of one class against another.

    The classifier's answer is a mixture of members, of which each has log-odds of its own. Weighed
    as the mixture weighs the members,

        log-odds(a, b) = sum_m weight_m / temperature_m (logit_m[a] - logit_m[b]),

    they are linear in the text's TF-IDF x (naive Bayes and student), in its direction on the latent
    semantic dimensions x L / |x L|, and in the encoder's vector s: before calibration, and of a bag
    of heads the mean of its heads' log-odds. A word v of TF-IDF x[v] adds, in all places together,

        x[v] (words[v] + L[v] . semantic / |x L|)  +  order[v]
            +  (s(text) - s(text without v)) . sentence

    The phrases of `WordOrder` add alike, by their direction there; `order` shares each out among
    its words, evenly. These terms are exact: with the members' biases, and with what the vector and
    the latent topics of the autoencoder add, the words' terms sum to the log-odds. The encoder is
    no sum over words: the last term leaves a word out, of long texts one of the 10 whose other
    terms are the largest, and says nothing of the rest. The topics follow from the same words, and
    are not shared out among them. Words that the vocabulary lacks are known to the encoder alone.

    Args:
      classifier: trained, or loaded again.
    """

    def __init__(self, classifier: TextClassifier) -> None:
        self.classes = classifier.classes
        self._classifier = classifier
        ensemble, combination = classifier.ensemble, classifier.combination
        of_ensemble, of_student = _strengths(combination)
        bags = len(classifier.heads)
        strengths = [of_ensemble * strength for strength in _strengths(ensemble)]
        dense = zip(
            [*strengths[bags:], of_student],
            [*classifier.naive_bayes, classifier.student],
            strict=True,
        )
        self._words = sum(strength * layer.kernel.numpy() for strength, layer in dense)  # [V, K]
        heads = [
            strength * bag.mean_kernel()
            for strength, bag in zip(strengths[:bags], classifier.heads, strict=True)
        ]  # Each [D, K].
        units = classifier.lsa.units
        self._lsa = classifier.lsa.kernel.numpy()  # [V, L]
        semantic = heads[0][:units] + heads[1]
        self._sentence: np.ndarray = np.zeros((0, len(classifier.classes)), np.float32)
        if classifier.encoder is not None:
            size = untuned_units(classifier.encoder)
            semantic = semantic + heads[WITH_ENCODER][size : size + units]
            self._sentence = heads[WITH_ENCODER][:size] + heads[ENCODER]  # [E, K]
            if classifier.encoder.tuned_units:
                self._sentence = np.concatenate([self._sentence, heads[TUNED]])
        self._semantic = self._lsa @ semantic  # [V, K]
        self._order = None
        if classifier.word_order is not None:
            self._order = _OrderShares(classifier.word_order, classifier.word_counts, heads[-1])

    def __call__(
        self,
        texts: Sequence[str],
        answers: np.ndarray,
        others: np.ndarray,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[Reasons]:
        """The words that speak most for each answer, and those that speak most against it.

        Args:
          texts: N texts.
          answers: int [N]; a class of each.
          others: int [N]; the class that it is compared with.
          progress: called with the number of texts that are done.
        Returns:
          For each text at most five words for and two against, from the strongest for to the
          strongest against; those that add less than 0.05 either way are none.
        """
        found: list[Reasons] = []
        for start in range(0, len(texts), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            found += self._batch(texts[rows], np.asarray(answers)[rows], np.asarray(others)[rows])
            progress(len(found))
        return found

    def _batch(
        self, texts: Sequence[str], answers: np.ndarray, others: np.ndarray
    ) -> list[Reasons]:
        shares = self.linear_shares(texts, answers, others)
        if self._classifier.encoder is not None:
            weights = (self._sentence[:, answers] - self._sentence[:, others]).T  # [N, E]
            shares = _with_encoder(self._classifier.encoder, texts, shares, weights)
        return [_strongest(share) for share in shares]

    def linear_shares(
        self, texts: Sequence[str], answers: np.ndarray, others: np.ndarray
    ) -> list[dict[str, float]]:
        """All but the last term, for each text and each of its words that the vocabulary has."""
        classifier = self._classifier
        words = classifier.tf_idf.transform(classifier.word_counts.count_matrix(texts))  # [N, V]
        length = np.maximum(np.linalg.norm(words @ self._lsa, axis=1), 1e-6)  # [N]
        rows = np.repeat(np.arange(len(texts)), np.diff(words.indptr))
        v, a, b = words.indices, answers[rows], others[rows]
        weights = self._words[v, a] - self._words[v, b]
        weights += (self._semantic[v, a] - self._semantic[v, b]) / length[rows]
        weights *= words.data
        if self._order is not None:
            weights += np.asarray(self._order(texts, answers, others)[rows, v]).ravel()
        added = weights.tolist()
        known = [classifier.word_counts.vocabulary[word] for word in v.tolist()]
        ends = words.indptr.tolist()
        return [
            dict(zip(known[start:end], added[start:end], strict=True))
            for start, end in pairwise(ends)
        ]


class _OrderShares:
    """What the words of phrases add by the order that they stand in.

    Args:
      order: knows the phrases.
      word_counts: knows their words.
      kernel: float [L, K]; what its vectors add to the logits.
    """

    def __init__(self, order: WordOrder, word_counts: WordCounts, kernel: np.ndarray) -> None:
        self._order, self._word_counts = order, word_counts
        self._projection = order.projection.kernel.numpy()  # [P, L]
        self._phrases = self._projection @ kernel  # [P, K]
        self._words = order.words_of_phrases()  # [P, V]

    def __call__(
        self, texts: Sequence[str], answers: np.ndarray, others: np.ndarray
    ) -> scipy.sparse.csr_matrix:
        """Of N texts, float [N, V]."""
        weights = self._order.phrase_weights(texts, self._word_counts)  # [N, P]
        length = np.maximum(np.linalg.norm(weights @ self._projection, axis=1), 1e-6)  # [N]
        row, phrase = np.repeat(np.arange(len(length)), np.diff(weights.indptr)), weights.indices
        added = self._phrases[phrase, answers[row]] - self._phrases[phrase, others[row]]
        added *= weights.data / length[row]
        parts = scipy.sparse.csr_matrix((added, phrase, weights.indptr), shape=weights.shape)
        return (parts @ self._words).tocsr()


def reasons_column(
    explain: WordReasons,
    texts: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    progress: Callable[[int], None],
) -> list[str]:
    """Reasons as cells of a table: `refund +1.9; charged +0.8; delivery -0.4`.

    The cell of a row that is, or may next be, of no class is empty.

    Args:
      explain: the classifier's reasons.
      texts: N texts.
      columns: `predicted_label` and `second_label`, N names each, and maybe others.
      progress: called with the number of texts that are done.
    """
    place = {name: k for k, name in enumerate(explain.classes)}
    pairs = zip(columns["predicted_label"], columns["second_label"], strict=True)
    places = [
        (row, place[a], place[b]) for row, (a, b) in enumerate(pairs) if {a, b} <= place.keys()
    ]
    rows, answers, others = np.array(places, int).reshape(-1, 3).T
    cells = [""] * len(texts)
    for row, why in zip(
        rows, explain([texts[row] for row in rows], answers, others, progress), strict=True
    ):
        cells[row] = "; ".join(f"{word} {added:+.1f}" for word, added in why)
    return cells


def _strengths(mixture: TemperedMixture) -> list[float]:
    """What each member's logits count in the mixture's log-odds."""
    return [w / t for w, t in zip(mixture.weights_, mixture.temperatures, strict=True)]


def _with_encoder(
    encoder: TextEncoder,
    texts: Sequence[str],
    shares: list[dict[str, float]],
    weights: np.ndarray,
) -> list[dict[str, float]]:
    """The sums of both terms, of the words that are left out; weights [N, E] of the vectors."""
    spans = word_spans(texts)
    chosen = [_to_leave_out(some, share) for some, share in zip(spans, shares, strict=True)]
    rows = np.repeat(np.arange(len(texts)), [len(some) for some in chosen])
    left = [
        without_words(texts[row], spans[row], {word})
        for row, some in enumerate(chosen)
        for word in some
    ]
    whole = encoder.encode(texts)  # [N, E]
    effects = iter(((whole[rows] - encoder.encode(left)) * weights[rows]).sum(axis=1).tolist())
    return [
        {word: share.get(word, 0.0) + next(effects) for word in some}
        for some, share in zip(chosen, shares, strict=True)
    ]


def _to_leave_out(spans: Sequence[WordSpan], share: dict[str, float]) -> list[str]:
    """A text's words, of a long one those of the largest share."""
    words = list(dict.fromkeys(span.word for span in spans))
    return sorted(words, key=lambda word: -abs(share.get(word, 0.0)))[:_LEFT_OUT]


def _strongest(share: dict[str, float]) -> Reasons:
    ranked = sorted(share.items(), key=lambda item: (-item[1], item[0]))
    speaking_for = [item for item in ranked[:_MOST_FOR] if item[1] >= _LEAST]
    against = [item for item in ranked[-_MOST_AGAINST:] if item[1] <= -_LEAST]
    return speaking_for + against
