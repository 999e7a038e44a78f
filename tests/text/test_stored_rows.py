import numpy as np
import pytest

from tfp_dgm.text import BucketedBatches, StoredRows


def rows(count=57):
    random = np.random.default_rng(1)
    return [random.integers(3, 10**6, random.integers(1, 9)) for _ in range(count)]


def test_rows_come_back_as_they_were_written(tmp_path):
    stored = StoredRows.write(tmp_path, iter(rows()))
    reopened = StoredRows(tmp_path)
    for found in (stored, reopened):
        assert len(found) == 57
        assert found.lengths.tolist() == [len(row) for row in rows()]
        for place, row in enumerate(rows()):
            np.testing.assert_array_equal(found[place], row)
            assert found[place].dtype == np.int32
    np.testing.assert_array_equal(stored[-1], rows()[-1])
    assert [row.tolist() for row in stored[50:99]] == [row.tolist() for row in rows()[50:]]
    with pytest.raises(IndexError):
        stored[57]


def test_batches_are_those_of_rows_in_memory(tmp_path):
    stored = BucketedBatches(StoredRows.write(tmp_path, rows()), 8, seed=3)
    others = BucketedBatches(rows(), 8, seed=3)
    for epoch in range(2):
        stored.epoch = others.epoch = epoch
        assert len(stored) == len(others) == 8
        for i in range(8):
            np.testing.assert_array_equal(stored[i][0], others[i][0])


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    StoredRows.write(tmp_path, rows())
    file = tmp_path / "tokens.int32"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ValueError, match="as many token ids as its rows have"):
        StoredRows(tmp_path)
