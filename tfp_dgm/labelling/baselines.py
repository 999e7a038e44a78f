"""What one would use instead: three baselines, for comparison in demos and benchmarks."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse
from scipy.special import softmax
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import SelfTrainingClassifier

Baseline = Callable[[Sequence[str], np.ndarray, Sequence[str], int], np.ndarray]


def tf_idf_logistic_regression(
    texts: Sequence[str], observed: np.ndarray, new_texts: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Logistic regression on the TF-IDF of the labelled texts; the unlabelled ones give the idf.

    Args:
      texts: N texts.
      observed: int [N]; the class, -1 where there is no label. Every class 0 .. K-1 occurs.
      new_texts: M texts to label.
      seed: unused; all baselines take the same arguments.
    Returns:
      probabilities: float [M, K].
    """
    del seed
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    features = vectorizer.fit_transform(texts)
    labelled = observed >= 0
    model = LogisticRegression(max_iter=1000).fit(features[labelled], observed[labelled])
    return model.predict_proba(vectorizer.transform(new_texts))


def naive_bayes_em(
    texts: Sequence[str], observed: np.ndarray, new_texts: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Multinomial naive Bayes on word counts, with EM over the unlabelled texts [1].

    Arguments and result as for `tf_idf_logistic_regression`.

    References:
      [1] Nigam, McCallum, Thrun and Mitchell. Text Classification from Labeled and Unlabeled
        Documents using EM. Machine Learning 39, 2000.
    """
    del seed
    vectorizer = CountVectorizer(min_df=2)
    counts = vectorizer.fit_transform(texts)
    labelled = observed >= 0
    given = np.eye(int(observed.max()) + 1)[observed[labelled]]  # [n, K]
    words, classes = _naive_bayes(counts[labelled], given)
    responsibilities = np.zeros((len(texts), given.shape[1]))
    for _ in range(15):
        responsibilities[~labelled] = softmax(counts[~labelled] @ words + classes, axis=1)
        responsibilities[labelled] = given
        words, classes = _naive_bayes(counts, responsibilities)
    return softmax(vectorizer.transform(new_texts) @ words + classes, axis=1)


def _naive_bayes(
    counts: scipy.sparse.csr_matrix, responsibilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """log p(word | class) [V, K] with one pseudo-count a word, and log p(class) [K]."""
    words = counts.T @ responsibilities + 1
    classes = responsibilities.sum(axis=0) + 1
    return np.log(words / words.sum(axis=0)), np.log(classes / classes.sum())


def self_training(
    texts: Sequence[str], observed: np.ndarray, new_texts: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Self-training of logistic regression on 100 latent semantic dimensions.

    Arguments and result as for `tf_idf_logistic_regression`.
    """
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    features = vectorizer.fit_transform(texts)
    svd = TruncatedSVD(min(100, features.shape[1] - 1), random_state=seed)
    model = SelfTrainingClassifier(LogisticRegression(C=10, max_iter=1000), threshold=0.9)
    model.fit(normalize(svd.fit_transform(features)), observed)
    return model.predict_proba(normalize(svd.transform(vectorizer.transform(new_texts))))


BASELINES: dict[str, Baseline] = {
    "TF-IDF + logistic regression": tf_idf_logistic_regression,
    "naive Bayes + EM": naive_bayes_em,
    "self-training on LSA": self_training,
}
