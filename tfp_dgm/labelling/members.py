"""The members of the predictor's mixture, cross-fitted: what they answer and what that is worth."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import scipy.sparse
import scipy.special

from tfp_dgm.confidence import fit_temperature, mixture_weights, temper
from tfp_dgm.labelling.class_shares import ClassShares
from tfp_dgm.labelling.encoder_tuning import EncoderTuning, TunedMember
from tfp_dgm.labelling.folds import FOLDS, folds
from tfp_dgm.labelling.guided_features import GuidedFeatures
from tfp_dgm.labelling.member_answers import (
    Answers,
    AnswersOfHeads,
    MixedAnswers,
    unseen_answers,
)
from tfp_dgm.labelling.naive_bayes import NaiveBayes, clamp, naive_bayes_em
from tfp_dgm.labelling.self_training import SelfTrainedHeads, row_blocks, self_train
from tfp_dgm.labelling.text_views import TUNED
from tfp_dgm.training import Progress

# Prior count and temperature: one that doubts, and one that trusts its words.
NAIVE_BAYES = ((0.03, 4.0), (1.0, 1.0))
# One bag of heads for each view of the texts; that of the second raises rare classes.
_RARE_CLASS_POWERS = (0.0, 0.3, 0.0, 0.0, 0.0)
_SHIFT_POWER = 0.5
# Pseudo-counts of the mixtures: of each bag of heads beside 1 for a naive Bayes, and of the
# ensemble beside 1 for its student. A pretrained encoder is believed more than words are.
_HEADS_BELIEF, _ENSEMBLE_BELIEF = (2.0, 2.0), 3.0
_ENCODER_HEADS_BELIEF, _ENCODER_ENSEMBLE_BELIEF = (1.0, 1.0, 4.0, 4.0), 6.0
_ORDER_BELIEF, _TUNED_BELIEF = 1.0, 8.0
# Texts that self-training and EM learn from, at most: more of them teach little, and take long.
_MOST_LEARNED_FROM = 20_000
# Texts without annotation that the tuned encoders of all folds read, at most: it takes long.
_MOST_JUDGED = 5_000


class Members:
    """The trained members, what they answer, and what their answers are worth.

    Axis F of every model holds the model of all annotations first, then one for each fold that it
    did not see. Copies of one text share a fold. The last rows of the features are of guides, of
    which a model sees those that repeat no annotation that it sees; nothing is judged by these.

    `tuned` is a member that `tuning` adds beside the heads where that pays, or None. `judged` are
    the rows that all models answer; others are answered by that of all annotations and, in place of
    the tuned members of the folds, by the rest of the mixture.
    """

    def __init__(
        self,
        guided: GuidedFeatures,
        rows: np.ndarray,
        allowed: np.ndarray,
        seed: int,
        progress: Progress,
        tuning: EncoderTuning | None = None,
    ) -> None:
        features, guides, group = guided.features, guided.guides, guided.group
        num_texts = features.words.shape[0] - len(guides.texts)
        guide_rows = np.arange(num_texts, features.words.shape[0])
        self.rows = rows
        self.allowed = allowed
        self.fold = folds(allowed, group, seed)
        self.class_shares = ClassShares(
            rows, allowed, self.fold, group, seed, guide_rows, guides.counts
        )
        self.visible = np.stack(
            [np.full(len(rows), True), *(self.fold != fold for fold in range(FOLDS))], axis=1
        )  # [n, F]
        teaching = (
            np.concatenate([rows, guide_rows]),
            np.concatenate([allowed, guides.allowed]),
            np.concatenate([self.visible, guided.seen(self.visible)]),
        )
        room = max(0, _MOST_LEARNED_FROM - len(teaching[0]))
        learned = _some_rows(features.words.shape[0], teaching[0], room, seed)
        taught = (np.searchsorted(learned, teaching[0]), *teaching[1:])
        shares_learned = replace(
            self.class_shares,
            rows=np.searchsorted(learned, rows),
            guides=np.searchsorted(learned, guide_rows),
        )
        self.heads: list[SelfTrainedHeads | TunedMember] = []
        of_heads: list[Answers] = []
        for number, view in enumerate(features.views):
            step = f"Self-training, view {number + 1} of {len(features.views)}"
            self.heads.append(
                heads := self_train(
                    view[learned],
                    *taught,
                    class_shares=shares_learned,
                    rare_class_power=_RARE_CLASS_POWERS[number],
                    seed=seed + number,
                    progress=partial(progress, step),
                )
            )
            of_heads.append(AnswersOfHeads(heads, view))
        # Of a class without labels nothing tells whether the order of words speaks for it.
        ordered = features.word_order is not None
        silent = ordered and not allowed[allowed.sum(axis=1) == 1].any(axis=0).all()
        if silent:
            of_heads.pop()
        progress("Naive Bayes and calibration", 0, 1)
        self.naive_bayes: list[NaiveBayes] = []  # Of all annotations.
        of_words: list[np.ndarray] = []
        words_learned = features.words[learned]
        for prior_count, temperature in NAIVE_BAYES:
            fit = partial(
                _naive_bayes,
                words_learned,
                *taught,
                self._counts(taught[2]),
                prior_count=prior_count,
                temperature=temperature,
            )
            first, found = _by_words(features.words, fit, allowed.shape[1])
            self.naive_bayes.append(first)
            of_words.append(found)
        self.doubting = of_words[0]  # [N + g, K, F]
        heads_answers = np.empty_like(self.doubting)
        for block in _blocks(heads_answers):
            heads_answers[block] = sum(answer[block] for answer in of_heads)
        heads_answers /= len(of_heads)
        self._weights = self.class_shares.weights(
            self.class_shares.draws(heads_answers).mean(axis=0), _SHIFT_POWER
        )

        heads_belief: tuple[float, ...] = _HEADS_BELIEF
        ensemble_belief = _ENSEMBLE_BELIEF
        if features.encoder is not None:
            heads_belief, ensemble_belief = _ENCODER_HEADS_BELIEF, _ENCODER_ENSEMBLE_BELIEF
        if ordered and not silent:
            heads_belief = (*heads_belief, _ORDER_BELIEF)
        belief = [*heads_belief, *(1.0 for _ in NAIVE_BAYES)]
        self.tuned: TunedMember | None = None
        self.judged = np.arange(num_texts)
        if tuning is not None:
            judged = _some_rows(len(heads_answers), teaching[0], _MOST_JUDGED, seed)
            self.tuned = tuning.member(
                rows,
                allowed,
                self.fold,
                self.class_shares.counts,
                self._fitted([*of_heads, *of_words], belief),
                judged,
                share=_TUNED_BELIEF / (_TUNED_BELIEF + sum(belief)),
            )
        if self.tuned is not None:
            self.judged = judged[judged < num_texts]
            self.heads.insert(TUNED, self.tuned)
            of_heads.insert(TUNED, self.tuned.answers)
            belief.insert(TUNED, _TUNED_BELIEF)
        ensemble = heads_answers  # In the place of what is not needed any more.
        self.ensemble_temperatures, self.ensemble_weights = self._mix(
            [*of_heads, *of_words], belief, ensemble
        )
        if silent:
            self.ensemble_temperatures.insert(len(of_heads), 1.0)
            self.ensemble_weights = np.insert(self.ensemble_weights, len(of_heads), 0.0)
        del of_words, found, words_learned
        rows_told, known, visible = teaching
        masks = known[:, :, np.newaxis].astype(np.float32)

        def student(model: int) -> NaiveBayes:
            own = slice(model, model + 1)
            counts = self._counts(visible)[:, model]
            responsibilities = clamp(ensemble[:, :, own], rows_told, masks, visible[:, own], counts)
            return NaiveBayes.fit(features.words, responsibilities)

        self.student, of_student = _by_words(features.words, student, allowed.shape[1])
        pair = [ensemble, of_student]
        combined = ensemble
        self.combination_temperatures, self.combination_weights = self._mix(
            pair, [ensemble_belief, 1.0], combined
        )
        self.entropy = np.concatenate(
            [scipy.special.entr(combined[block]).sum(axis=1) for block in _blocks(combined)]
        )  # [N, F]
        self.share_draws = self.class_shares.draws(combined, judged=self.judged)  # [S, K]
        self.answers = combined[:num_texts, :, 0].copy()  # [N, K]
        self.cross_fitted = self._unseen(combined)  # [n, K]
        progress("Naive Bayes and calibration", 1, 1)

    def _counts(self, visible: np.ndarray) -> np.ndarray:
        """float [n + g, F]; what rows that teach count; 0 of guides that a model does not see."""
        counts = np.repeat(self.class_shares.teaching[:, np.newaxis], FOLDS + 1, axis=1)
        guides = np.arange(len(counts)) >= len(self.rows)
        return np.where(guides[:, np.newaxis] & ~visible, 0, counts)

    def _unseen(self, answers: Answers) -> np.ndarray:
        """Each annotated row's answer by the model that did not see it: [n, K]."""
        return unseen_answers(answers, self.rows, self.fold)

    def _mix(
        self, answers: Sequence[Answers], belief: Sequence[float], mixed: np.ndarray
    ) -> tuple[list[float], np.ndarray]:
        """Temperatures and weights of a mixture; its probabilities go to `mixed` [N, K, F].

        Which may be one of the answers.
        """
        mixture = self._fitted(answers, belief)
        for block in _blocks(mixed):
            mixed[block] = mixture[block]
        return mixture.temperatures, mixture.weights

    def _fitted(self, answers: Sequence[Answers], belief: Sequence[float]) -> MixedAnswers:
        """A mixture by what its members answer unseen annotations."""
        unseen = [self._unseen(answer) for answer in answers]
        temperatures = [fit_temperature(answer, self.allowed, self._weights) for answer in unseen]
        tempered = [temper(*pair) for pair in zip(unseen, temperatures, strict=True)]
        weights = mixture_weights(tempered, self.allowed, self._weights, np.asarray(belief))
        return MixedAnswers(answers, temperatures, weights)


