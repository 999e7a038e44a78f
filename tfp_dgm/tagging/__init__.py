"""A job: the rest of partially tagged sentences tagged."""

from tfp_dgm.tagging.chain_answers import SentenceAnswer
from tfp_dgm.tagging.file_tagging import TagResults, tag_file
from tfp_dgm.tagging.judged_tagger import JudgedTagger
from tfp_dgm.tagging.sentence_tagging import tag_sentences
from tfp_dgm.tagging.sequence_tagger import SequenceTagger
from tfp_dgm.tagging.span_marginals import FoundSpan
from tfp_dgm.tagging.tag_outcome import TagOutcome
from tfp_dgm.tagging.tag_prediction import predict_tags
from tfp_dgm.tagging.tag_scores import tag_metrics
from tfp_dgm.tagging.tagger_fitting import TaggerFit, fit_tagger

__all__ = [
    "FoundSpan",
    "JudgedTagger",
    "SentenceAnswer",
    "SequenceTagger",
    "TagOutcome",
    "TagResults",
    "TaggerFit",
    "fit_tagger",
    "predict_tags",
    "tag_file",
    "tag_metrics",
    "tag_sentences",
]
