"""A job: the rest of partially tagged sentences tagged."""

from tfp_dgm.tagging.chain_answers import SentenceAnswer
from tfp_dgm.tagging.sequence_tagger import SequenceTagger
from tfp_dgm.tagging.span_marginals import FoundSpan, span_probabilities
from tfp_dgm.tagging.tagger_fitting import TaggerFit, fit_tagger

__all__ = [
    "FoundSpan",
    "SentenceAnswer",
    "SequenceTagger",
    "TaggerFit",
    "fit_tagger",
    "span_probabilities",
]