def _some_rows(num_texts: int, teaching: np.ndarray, room: int, seed: int) -> np.ndarray:
    """Numbers of texts, in order: those that teach, and as many others as there is room for."""
    others = np.setdiff1d(np.arange(num_texts), teaching)
    if len(others) > room:
        others = np.random.default_rng(seed).choice(others, room, replace=False)
    return np.sort(np.concatenate([np.unique(teaching), others]))


def _naive_bayes(
    words: scipy.sparse.csr_matrix,
    rows: np.ndarray,
    allowed: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
    model: int,
    **smoothing: float,
) -> NaiveBayes:
    own = visible[:, model : model + 1]
    return naive_bayes_em(words, rows, allowed, own, counts[:, model], **smoothing)


def _by_words(
    words: scipy.sparse.csr_matrix, fit: Callable[[int], NaiveBayes], num_classes: int
) -> tuple[NaiveBayes, np.ndarray]:
    """The first of F models, fitted one by one, and the answers [N, K, F] of all."""
    answers = np.empty((words.shape[0], num_classes, FOLDS + 1), np.float32)
    first = fit(0)
    for number in range(FOLDS + 1):
        model = fit(number) if number else first
        answers[:, :, number] = model.predict(words)[:, :, 0]
    return first, answers


def _blocks(answers: np.ndarray) -> list[slice]:
    return row_blocks(len(answers), answers[0].size)
