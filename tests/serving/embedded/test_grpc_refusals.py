"""What gRPC refuses is the client's fault by its status, and leaves no traceback in the log."""

import logging
import socket
import time

import grpc
import pytest

from tfp_dgm.serving import EmbeddedServer, Limits

SERVICE = "/tensorflow.serving.PredictionService"


@pytest.fixture(scope="module")
def server(doubler):
    limits = Limits(seconds=1.0, idle_seconds=1.0)
    with EmbeddedServer(
        doubler, rest_port=None, grpc_port=0, limits=limits, reload_seconds=60
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "content", "status", "message"),
    [
        (f"{SERVICE}/Predict", b"\xff\xff\xff", "INVALID_ARGUMENT", "not a message"),
        (f"{SERVICE}/Classify", b"\x0a\x05", "INVALID_ARGUMENT", "not a message"),
        ("/grpc.health.v1.Health/Check", b"\xff", "INVALID_ARGUMENT", "not a message"),
        ("/grpc.health.v1.Health/Watch", b"\xff", "INVALID_ARGUMENT", "not a message"),
        (f"{SERVICE}/Regress", b"", "UNIMPLEMENTED", "Regress is not served"),
        (f"{SERVICE}/MultiInference", b"", "UNIMPLEMENTED", "MultiInference is not served"),
        (
            "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
            b"",
            "UNIMPLEMENTED",
            "HandleReloadConfigRequest is not served",
        ),
        (f"{SERVICE}/Nothing", b"", "UNIMPLEMENTED", "not found"),
    ],
)
def test_what_is_refused_has_its_status_and_no_traceback(
    server, caplog, method, content, status, message
):
    with caplog.at_level(logging.INFO), grpc.insecure_channel(_address(server)) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            list(channel.unary_stream(method)(content, timeout=10))
        assert caught.value.code().name == status
        assert message in caught.value.details()
        assert caplog.records == []
        (answer,) = channel.unary_stream("/grpc.health.v1.Health/Check")(b"", timeout=10)
        assert answer == b"\x08\x01"  # SERVING.


@pytest.mark.parametrize("sent", [b"", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_a_connection_that_says_too_little_is_closed(server, sent):
    with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=8) as connection:
        connection.sendall(sent)
        while connection.recv(1000):
            pass


@pytest.mark.slow
def test_a_channel_that_idles_is_closed_and_opens_again(server):
    with grpc.insecure_channel(_address(server)) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"", timeout=10) == b"\x08\x01"
        states = []
        channel.subscribe(states.append)
        for _ in range(80):
            if grpc.ChannelConnectivity.IDLE in states:
                break
            time.sleep(0.1)
        assert grpc.ChannelConnectivity.IDLE in states
        assert check(b"", timeout=10) == b"\x08\x01"


def _address(server):
    return f"127.0.0.1:{server.grpc_port}"
