"""Connections that send nothing, half of something, too much, or at the wrong moment."""

import contextlib
import json
import socket
import threading
import time
from urllib.parse import quote

import pytest
import requests

from tfp_dgm.serving import Client, EmbeddedServer, Limits
from tfp_dgm.serving.embedded import bounded_protocol

BODY = b'{"instances": [1.5]}'


@contextlib.contextmanager
def _serving(folder, **limits):
    with EmbeddedServer(
        folder, rest_port=0, grpc_port=None, limits=Limits(**limits), reload_seconds=60
    ) as server:
        yield server, f"http://127.0.0.1:{server.rest_port}/v1/models/{quote(folder.name)}"


def _connect(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), timeout=10)


def _request(server, body=BODY, *, length=None, ending=":predict"):
    path = f"/v1/models/{quote(server.name)}{ending}"
    length = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + body


def _all_of(connection):
    """What comes until the other side closes; a reset is an error."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def _answer(connection):
    """Status, headers and content of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (part := connection.recv(65_536))
        assert part
    head, content = received.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    while len(content) < int(headers["content-length"]):
        content += connection.recv(65_536)
    return int(status.split()[1]), headers, json.loads(content)


def test_the_client_quotes_a_models_name(doubler):
    with _serving(doubler) as (server, _):
        for version in (None, 1):
            with Client(f"127.0.0.1:{server.rest_port}", doubler.name, version=version) as client:
                assert client.predict({"x": [1.5]})["y"].tolist() == [3.0]


@pytest.mark.parametrize("answered", [False, True])
def test_a_connection_without_a_request_is_closed(doubler, answered):
    with _serving(doubler, idle_seconds=1) as (server, _), _connect(server) as connection:
        if answered:
            connection.sendall(_request(server))
            assert _answer(connection)[0] == 200
        start = time.monotonic()
        assert _all_of(connection) == b""
        assert 0.7 < time.monotonic() - start < 5


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("trickles", [False, True])
def test_a_header_that_does_not_end_is_given_up(doubler, answered, trickles):
    with _serving(doubler, seconds=1.0) as (server, _), _connect(server) as connection:
        if answered:
            connection.sendall(_request(server))
            assert _answer(connection)[0] == 200
        start = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        if trickles:
            for _ in range(4):
                time.sleep(0.1)
                connection.sendall(b"x")
        status, headers, content = _answer(connection)
        assert (status, headers["connection"]) == (408, "close")
        assert content == {"error": "the header did not come within 1 s"}
        assert _all_of(connection) == b""
        assert 0.7 < time.monotonic() - start < 5


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nX: "])
def test_where_too_many_connections_are_open_the_longest_idle_makes_room(doubler, sent):
    with contextlib.ExitStack() as stack:
        server, url = stack.enter_context(_serving(doubler, connections=5))
        session = stack.enter_context(requests.Session())
        assert session.post(f"{url}:predict", data=BODY, timeout=10).ok
        opened = []
        for _ in range(20):
            opened.append(stack.enter_context(_connect(server)))
            opened[-1].sendall(sent)
            time.sleep(0.01)
        assert requests.get(url, timeout=10).status_code == 200
        assert requests.post(f"{url}:predict", data=BODY, timeout=10).status_code == 200
        assert session.post(f"{url}:predict", data=BODY, timeout=10).ok  # Over a new connection.
        opened[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            opened[-1].recv(1)
        assert [connection.recv(1) for connection in opened[:15]] == [b""] * 15


def test_requests_in_hand_are_bounded_and_status_is_still_answered(doubler):
    with contextlib.ExitStack() as stack:
        server, url = stack.enter_context(_serving(doubler, waiting=3, connections=9))
        for _ in range(3):
            stack.enter_context(_connect(server)).sendall(_request(server, length=100))
        ends = time.monotonic() + 30
        while time.monotonic() < ends:  # Until the three are in hand.
            response = requests.post(f"{url}:predict", data=BODY, timeout=10)
            if response.status_code != 200:
                break
        assert response.status_code == 503
        assert response.json() == {"error": "too many requests are in hand; try again"}
        assert requests.get(url, timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("ending", "status"), [(":predict", 413), (":regress", 405), ("/nowhere", 404)]
)
def test_the_answer_to_a_body_that_is_not_wanted_can_be_read(doubler, ending, status):
    body = b" " * 8_000_000  # More than the system's buffers hold.
    with _serving(doubler, body_bytes=1000) as (server, _), _connect(server) as connection:
        connection.sendall(_request(server, body, ending=ending))
        found, headers, content = _answer(connection)
        assert (found, headers["connection"]) == (status, "close")
        assert "error" in content
        assert _all_of(connection) == b""


def test_a_body_that_is_not_wanted_is_not_read_for_ever(doubler):
    limits = {"body_bytes": 1000, "discarded_bytes": 1_000_000}
    with _serving(doubler, **limits) as (server, _), _connect(server) as connection:
        connection.sendall(_request(server, length=10**12))
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                connection.sendall(b" " * 100_000)


def test_who_waits_to_continue_sends_no_body(doubler):
    with _serving(doubler, body_bytes=1000) as (server, _), _connect(server) as connection:
        head = _request(server, b"", length=60_000_000)
        connection.sendall(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert _answer(connection)[0] == 413


def test_a_stop_answers_what_was_just_sent(doubler, monkeypatch):
    monkeypatch.setattr(bounded_protocol, "_LAST_REQUESTS", 5.0)
    with _serving(doubler) as (server, _), _connect(server) as connection:
        connection.sendall(_request(server))
        status, headers, _ = _answer(connection)
        assert (status, "connection" in headers) == (200, False)
        stop = threading.Thread(target=server.stop)
        stop.start()
        time.sleep(0.25)
        connection.sendall(_request(server))
        status, headers, content = _answer(connection)
        assert (status, headers["connection"]) == (200, "close")
        assert content == {"predictions": [3.0]}
        assert _all_of(connection) == b""
        stop.join(4)
        assert not stop.is_alive()


def test_a_stop_under_load_breaks_no_connection(doubler):
    statuses, last, begun = [], [], threading.Barrier(5)

    def ask(url):
        with requests.Session() as session:
            begun.wait()
            while True:
                response = session.post(f"{url}:predict", data=BODY, timeout=10)
                statuses.append(response.status_code)
                if response.headers.get("connection") == "close":
                    last.append(response.json())
                    return

    with _serving(doubler) as (_, url):
        threads = [threading.Thread(target=ask, args=[url]) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        time.sleep(0.3)
    for thread in threads:
        thread.join(10)
    assert last == [{"predictions": [3.0]}] * 4
    assert set(statuses) == {200}
