"""Strings <-> tokens, as layers that run in the graph."""

from tfp_dgm.text.bucketed_batches import BucketedBatches
from tfp_dgm.text.neighbour_information import (
    information_vectors,
    neighbour_counts,
    positive_information,
)
from tfp_dgm.text.places_of_words import WordSpan, without_words, word_spans
from tfp_dgm.text.spelling import NO_FEATURE, characters_of_words, spelling_features
from tfp_dgm.text.stop_words import common_words
from tfp_dgm.text.stored_rows import StoredRows
from tfp_dgm.text.subword_vocabulary import SubwordVocabulary
from tfp_dgm.text.tf_idf import TfIdf
from tfp_dgm.text.vocabulary import Vocabulary
from tfp_dgm.text.word_counts import WordCounts, document_frequencies, words
from tfp_dgm.text.word_features import (
    NO_FORM,
    OWN_FORM,
    WordForms,
    forms_of_all,
    forms_of_words,
    own_forms,
)
from tfp_dgm.text.word_vocabulary import WordVocabulary

__all__ = [
    "NO_FEATURE",
    "NO_FORM",
    "OWN_FORM",
    "BucketedBatches",
    "StoredRows",
    "SubwordVocabulary",
    "TfIdf",
    "Vocabulary",
    "WordCounts",
    "WordForms",
    "WordSpan",
    "WordVocabulary",
    "characters_of_words",
    "common_words",
    "document_frequencies",
    "forms_of_all",
    "forms_of_words",
    "information_vectors",
    "neighbour_counts",
    "own_forms",
    "positive_information",
    "spelling_features",
    "without_words",
    "word_spans",
    "words",
]
