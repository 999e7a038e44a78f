"""Finds out whether rows are of no class, from what the members answer and where the texts lie."""

from dataclasses import dataclass

import numpy as np

from tfp_dgm.labelling.class_distance import ClassDistance
from tfp_dgm.labelling.no_class import NoClass
from tfp_dgm.labelling.novelty_layers import NoClassProbability

# Evidence, in nats, from which on there are rows of no class: 20 to 1. Of 46 draws without any, of
# news, posts, titles, abstracts, messages and reviews, the greatest was 2.2.
_EVIDENCE = 3.0
_FEWEST_ROWS = 20


@dataclass(frozen=True)
class RowsOfNoClass:
    """What is known of rows of no class.

    Attributes:
      distance: the score that tells them.
      knots: scores [P] and the probability of no class there [P].
      probability: float32 [N]; of annotated rows by models that did not see them.
      draws: float [S, m]; draws of the probabilities of the rows without annotation.
      share: of these rows: mean, and a range that holds it with probability 0.8.
    """

    distance: ClassDistance
    knots: tuple[np.ndarray, np.ndarray]
    probability: np.ndarray
    draws: np.ndarray
    share: tuple[float, float, float]

    def layer(self) -> NoClassProbability:
        """The same of new texts, by the model of all annotations."""
        views = self.distance.views
        scores, probabilities = self.knots
        layer = NoClassProbability(
            len(views[0].bias),
            [len(view.linear) for view in views],
            measure_weights=self.distance.weights,
            constant=self.distance.constant,
            scores=scores,
            probabilities=probabilities,
        )
        layer.set_weights([array for view in views for array in view.arrays()])
        return layer


def rows_of_no_class(
    views: list[np.ndarray],
    entropy: np.ndarray,
    rows: np.ndarray,
    allowed: np.ndarray,
    fold: np.ndarray,
    weights: np.ndarray,
    judged: np.ndarray,
    *,
    seed: int,
) -> RowsOfNoClass | None:
    """Looks for rows of no class among those without annotation; None where nothing tells of any.

    Args:
      views: float32 [N, D] each; where distances are measured.
      entropy: float [N, 1 + F]; of the answers of the model of all annotations, and of those that
        did not see a fold.
      rows: int [n]; the annotated rows.
      allowed: bool [n, K]; their annotations.
      fold: int [n]; the fold that each is hidden in.
      weights: [S, n]; draws of what each annotation counts.
      judged: int [m]; the rows that the models of the folds answer, in order; all annotated ones,
        and others.
      seed: of the draws.
    """
    unannotated = np.setdiff1d(np.arange(len(entropy)), rows)
    if not len(rows) or len(unannotated) < _FEWEST_ROWS:
        return None
    folds = np.arange(-1, entropy.shape[1] - 1)  # None is hidden from the first model.
    visible = fold[:, np.newaxis] != folds
    distance = ClassDistance.fit(views, entropy, rows, allowed, visible, judged)
    unseen = distance.scores[rows, 1 + fold]
    model = NoClass.fit(unseen, distance.scores[np.setdiff1d(judged, rows), 1:], weights)
    if model.evidence < _EVIDENCE:
        return None
    scores = distance.scores[:, 0].copy()
    draws = model.draws(scores[unannotated], seed=seed)
    scores[rows] = unseen
    knots = model.knots(scores)
    probability = np.interp(scores, *knots).astype(np.float32)
    return RowsOfNoClass(distance, knots, probability, draws, model.share())
