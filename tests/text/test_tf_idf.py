import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfTransformer

from tfp_dgm.text import TfIdf

COUNTS = scipy.sparse.csr_matrix(
    np.random.default_rng(0).poisson(0.7, (12, 9)).astype(np.float32)
    * (np.arange(12) != 5)[:, None]
)


def _scikit_learn():
    return TfidfTransformer(sublinear_tf=True).fit(COUNTS).transform(COUNTS).toarray()


def test_dense_matches_scikit_learn():
    answer = TfIdf.fit(COUNTS)(COUNTS.toarray()).numpy()
    np.testing.assert_allclose(answer, _scikit_learn(), atol=1e-6)


def test_sparse_matches_scikit_learn():
    answer = TfIdf.fit(COUNTS).transform(COUNTS)
    np.testing.assert_allclose(answer.toarray(), _scikit_learn(), atol=1e-6)
    assert answer.dtype == np.float32


def test_sparse_tensors_match_scikit_learn():
    rows, columns = COUNTS.nonzero()
    sparse = tf.SparseTensor(np.stack([rows, columns], 1), COUNTS.data, COUNTS.shape)
    answer = tf.sparse.to_dense(TfIdf.fit(COUNTS)(sparse)).numpy()
    np.testing.assert_allclose(answer, _scikit_learn(), atol=1e-6)


def test_a_text_without_known_words_is_the_zero_vector():
    assert not TfIdf.fit(COUNTS)(np.zeros((1, 9), np.float32)).numpy().any()


def test_shape_of_idf_is_checked():
    with pytest.raises(ValueError, match=r"must be \[V\]; received shape \(2, 1\)"):
        TfIdf([[1.0], [2.0]])


def test_comes_back_from_a_keras_file(tmp_path):
    model = keras.Sequential([keras.Input((9,)), TfIdf.fit(COUNTS)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(COUNTS.toarray()).numpy(), _scikit_learn(), atol=1e-6)
