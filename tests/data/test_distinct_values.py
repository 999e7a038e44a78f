"""Equal values have one number."""

import numpy as np
import pandas as pd

from tfp_dgm.data.distinct_values import numbers_of_values


def test_equal_values_have_the_number_of_their_first_place() -> None:
    values = ["b", "a", "b", "", "c", "a"]
    numbers = numbers_of_values(values)
    assert numbers.dtype == np.int64
    np.testing.assert_array_equal(numbers, pd.factorize(np.array(values, object))[0])
    assert numbers_of_values(iter([])).shape == (0,)
