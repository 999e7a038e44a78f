"""Models of topics behind strings."""

import numpy as np

from tfp_dgm.models import LatentDirichletAllocation
from tfp_dgm.text import WordCounts
from tfp_dgm.topic_modelling import TopicTeller

WORDS = ["moon", "rocket", "oven", "dough"]
TEXTS = np.array([b"Moon, rocket; moon", b"an oven", b"dough of the moon", b""])


def topic_teller():
    topics = LatentDirichletAllocation(2, len(WORDS), seed=0)
    topics.build()
    topics.assign([0.4, 0.7], [[0.1, 0.2, 7.0, 3.0], [6.0, 4.0, 0.3, 0.5]])
    model = TopicTeller(
        WordCounts(WORDS),
        topics,
        order=[1, 0],
        names=["space", "kitchen"],
        words=["moon rocket", "oven dough"],
    )
    model.build()
    return model, TEXTS, None


TOPIC_TELLERS = {"topic_teller": topic_teller}
