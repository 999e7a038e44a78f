"""What a server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class ServerMetrics:
    """Requests, their latency, the batches they were run in, and the version that answers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dgm_requests",
            "Requests answered.",
            ["protocol", "method", "status"],
            registry=self._registry,
        )
        self._latency = Histogram(
            "dgm_request_seconds",
            "From a request's last byte to its answer's first.",
            ["protocol", "method"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._rows = Histogram(
            "dgm_batch_rows",
            "Rows of a batch before it is filled up.",
            ["signature"],
            buckets=_ROWS,
            registry=self._registry,
        )
        self._version = Gauge("dgm_model_version", "The version served.", registry=self._registry)

    def answered(self, protocol: str, method: str, status: str, seconds: float) -> None:
        """Counts an answer."""
        self._requests.labels(protocol, method, status).inc()
        self._latency.labels(protocol, method).observe(seconds)

    def batch(self, signature: str, rows: int) -> None:
        """Counts a batch."""
        self._rows.labels(signature).observe(rows)

    def text(self, version: int) -> bytes:
        """Everything, as Prometheus reads it."""
        self._version.set(version)
        return generate_latest(self._registry)
