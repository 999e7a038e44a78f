import numpy as np
import scipy.sparse

from tfp_dgm.topic_modelling.collapsed_topics import topic_collapse
from tfp_dgm.topic_modelling.topic_fitting import fit_topics

ALL = np.eye(4)  # Mixtures of documents of one topic each.
TOPICS = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.69, 0.2, 0.11], [0.2, 0.7, 0.1]])


def test_equal_and_unused_topics_are_named():
    found = topic_collapse(
        TOPICS, np.array([[0.5, 0.1, 0.1, 0.3], [0.2, 0.4, 0.1, 0.3], [0.1, 0.1, 0.5, 0.3]])
    )
    assert found.equal == [(0, 2)]
    assert found.unused == [3]
    assert str(found) == (
        "topics that no text has most of: 3; topics of the same words: 0 and 2: "
        "ask for fewer topics"
    )


def test_an_unused_topic_is_not_called_equal_too():
    found = topic_collapse(TOPICS, ALL[[0, 1, 3]])
    assert (found.unused, found.equal) == ([2], [])


def test_different_topics_have_not_collapsed():
    found = topic_collapse(TOPICS[[0, 1, 3]], np.eye(3))
    assert str(found) == "every topic is used, and no two are equal"


def test_more_topics_than_there_are_collapse():
    random = np.random.default_rng(0)
    words = np.repeat(np.eye(2), 5, axis=1) / 5  # Two kinds of texts, of five words each.
    counts = np.array([random.multinomial(40, words[n % 2]) for n in range(60)])
    counts = scipy.sparse.csr_matrix(counts, dtype=np.float32)
    two = fit_topics(counts, num_topics=2)
    assert str(topic_collapse(two.topics, two.mixtures)).startswith("every topic is used")
    six = fit_topics(counts, num_topics=6)
    found = topic_collapse(six.topics, six.mixtures)
    assert len(found.unused) + len(found.equal) >= 4
