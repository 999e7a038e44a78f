"""Whether all workers of a cluster are there: TensorFlow itself would wait for them for ever."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

from tfp_dgm.data import DataError, shorten
from tfp_dgm.settings import Cluster

_GO = b"go\n"
_LONGEST = 2**20  # Bytes of a line.
_AGAIN = 0.2  # Seconds between two tries.


class LostWorkerError(ConnectionError):
    """A worker did not come, or has gone; the message says which where that is known."""


def meet(cluster: Cluster, seconds: float) -> None:
    """Ends when all workers have come, each at its own address, with the same cluster.

    Each tells the chief who it is; the chief lets them go together. The addresses are then free.

    Raises:
      LostWorkerError: if one has not come by then; names it.
      DataError: if the own address cannot be listened at, or a worker was told another cluster.
    """
    deadline = time.monotonic() + seconds
    with _listening(cluster) as listener:
        if cluster.is_chief:
            _wait_for_others(cluster, listener, deadline, seconds)
        else:
            _tell_chief(cluster, deadline, seconds)


def named(cluster: Cluster, index: int) -> str:
    """A worker, for messages."""
    return f"worker {index} ({cluster.addresses[index]})"


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[socket.socket]:
    port = int(cluster.own_address.rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        listener = socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise DataError(
            f"TF_CONFIG: expected port {port} to be free for {named(cluster, cluster.index)}: "
            f"{error.strerror}"
        ) from error
    with listener:
        yield listener


def _wait_for_others(
    cluster: Cluster, listener: socket.socket, deadline: float, seconds: float
) -> None:
    missing = set(range(1, len(cluster.addresses)))
    with contextlib.ExitStack() as connections:
        come = []
        while missing:
            left = deadline - time.monotonic()
            listener.settimeout(max(left, 0.001))
            try:
                connection, _ = listener.accept()
            except TimeoutError as error:
                raise _late(cluster, sorted(missing), seconds) from error
            connections.enter_context(connection)
            index, refusal = _introduced(cluster, connection, missing)
            if refusal is not None:
                with contextlib.suppress(OSError):
                    connection.sendall(refusal.encode() + b"\n")
                if index is not None:  # A worker, and not whoever else looks at ports.
                    raise DataError(f"TF_CONFIG: {refusal}")
                continue
            assert index is not None
            missing.discard(index)
            come.append(connection)
        for connection in come:
            with contextlib.suppress(OSError):  # Who has gone meanwhile is missed later.
                connection.sendall(_GO)


def _introduced(
    cluster: Cluster, connection: socket.socket, missing: set[int]
) -> tuple[int | None, str | None]:
    """Which worker a connection is from, and why it may not take part, or None."""
    connection.settimeout(5)
    try:
        told = json.loads(_line(connection))
        index, addresses = int(told["index"]), list(told["addresses"])
    except (OSError, ValueError, TypeError, KeyError):
        return None, "expected a worker of the training"
    if addresses != list(cluster.addresses):
        return index, (
            f"expected the same cluster in all workers; the chief has "
            f"{', '.join(cluster.addresses)}, a worker {shorten(addresses, 300)}"
        )
    if index not in missing:
        return index, f"expected one process of each worker; worker {index} came twice"
    return index, None


def _tell_chief(cluster: Cluster, deadline: float, seconds: float) -> None:
    host, _, port = cluster.addresses[0].rpartition(":")
    told = json.dumps({"index": cluster.index, "addresses": cluster.addresses}).encode()
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=left) as chief:
                chief.sendall(told + b"\n")
                answer = _line(chief)
        except OSError:
            answer = b""
        if answer == _GO:
            return
        if answer:
            raise DataError(f"TF_CONFIG: {answer.decode(errors='replace').strip()}")
        time.sleep(_AGAIN)
    raise _late(cluster, [0], seconds)


def _line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.readline(_LONGEST)


def _late(cluster: Cluster, missing: list[int], seconds: float) -> LostWorkerError:
    who = ", ".join(named(cluster, index) for index in missing)
    also = " or not all of the others" if missing == [0] else ""
    return LostWorkerError(
        f"TF_CONFIG: expected all {len(cluster.addresses)} workers within {seconds:g} seconds; "
        f"{who}{also} did not come"
    )
