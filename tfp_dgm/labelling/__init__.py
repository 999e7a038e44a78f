"""The main job: label the rest of a partially annotated data set."""

from tfp_dgm.labelling.annotated_fitting import fit_from_answers
from tfp_dgm.labelling.annotators import Answers
from tfp_dgm.labelling.baselines import BASELINES
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.features import Features, fit_features
from tfp_dgm.labelling.file_prediction import predict_file
from tfp_dgm.labelling.kept_features import KeptFeatures
from tfp_dgm.labelling.labelled_file import LabelledFile, label_file
from tfp_dgm.labelling.marked_words import MarkedWord, WordMarks
from tfp_dgm.labelling.multi_label import (
    MultiLabelClassifier,
    MultiLabelFile,
    MultiLabelOutcome,
    fit_multi_label,
    label_multi_label_file,
    multi_label_metrics,
)
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.reasons import WordReasons
from tfp_dgm.labelling.report import render_report
from tfp_dgm.labelling.scores import metrics
from tfp_dgm.labelling.shard_labelling import label_shards
from tfp_dgm.labelling.text_labeller import TextLabeller
from tfp_dgm.labelling.vectors_of_sentences import sentence_vectors

__all__ = [
    "BASELINES",
    "Answers",
    "Features",
    "KeptFeatures",
    "LabelledFile",
    "MarkedWord",
    "MultiLabelClassifier",
    "MultiLabelFile",
    "MultiLabelOutcome",
    "Outcome",
    "TextClassifier",
    "TextLabeller",
    "WordMarks",
    "WordReasons",
    "fit_classifier",
    "fit_features",
    "fit_from_answers",
    "fit_multi_label",
    "label_file",
    "label_multi_label_file",
    "label_shards",
    "metrics",
    "multi_label_metrics",
    "predict_file",
    "render_report",
    "sentence_vectors",
]
