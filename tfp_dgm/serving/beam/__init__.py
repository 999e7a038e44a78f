"""Bulk prediction on Apache Beam: large tables in shards, and rows in people's own pipelines.

Nothing is imported until a name is used: a command refuses what it can before Beam is there.
"""

from typing import TYPE_CHECKING, Any

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.serving.beam.bulk_run import BulkRun
    from tfp_dgm.serving.beam.predict import DeadLetter, Predict, Predicted
    from tfp_dgm.serving.beam.shard_answers import RowAnswers, ShardAnswers
    from tfp_dgm.serving.beam.shard_run import ShardTotals, answer_shards
    from tfp_dgm.serving.beam.shards import shards_of
    from tfp_dgm.serving.beam.signature_answers import predict_shards

__all__ = [
    "BulkRun",
    "DeadLetter",
    "Predict",
    "Predicted",
    "RowAnswers",
    "ShardAnswers",
    "ShardTotals",
    "answer_shards",
    "predict_shards",
    "shards_of",
]

_lazy = lazy_names(
    __name__,
    {
        "bulk_run": ("BulkRun",),
        "predict": ("DeadLetter", "Predict", "Predicted"),
        "shard_answers": ("RowAnswers", "ShardAnswers"),
        "shard_run": ("ShardTotals", "answer_shards"),
        "shards": ("shards_of",),
        "signature_answers": ("predict_shards",),
    },
)


def __getattr__(name: str) -> Any:
    try:
        return _lazy(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "apache_beam":
            raise
        raise ImportError(
            "bulk prediction needs apache_beam; `pip install tfp-dgm[beam]` brings it"
        ) from error
