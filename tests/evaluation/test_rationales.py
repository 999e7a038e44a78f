import numpy as np
import pytest

from tfp_dgm.evaluation import rationale_scores


def test_scores_of_two_texts_by_hand():
    whole = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]
    kept = [[0.9, 0.1, 0.0], [0.2, 0.4, 0.4]]
    left_out = [[0.3, 0.3, 0.4], [0.5, 0.4, 0.1]]
    found = rationale_scores(whole, kept, left_out)
    # Classes 0 and 2: (0.7 - 0.9 + 0.6 - 0.4) / 2 and (0.7 - 0.3 + 0.6 - 0.1) / 2.
    np.testing.assert_allclose(found["sufficiency"], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["comprehensiveness"], 0.45)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape; received \[\(2, 3\), \(2, 3\), \(1, 3\)\]"):
        rationale_scores(np.ones([2, 3]), np.ones([2, 3]), np.ones([1, 3]))
    with pytest.raises(ValueError, match="three matrices"):
        rationale_scores(np.ones([0, 3]), np.ones([0, 3]), np.ones([0, 3]))
