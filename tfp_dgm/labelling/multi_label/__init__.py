"""Several labels a row: each class applies or does not, whatever the others do."""

from tfp_dgm.labelling.multi_label.label_mixture import LabelMixture
from tfp_dgm.labelling.multi_label.multi_label_classifier import MultiLabelClassifier
from tfp_dgm.labelling.multi_label.multi_label_file import MultiLabelFile, label_multi_label_file
from tfp_dgm.labelling.multi_label.multi_label_fitting import fit_multi_label
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome
from tfp_dgm.labelling.multi_label.multi_label_scores import multi_label_metrics

__all__ = [
    "LabelMixture",
    "MultiLabelClassifier",
    "MultiLabelFile",
    "MultiLabelOutcome",
    "fit_multi_label",
    "label_multi_label_file",
    "multi_label_metrics",
]
