"""How faithful a rationale is: what a classifier says of it alone, and of the rest."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rationale_scores(whole: ArrayLike, kept: ArrayLike, left_out: ArrayLike) -> dict[str, float]:
    """Sufficiency and comprehensiveness [1] of the words that are said to decide.

        sufficiency       = mean_n p(c_n | text_n) - p(c_n | words kept)         near 0 is good
        comprehensiveness = mean_n p(c_n | text_n) - p(c_n | words left out)     high is good

    with c_n the class that is the likeliest of the whole text.

    Args:
      whole: [N, K]; probabilities of the classes, given the texts.
      kept: [N, K]; given the words kept alone.
      left_out: [N, K]; given all others.
    Raises:
      ValueError: if the three are not of one shape [N, K], N >= 1.
    References:
      [1] DeYoung et al. ERASER: A Benchmark to Evaluate Rationalized NLP Models. ACL 2020.
        arXiv:1911.03429
    """
    parts = [np.asarray(part, np.float64) for part in (whole, kept, left_out)]
    shapes = [part.shape for part in parts]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ValueError(
            f"rationale_scores: expected three matrices [N, K] of one shape; received {shapes}"
        )
    chosen = parts[0].argmax(axis=1)[:, np.newaxis]

    def probability(part: NDArray[np.float64]) -> float:
        return float(np.take_along_axis(part, chosen, axis=1).mean())

    of_whole, of_kept, of_rest = map(probability, parts)
    return {"sufficiency": of_whole - of_kept, "comprehensiveness": of_whole - of_rest}
