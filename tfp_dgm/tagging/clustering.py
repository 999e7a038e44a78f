"""How much less than their number the answers of one sentence tell, since they err together."""

import numpy as np

_PRIOR_EFFECT = 1.5
_PRIOR_SENTENCES = 50


def design_effect(errors: np.ndarray, sentences: np.ndarray) -> float:
    """By what factor the variance of a mean grows since rows come in sentences (Kish 1965).

        sum over sentences of (sum of errors)^2 / sum of errors^2

    which is 1 where rows err independently. It is drawn towards 1.5 as by 50 more sentences, and
    never below 1.

    Args:
      errors: [n]; whether each row is right, less the probability of that.
      sentences: int [n]; the number of each row's sentence.
    """
    if not len(errors):
        return _PRIOR_EFFECT
    squares = float((errors**2).sum())
    clustered = float((np.bincount(sentences, errors) ** 2).sum())
    prior = _PRIOR_SENTENCES * squares / len(np.unique(sentences))
    return max(1.0, (clustered + _PRIOR_EFFECT * prior) / max(squares + prior, 1e-12))
