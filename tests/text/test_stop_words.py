"""Stop words: those of made texts, whose words were drawn without regard to their topics."""

import numpy as np
import scipy.sparse
from scipy.stats import poisson

from tests.topic_modelling.made_texts import COMMON, OWN_WORDS, made_texts
from tfp_dgm.text import WordCounts, common_words
from tfp_dgm.text.stop_words import _by_chance


def found(texts):
    counts = WordCounts.fit(texts)
    common = common_words(counts.count_matrix(texts))
    return {word for word, is_common in zip(counts.vocabulary, common, strict=True) if is_common}


def test_words_of_all_topics_are_common_and_those_of_one_are_not():
    texts, _ = made_texts(600, commons=8)
    assert found(texts) == set(COMMON)


def test_no_language_is_known():
    """The same texts with every word replaced by one that no list has."""
    texts, _ = made_texts(600, commons=8)
    names = {word: f"x{n}" for n, word in enumerate([*COMMON, *sorted(OWN_WORDS)])}
    coded = [" ".join(names[word] for word in text.split()) for text in texts]
    assert found(coded) == {names[word] for word in COMMON}


def test_where_stop_words_are_gone_none_is_found():
    texts, _ = made_texts(600, commons=0)
    assert found(texts) == set()


def test_no_more_than_half_of_the_tokens_go():
    random = np.random.default_rng(1)
    counts = random.poisson(0.5, size=(400, 60)).astype(np.float32)  # Nothing has a topic.
    common = common_words(scipy.sparse.csr_matrix(counts))
    assert 0.4 < counts[:, common].sum() / counts.sum() <= 0.5


def test_empty_and_single_texts():
    assert not common_words(scipy.sparse.csr_matrix((3, 5), dtype=np.float32)).any()
    assert not common_words(scipy.sparse.csr_matrix(np.ones((1, 4), np.float32))).any()


def test_chance_by_its_sum():
    n = np.arange(1, 400)
    means = np.array([[0.003, 0.7, 5.0, 80.0, 5000.0]])
    expected = [(n * np.log(n / mean) * poisson.pmf(n, mean)).sum() for mean in means[0, :4]]
    np.testing.assert_allclose(_by_chance(means)[0], [*expected, 0.5], rtol=0.02, atol=5e-3)
