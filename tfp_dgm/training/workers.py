"""Several processes, of one machine or many, that train one model together."""

import contextlib
import json
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

# TensorFlow has no public way to bound how long it waits for a worker.
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context as eager_context

from tfp_dgm.data import DataError, differences
from tfp_dgm.settings import Cluster
from tfp_dgm.training.meeting import LostWorkerError, meet, named

_TASK = re.compile(r"/job:(chief|worker)/(?:replica:0/)?task:(\d+)")
_NODE = re.compile(r"\{\{.*?\}\}")
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
)


class Workers:
    """The processes of a cluster, of which this is one; `join_workers` makes it.

    Args:
      cluster: None where there is this process alone.
      strategy: what shares a training among them; None where there is this process alone.
    Attributes:
      is_chief: whether this process writes the results.
    """

    def __init__(
        self, cluster: Cluster | None = None, strategy: tf.distribute.Strategy | None = None
    ) -> None:
        self.cluster = cluster
        self.strategy = strategy
        self.is_chief = cluster is None or cluster.is_chief

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Within it, models, optimizers and objectives are made and built; `fit` runs outside."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def require_same(self, **told: Any) -> None:
        """Compares what this process was given with what the chief was.

        Args:
          **told: as JSON has it, nested or not: settings, digests of data, versions.
        Raises:
          DataError: in the chief and in whoever was given something else; names worker and values.
        """
        if self.cluster is None:
            return
        expected = json.loads(self.from_chief(json.dumps(told).encode()))
        given = json.loads(json.dumps(told))
        differing = [
            f"{name} is {received}, expected {known} as in the chief"
            for name, known, received in differences(expected, given)
        ]
        count = len(self.cluster.addresses)
        marks = self._sum(np.eye(count, dtype=np.int32)[self.cluster.index] * bool(differing))
        if differing:
            raise DataError(f"{named(self.cluster, self.cluster.index)}: {'; '.join(differing)}")
        if self.is_chief and marks.any():
            others = ", ".join(named(self.cluster, int(index)) for index in np.flatnonzero(marks))
            raise DataError(
                f"{others}: has other settings, data or versions than the chief; it says which"
            )

    def from_chief(self, content: bytes) -> bytes:
        """The chief's content, in all processes; what others give is not looked at."""
        if self.cluster is None:
            return content
        size = int(self._sum(np.array([len(content) * self.is_chief], np.int64))[0])
        words = np.zeros(-(-size // 4), np.int32)
        if self.is_chief:
            words.view(np.uint8)[:size] = np.frombuffer(content, np.uint8)
        return self._sum(words).tobytes()[:size]

    def wait_for_all(self) -> None:
        """Ends when all have come here."""
        if self.cluster is not None:
            self._sum(np.ones(1, np.int32))

    def _sum(self, values: np.ndarray) -> np.ndarray:
        if self.strategy is None or not len(values):
            return values
        total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, tf.constant(values), axis=None)
        return total.numpy()


@contextlib.contextmanager
def join_workers(
    cluster: Cluster | None, *, start_seconds: float = 300, lost_seconds: float = 30
) -> Iterator[Workers]:
    """Joins the other processes of a cluster, and ends when all have come to the block's end.

        with join_workers(read_cluster()) as workers:
            with workers.scope():
                model = ...  # made, compiled and built
            model.fit(batches, ...)

    Each process runs this same program. A batch is the global one: each takes its rows of it, and
    the gradients' sum moves the weights of all alike, by TensorFlow's MultiWorkerMirroredStrategy.

    Args:
      cluster: from `settings.read_cluster`; None, or of one address: this process alone.
      start_seconds: within which all processes must have come.
      lost_seconds: without a sign of life from a process, after which the others end.
    Raises:
      LostWorkerError: if a process does not come, or goes before the end; after the above times.
      DataError: if the own address cannot be listened at, or processes were told other clusters.
      RuntimeError: if the process has computed with TensorFlow before.
    """
    if cluster is None or len(cluster.addresses) == 1:
        yield Workers()
        return
    if eager_context.context()._context_handle is not None:
        raise RuntimeError(
            "join_workers: expected to be called before the process computes with TensorFlow"
        )
    meet(cluster, start_seconds)
    try:
        workers = Workers(cluster, _strategy(cluster, lost_seconds))
        _keep_signal_handlers()
        yield workers
        workers.wait_for_all()
    except _LOST as error:
        raise LostWorkerError(_lost(cluster, error.message)) from error


def _keep_signal_handlers() -> None:
    """TensorFlow's notice of preemption took SIGTERM, and would let it do nothing."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)


def _strategy(cluster: Cluster, lost_seconds: float) -> tf.distribute.Strategy:
    eager_context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=round(1000 * lost_seconds),
        shutdown_barrier_timeout_in_ms=round(1000 * lost_seconds),
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=len(cluster.addresses))
        ],
    )
    return tf.distribute.MultiWorkerMirroredStrategy(
        # One job: a chief is the first of its workers.
        tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
            task_type="worker",
            task_id=cluster.index,
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )
    )


def _lost(cluster: Cluster, message: str) -> str:
    """Who is lost, as far as TensorFlow's message tells it."""
    places = {int(index) for _, index in _TASK.findall(message)} - {cluster.index}
    gone = [named(cluster, index) for index in sorted(places) if index < len(cluster.addresses)]
    who = " or ".join(gone) or "one of the workers"
    said = " ".join(_NODE.sub("", message).split())
    return (
        f"lost {who}; see there why. Start all workers again, to resume from the last state that "
        f"was saved ({said[:200]})"
    )
