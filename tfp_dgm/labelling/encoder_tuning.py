"""A pretrained encoder tuned to labels, where that makes labels that were not seen likelier."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce

import numpy as np

from tfp_dgm.confidence import FULL, TUNED, EncoderChoice, expected_gain
from tfp_dgm.labelling.encoder_gains import Gain, log_likelihoods, mean_gain
from tfp_dgm.labelling.folds import FOLDS
from tfp_dgm.labelling.member_answers import Answers, unseen_answers
from tfp_dgm.labelling.self_training import row_blocks
from tfp_dgm.labelling.tuned_texts import TunedTexts
from tfp_dgm.networks import SentenceEncoder, TunedSentenceEncoder
from tfp_dgm.networks.pretrained_tokens import encoder_layers
from tfp_dgm.networks.tuned_encoder import copied_layers
from tfp_dgm.training import Progress

# Labels of one class each that it takes: in all, and for each class in the mean.
_FEWEST_LABELS, _FEWEST_OF_A_CLASS = 50, 5
# What others must leave unexplained, and what it must gain for being kept, in nats a label: some
# half a point of accuracy, for each text is read twice from then on. And what it is believed to
# gain before any label speaks, and a deviation: what it gained on SST, emotions, sentence polarity
# and M10.
_LEFT, _MARGIN = 0.05, 0.005
_PRIOR = (0.05, 0.04)
_COMMON_SPREAD = 0.15  # Of gains of a label.
_HOPE = 1  # Deviations above what is expected that are still hoped for.


@dataclass(frozen=True)
class TunedMember:
    """Encoders that labels have tuned, each with a linear head, as a member of the mixture.

    Attributes:
      encoder: that of all annotations, beside itself as it was.
      head: its kernel [E, K] and bias [K].
      answers: float32 [N, K, F]; the probabilities by the model of all annotations, then by those
        that did not see a fold. Where these were not asked, it is what other members answer.
    """

    encoder: TunedSentenceEncoder
    head: tuple[np.ndarray, np.ndarray]
    answers: np.ndarray

    def head_weights(self) -> list[float]:
        """It has one head, which counts in full."""
        return [1.0]

    def kernel_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """Of that head: [E, K] and [K]."""
        return self.head


class EncoderTuning:
    """Tunes an encoder to labels again and again: without each fold, and with all.

    Args:
      encoder: the pretrained one, which stays as it is.
      texts: N texts.
      vectors: float32 [N, E]; its last layer's of these.
      choice: why it was taken.
      seed: the same seed gives the same weights.
      progress: called with a step's name, how much of it is done, and how much there is.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        texts: Sequence[str],
        vectors: np.ndarray,
        *,
        choice: EncoderChoice,
        seed: int,
        progress: Progress,
    ) -> None:
        self.choice = choice
        self._encoder, self._texts, self._vectors = encoder, texts, vectors
        self._seed, self._progress = seed, progress

    def member(
        self,
        rows: np.ndarray,
        allowed: np.ndarray,
        fold: np.ndarray,
        counts: np.ndarray,
        others: Answers,
        judged: np.ndarray,
        share: float,
    ) -> TunedMember | None:
        """A member of the mixture, or None where it would not pay; `choice` says why.

        It pays where a mixture with it is expected to make annotations that it did not see
        likelier, by more than 0.005 nats an annotation. Where the folds so far leave little hope of
        that, it ends there.

        Args:
          rows: int [n]; the annotated rows.
          allowed: bool [n, K]; their annotations.
          fold: int [n]; the fold that each is hidden in.
          counts: float [n]; what each annotation counts, where copies count once together.
          others: float32 [N, K, F]; what the other members answer together.
          judged: int [m]; the rows that encoders of the folds read, all annotated ones among them.
            Reading takes long: that of all annotations alone reads all.
          share: its weight in the mixture before any annotation speaks.
        """
        answered = unseen_answers(others, rows, fold)
        if why := self._why_untried(allowed, counts, answered):
            self.choice = replace(self.choice, why=f"{self.choice.why} {why}")
            return None
        start = time.perf_counter()
        single = allowed.sum(axis=1) == 1
        layers = copied_layers(self._encoder.backbone)
        taught = TunedTexts(
            self._encoder,
            layers,
            [self._texts[row] for row in rows[single]],
            self._vectors[rows[single]],
            allowed[single],
            counts[single],
        )
        unseen = np.zeros_like(answered)
        weights = []
        for number in range(FOLDS):
            hidden = fold == number
            weights.append(self._tuned(taught, np.flatnonzero(~hidden[single]), number))
            unseen[hidden] = taught.answers([self._texts[row] for row in rows[hidden]])
            tried = fold <= number
            gain = _gain(answered[tried], unseen[tried], allowed[tried], counts[tried], share)
            hope = _HOPE if number < FOLDS - 1 else 0  # After the last one it must have paid.
            if not gain.mean + hope * gain.error > _MARGIN:
                self._tell(gain.mean, FULL, start)
                return None
        weights.insert(0, self._tuned(taught, np.arange(single.sum()), FOLDS))
        # Of what an encoder was taught it is not asked.
        asked = [np.setdiff1d(judged, rows[single & (fold != k)]) for k in range(FOLDS)]
        asked.insert(0, np.arange(len(self._texts)))
        answers = self._read(taught, weights, asked, others)
        taught.set_weights(weights[0])
        self._tell(gain.mean, TUNED, start)
        return TunedMember(
            TunedSentenceEncoder.of(self._encoder, layers),
            taught.kernel_and_bias(),
            answers,
        )

    def _why_untried(self, allowed: np.ndarray, counts: np.ndarray, answered: np.ndarray) -> str:
        """A sentence, or nothing where it is tried."""
        single = allowed.sum(axis=1) == 1
        labels = counts[single] @ allowed[single]  # [K]
        enough = max(_FEWEST_LABELS, _FEWEST_OF_A_CLASS * allowed.shape[1])
        if not encoder_layers(self._encoder.backbone):
            return "Its layers are not of a kind that is tuned."
        if not (labels > 0).all() or labels.sum() < enough - 1e-6:
            return (
                f"To tune it takes {enough} labels of different texts, and one of each class at "
                "least."
            )
        # Were all that it did not see certain to it, it would gain what others leave.
        left = -np.average(log_likelihoods([answered], allowed, counts), weights=counts)
        if left <= _LEFT:
            return "Of the labels too little is left unexplained for tuning it."
        return ""

    def _read(
        self,
        taught: TunedTexts,
        weights: Sequence[list[np.ndarray]],
        asked: Sequence[np.ndarray],
        others: Answers,
    ) -> np.ndarray:
        """What encoders of F weights answer the rows that each is asked, and others the rest."""
        step, total, before = "Reading texts with tuned encoders", sum(map(len, asked)), 0
        answers = np.empty((len(self._texts), taught.head.units, len(weights)), np.float32)
        rest = np.setdiff1d(np.arange(len(answers)), reduce(np.intersect1d, asked))
        for block in row_blocks(len(rest), answers[0].size):
            answers[rest[block]] = others[rest[block]]
        for number, (own, rows) in enumerate(zip(weights, asked, strict=True)):
            taught.set_weights(own)
            report = partial(self._report, step, before, total)
            answers[rows, :, number] = taught.answers([self._texts[row] for row in rows], report)
            before += len(rows)
        return answers

    def _report(self, step: str, before: int, total: int, done: int) -> None:
        self._progress(step, before + done, total)

    def _tuned(self, taught: TunedTexts, seen: np.ndarray, number: int) -> list[np.ndarray]:
        step = f"Tuning the encoder, {number + 1} of {FOLDS + 1}"
        return taught.fit_to(
            seen, seed=self._seed, progress=lambda done, total: self._progress(step, done, total)
        )

    def _tell(self, gain: float, taken: str, start: float) -> None:
        seconds = time.perf_counter() - start
        so = "so it is read both ways" if taken == TUNED else "so it stays as it was"
        found, gains = "its answers are no numbers", {}  # Its training has diverged.
        if np.isfinite(gain):
            found, gains = f"it is expected to gain {gain:+.2f} nats a label", {TUNED: gain}
        self.choice = replace(
            self.choice,
            taken=taken,
            why=f"{self.choice.why} Tuned to the labels {found}, {so}. That took {seconds:,.0f} s.",
            gains={**self.choice.gains, **gains},
            seconds={**self.choice.seconds, TUNED: seconds},
        )


def _gain(
    answered: np.ndarray,
    tuned: np.ndarray,
    allowed: np.ndarray,
    counts: np.ndarray,
    share: float,
) -> Gain:
    """What tuned encoders are expected to add to the mixture, and how unsure that is.

    They are judged with the weight that they have before any annotation speaks: one that is fitted
    to few would be lost on others, or none at all where these few were answered well by luck.
    """
    without = log_likelihoods([answered], allowed, counts)
    weights = np.array([1 - share, share])
    mixed = log_likelihoods([answered, tuned], allowed, counts, weights)
    found = mean_gain(mixed - without, counts, _COMMON_SPREAD)
    mean = expected_gain(found.mean, found.error, *_PRIOR)
    return Gain(mean, (_PRIOR[1] ** -2 + found.error**-2) ** -0.5)
