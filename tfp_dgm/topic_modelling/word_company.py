"""The company that words keep: what short texts say together, where each says little."""

from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.evaluation import document_completion

_SHORT = 16  # Distinct words a document, in the mean; the company of longer ones is of all topics.
_LEAST_ROWS = 50
_TRAINING_ROWS, _HELD_OUT_ROWS = 2_000, 500
_HELD_OUT_SHARE = 0.2

# Counts [n, V] of what is known of documents -> probabilities [n, V] of a further word.
_Prediction = Callable[[scipy.sparse.csr_matrix], NDArray[np.floating]]


def word_company(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """In how many documents two words stand together: float32 [V, V], zeros on the diagonal.

    A row is a pseudo-document, all that stands beside a word [1]. Topics of pseudo-documents are
    topics of documents that are about one thing each, and have hundreds of words where the
    documents have five.

    Args:
      counts: [N, V].
    References:
      [1] Zuo, Zhao and Xu. Word network topic model: a simple but general solution for short and
        imbalanced texts. KAIS 2016. arXiv:1412.5404
    """
    present = scipy.sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    present.data = np.ones_like(present.data)
    together = (present.T @ present).tocsr()
    together.setdiag(0)
    together.eliminate_zeros()
    return together


def are_short(counts: scipy.sparse.csr_matrix) -> bool:
    """Whether documents [N, V] have so few words that the company of words may say more.

    There are 50 documents at least that have two words.
    """
    words = np.diff(counts.indptr)
    return int((words > 1).sum()) >= _LEAST_ROWS and words[words > 0].mean() <= _SHORT


def company_predicts_better(
    counts: scipy.sparse.csr_matrix,
    learn: Callable[[NDArray[np.int64], bool], _Prediction],
    *,
    seed: int = 0,
) -> bool:
    """Whether topics of the company of words predict unseen halves of documents better.

    Topics are learned in both ways from 2,000 documents at most, and asked for the halves of 500
    others; see `evaluation.document_completion`.

    Args:
      counts: [N, V].
      learn: learns topics from some of the rows, or from the company of their words.
      seed: of the parts.
    """
    rows = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() > 1)
    rows = np.random.default_rng(seed).permutation(rows)
    held = min(_HELD_OUT_ROWS, int(_HELD_OUT_SHARE * len(rows)))
    learned = np.sort(rows[held : held + _TRAINING_ROWS])
    of_documents, of_company = (
        document_completion(counts[rows[:held]], learn(learned, company), seed=seed)[0].sum()
        for company in (False, True)
    )
    return bool(of_company > of_documents)
