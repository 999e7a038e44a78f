"""Several annotators: what each confuses, and the truth behind their answers."""

from tfp_dgm.labelling.annotators.answers import Answers
from tfp_dgm.labelling.annotators.crowd import CROWD_COLUMNS, Crowd
from tfp_dgm.labelling.annotators.dawid_skene import DawidSkene, fit_dawid_skene
from tfp_dgm.labelling.annotators.reliability import Reliability, reliabilities

__all__ = [
    "CROWD_COLUMNS",
    "Answers",
    "Crowd",
    "DawidSkene",
    "Reliability",
    "fit_dawid_skene",
    "reliabilities",
]
