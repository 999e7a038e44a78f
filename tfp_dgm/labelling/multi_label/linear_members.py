"""The members of the predictor of several labels: linear log-odds of each class, cross-fitted."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tfp_dgm.labelling.guided_features import GuidedFeatures
from tfp_dgm.labelling.multi_label.annotated import Annotated
from tfp_dgm.labelling.multi_label.sigmoid_heads import fit_sigmoid_heads
from tfp_dgm.labelling.multi_label.stacking import Stacking
from tfp_dgm.labelling.text_views import WITH_ENCODER
from tfp_dgm.training import Progress

# Which view of the texts heads are fitted to, and their ridge; the encoder's views come last.
_HEADS = ((0, 0.1), (0, 0.5))
_ENCODER_HEADS = ((2, 0.3), (3, 0.3))
_WORDS_C = 10.0
# Of naive Bayes: what evidence a text is, the prior count of a word, and a temperature.
_SCALE, _PRIOR_COUNT, _TEMPERATURE = 3.0, 0.03, 4.0
_COLUMNS_AT_ONCE = 512
WORDS = -1


@dataclass(frozen=True)
class LinearMember:
    """Log-odds x W + b of each class, by the model of all annotations.

    Attributes:
      view: the number of the view of the texts that x is; WORDS for their TF-IDF.
      kernel: float32 [D, K].
      bias: float32 [K].
    """

    view: int
    kernel: np.ndarray
    bias: np.ndarray


class LinearMembers:
    """Trains the members, and asks them.

    Attributes:
      members: M of them.
      logits: float32 [N, K, M]; of all rows, by the models of all annotations.
      cross_fitted: float32 [n, K, M]; of annotated rows, by models that did not see them.
    """

    def __init__(self, guided: GuidedFeatures, annotated: Annotated, progress: Progress) -> None:
        """Trains them.

        Args:
          guided: the features of N texts and of the guides that are learned from beside them.
          annotated: of the texts.
          progress: told of members.
        """
        features, guides = guided.features, guided.guides
        size = len(features.views[0]) - len(guides.texts)
        taught = annotated.followed_by(guides, size, guided.seen(annotated.visible))
        heads = [*_HEADS, *(() if features.encoder is None else _ENCODER_HEADS)]
        plans = [
            (view, partial(_heads, features.views[view], ridge=ridge)) for view, ridge in heads
        ]
        plans += [(WORDS, partial(_word_heads, features.words))]
        plans += [(WORDS, partial(_naive_bayes, features.words))]
        self.members: list[LinearMember] = []
        logits, cross_fitted = [], []
        step = "Training the heads of each class"
        for number, (view, fit) in enumerate(plans):
            progress(step, number, len(plans))
            inputs = features.words if view == WORDS else features.views[view][:, :-1]
            kernels, biases = fit(taught)  # [D, K, F], [K, F]
            self.members.append(LinearMember(view, kernels[..., 0], biases[..., 0]))
            logits.append(np.asarray(inputs[:size] @ kernels[..., 0]) + biases[..., 0])
            unseen = np.zeros(annotated.marks.shape, np.float32)
            for model in range(1, annotated.num_models):
                hidden = ~annotated.seen(model)
                answer = inputs[annotated.rows[hidden]] @ kernels[..., model]
                unseen[hidden] = np.asarray(answer) + biases[..., model]
            cross_fitted.append(unseen)
        progress(step, len(plans), len(plans))
        widest = features.views[0 if features.encoder is None else WITH_ENCODER]
        num_classes = annotated.marks.shape[1]
        self._widest = (widest.shape[1] - 1, num_classes)
        self._words = (features.words.shape[1], num_classes)
        self.logits = np.stack(logits, axis=2).astype(np.float32)
        self.cross_fitted = np.stack(cross_fitted, axis=2)

    def collapsed(self, stacking: Stacking) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The members' stacked logits as one linear map of the widest view and the words.

        Returns:
          latent: float [D, K]; of the widest view.
          words: float [V, K].
          bias: float [K].
        """
        bias = stacking.coefficients[:, 0].copy()
        latent, words = np.zeros(self._widest), np.zeros(self._words)
        for member, weight in zip(self.members, stacking.coefficients[:, 1:].T, strict=True):
            bias += weight * member.bias
            if member.view == WORDS:
                words += weight * member.kernel
            else:
                # Views stand in the widest as [encoder, LSA, VAE]: 0 is its end, 3 its start.
                size = len(member.kernel)
                place = slice(-size, None) if member.view == 0 else slice(size)
                latent[place] += weight * member.kernel
        return latent, words, bias


def _heads(
    view: np.ndarray, annotated: Annotated, *, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    x = view[annotated.rows]
    parts = []
    for classes in _blocks(annotated):
        targets, weights = annotated.targets(classes), annotated.weights(classes)
        flat = (len(x), -1)
        heads = fit_sigmoid_heads(x, targets.reshape(flat), weights.reshape(flat), ridge=ridge)
        parts.append(heads.reshape(-1, *targets.shape[1:]))  # [D, block, F]
    heads = np.concatenate(parts, axis=1)
    return heads[:-1], heads[-1]


def _word_heads(
    words: scipy.sparse.csr_matrix, annotated: Annotated
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regressions on words, one by one: sparse, they are many columns and few steps."""
    num_classes, models = annotated.marks.shape[1], annotated.num_models
    kernels = np.zeros((words.shape[1], num_classes, models), np.float32)
    biases = np.zeros((num_classes, models), np.float32)
    x = words[annotated.rows]
    for k in range(num_classes):
        for model in range(models):
            used = np.flatnonzero((annotated.marks[:, k] >= 0) & annotated.seen(model))
            y, weights = annotated.marks[used, k], annotated.counts[used]
            if len(used) == 0 or y.min() == y.max():
                positive = weights @ y
                biases[k, model] = np.log((positive + 0.5) / (weights.sum() - positive + 0.5))
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fitted = LogisticRegression(C=_WORDS_C, solver="liblinear", tol=0.01)
                fitted.fit(x[used], y, sample_weight=weights)
            kernels[:, k, model], biases[k, model] = fitted.coef_[0], fitted.intercept_[0]
    return kernels, biases


def _naive_bayes(
    words: scipy.sparse.csr_matrix, annotated: Annotated
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial naive Bayes of each class against the rows where it does not apply."""
    x = words[annotated.rows]
    kernels, biases = [], []
    for classes in _blocks(annotated):
        targets, weights = annotated.targets(classes), annotated.weights(classes)
        logs, sizes = [], []
        for part in (targets * weights, (1 - targets) * weights):
            counts = np.asarray(x.T @ part.reshape(len(part), -1))
            counts = _SCALE * counts.reshape(-1, *part.shape[1:]) + _PRIOR_COUNT
            logs.append(np.log(counts) - np.log(counts.sum(axis=0)))
            sizes.append(np.log(part.sum(axis=0) + 1))
        kernels.append(_SCALE / _TEMPERATURE * (logs[0] - logs[1]))
        biases.append((sizes[0] - sizes[1]) / _TEMPERATURE)
    return np.concatenate(kernels, axis=1).astype(np.float32), np.concatenate(biases)


def _blocks(annotated: Annotated) -> Iterator[slice]:
    """Classes whose models are fitted at once."""
    size = max(1, _COLUMNS_AT_ONCE // annotated.num_models)
    for start in range(0, annotated.marks.shape[1], size):
        yield slice(start, start + size)
