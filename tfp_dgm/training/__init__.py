"""Schedules and callbacks."""

from tfp_dgm.training.aggressive_training import AggressiveTraining
from tfp_dgm.training.autoencoder_pretraining import AutoencoderPretraining
from tfp_dgm.training.batch_streams import batch_stream
from tfp_dgm.training.binarisation import binarised_batches
from tfp_dgm.training.collapse_watch import CollapseWatch
from tfp_dgm.training.expectation_maximisation import (
    EMHistory,
    fit_em,
    harmonic,
    m_step,
    start_anew,
)
from tfp_dgm.training.fused_adam import FusedAdam
from tfp_dgm.training.meeting import LostWorkerError
from tfp_dgm.training.natural_gradients import VariationalHistory, fit_by_natural_gradients
from tfp_dgm.training.non_finite_guard import NonFiniteGuard, NonFiniteLossError
from tfp_dgm.training.objective_schedule import KLWeightSchedule, ObjectiveSchedule
from tfp_dgm.training.progress_report import Progress, ProgressReport
from tfp_dgm.training.resume_training import ResumeTraining
from tfp_dgm.training.run_state import RunState
from tfp_dgm.training.schedules import Constant, Cyclical, Linear, Schedule, Sigmoid
from tfp_dgm.training.sparse_expectation_maximisation import MixtureHistory, fit_em_of_counts
from tfp_dgm.training.training_clock import TrainingClock
from tfp_dgm.training.workers import Workers, join_workers

__all__ = [
    "AggressiveTraining",
    "AutoencoderPretraining",
    "CollapseWatch",
    "Constant",
    "Cyclical",
    "EMHistory",
    "FusedAdam",
    "KLWeightSchedule",
    "Linear",
    "LostWorkerError",
    "MixtureHistory",
    "NonFiniteGuard",
    "NonFiniteLossError",
    "ObjectiveSchedule",
    "Progress",
    "ProgressReport",
    "ResumeTraining",
    "RunState",
    "Schedule",
    "Sigmoid",
    "TrainingClock",
    "VariationalHistory",
    "Workers",
    "batch_stream",
    "binarised_batches",
    "fit_by_natural_gradients",
    "fit_em",
    "fit_em_of_counts",
    "harmonic",
    "join_workers",
    "m_step",
    "start_anew",
]
