"""Workers that meet before a training: all, or nobody trains. Without TensorFlow."""

import json
import socket
import threading
import time

import pytest

from tests.training.free_addresses import free_addresses
from tfp_dgm.data import DataError
from tfp_dgm.settings import Cluster
from tfp_dgm.training.meeting import LostWorkerError, meet


@pytest.fixture
def addresses():
    """Of three workers, at ports that are free."""
    return tuple(free_addresses(3))


def meeting(clusters, seconds=20.0, delays=None):
    """What came of each worker's meeting: None, or the error."""
    found = [None] * len(clusters)

    def run(place):
        time.sleep((delays or {}).get(place, 0))
        try:
            meet(clusters[place], seconds)
        except (ConnectionError, DataError) as error:
            found[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(clusters))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.parametrize("late", [0, 2])
def test_all_come_whoever_is_late(addresses, late):
    clusters = [Cluster(addresses, index) for index in range(3)]
    began = time.monotonic()
    assert meeting(clusters, delays={late: 0.6}) == [None] * 3
    assert time.monotonic() - began >= 0.6  # Nobody went before the last had come.


def test_who_does_not_come_is_named(addresses):
    clusters = [Cluster(addresses, index) for index in (0, 2)]
    chief, other = meeting(clusters, seconds=1.0)
    assert isinstance(chief, LostWorkerError)
    assert isinstance(other, LostWorkerError)
    assert f"worker 1 ({addresses[1]}) did not come" in str(chief)
    assert f"worker 0 ({addresses[0]}) or not all of the others did not come" in str(other)


def test_another_cluster_is_refused_on_both_sides(addresses):
    clusters = [Cluster(addresses[:2], 0), Cluster(addresses, 1)]
    for error in meeting(clusters):
        assert isinstance(error, DataError)
        assert "expected the same cluster in all workers" in str(error)
        assert addresses[2] in str(error)


def test_a_stranger_at_the_port_is_sent_away(addresses):
    clusters = [Cluster(addresses[:2], index) for index in range(2)]

    def knock():
        host, _, port = addresses[0].partition(":")
        for _ in range(100):
            try:
                with socket.create_connection((host, int(port)), timeout=5) as stranger:
                    stranger.sendall(b"GET / HTTP/1.1\n")
                    said.append(stranger.recv(100))
                return
            except OSError:
                time.sleep(0.05)

    said = []
    thread = threading.Thread(target=knock)
    thread.start()
    assert meeting(clusters, delays={1: 1.0}) == [None, None]
    thread.join(60)
    assert said == [b"expected a worker of the training\n"]


def test_one_worker_twice_is_refused(addresses):
    chief = Cluster(addresses, 0)
    found = []
    thread = threading.Thread(target=lambda: found.append(meeting([chief])))
    thread.start()
    host, _, port = addresses[0].partition(":")
    told = json.dumps({"index": 1, "addresses": addresses}).encode() + b"\n"
    connections = []
    while len(connections) < 2:
        try:
            connections.append(socket.create_connection((host, int(port)), timeout=20))
            connections[-1].sendall(told)
        except ConnectionRefusedError:
            time.sleep(0.05)
    thread.join(60)
    for connection in connections:
        connection.close()
    assert "worker 1 came twice" in str(found[0][0])


def test_a_port_that_is_taken_is_named(addresses):
    port = int(addresses[1].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(DataError) as error:
        meet(Cluster(addresses, 1), 5.0)
    assert f"expected port {port} to be free for worker 1 ({addresses[1]}): " in str(error.value)
