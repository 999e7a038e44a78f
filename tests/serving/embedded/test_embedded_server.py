import base64
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import grpc
import numpy as np
import pandas as pd
import pytest
import requests
import tensorflow as tf
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.serving.toys import Letters, Slow
from tfp_dgm.data import DataError
from tfp_dgm.serving import (
    Client,
    EmbeddedServer,
    Limits,
    RequestError,
    docker_command,
    export,
    model_server_command,
)
from tfp_dgm.serving.embedded.loaded_version import LoadedVersion
from tfp_dgm.serving.embedded.version_watcher import VersionWatcher

LIMITS = Limits(body_bytes=100_000, rows=50, seconds=4.0, waiting=500, connections=200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return export(
        Letters(), tmp_path_factory.mktemp("models") / "letters", batch_sizes=[1, 4]
    ).parent


@pytest.fixture(scope="module")
def server(folder):
    with EmbeddedServer(
        folder, rest_port=0, grpc_port=0, limits=LIMITS, reload_seconds=60
    ) as running:
        yield running


@pytest.fixture(scope="module")
def url(server):
    return f"http://127.0.0.1:{server.rest_port}/v1/models/letters"


def _client(server, protocol, **options):
    port = server.rest_port if protocol == "rest" else server.grpc_port
    return Client(f"127.0.0.1:{port}", "letters", protocol=protocol, **options)


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder / "1")).signatures


# The same requests as the export wrote them.


@pytest.mark.slow
def test_example_requests_are_answered_as_written(folder, url):
    examples = folder / "1/examples"
    names = sorted(path.name for path in examples.iterdir())
    assert names == [
        *("classify", "draw", "draw_finish"),
        *("serving_default", "serving_default_finish", "serving_default_prepare"),
    ]
    for request in examples.glob("*/rest*.json"):
        if request.stem.endswith("_answer"):
            continue
        method = "classify" if request.parent.name == "classify" else "predict"
        response = requests.post(f"{url}:{method}", data=request.read_bytes(), timeout=10)
        answer = json.loads(request.with_name(f"{request.stem}_answer.json").read_text())
        assert response.json() == _close_to(answer)


def _close_to(value):
    """Equal but for the last digits of numbers."""
    if isinstance(value, dict):
        return {key: _close_to(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_close_to(item) for item in value]
    return pytest.approx(value, abs=1e-5) if isinstance(value, float) else value


def test_grpc_examples_are_answered(folder, server, loaded):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        text = (folder / "1/examples/serving_default/grpc.pbtxt").read_text()
        request = text_format.Parse(text, predict_pb2.PredictRequest())
        answer = stub.Predict(request, timeout=10)
        expected = loaded["serving_default"](text=tf.constant(["abba"]))
        assert tf.make_ndarray(answer.outputs["label"]).tolist() == list(expected["label"].numpy())
        assert answer.model_spec.version.value == 1
        text = (folder / "1/examples/classify/grpc.pbtxt").read_text()
        request = text_format.Parse(text, classification_pb2.ClassificationRequest())
        (row,) = stub.Classify(request, timeout=10).result.classifications
        assert [found.label for found in row.classes] == ["low", "high"]


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_client_gets_the_models_answers(server, loaded, protocol):
    texts = ["abba", "head", "zzz", b"\xff\xfe broken", ""]
    with _client(server, protocol) as client:
        answer = client.predict({"text": texts})
        expected = loaded["serving_default"](text=tf.constant(texts))
        assert answer["label"].tolist() == expected["label"].numpy().tolist()
        np.testing.assert_allclose(
            answer["probabilities"], expected["probabilities"], rtol=0, atol=1e-6
        )
        assert answer["probabilities"].dtype == np.float32
        seeds = np.array([[1, 2], [3, 4], [5, 6]], np.int32)
        drawn = client.predict({"seed": seeds, "temperature": [1, 1, 1]}, "draw")
        twin = client.predict({"seed": seeds, "temperature": [1, 1, 1]}, "draw_xla")
        finished = client.predict(twin, "draw_finish")
        assert finished["letter"].tolist() == drawn["letter"].tolist()
        (row,) = client.classify([{"text": "abba"}])
        assert row["low"] == pytest.approx(float(expected["probabilities"][0, 0]), abs=1e-6)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_client_says_what_the_server_said(server, protocol):
    with _client(server, protocol) as client:
        with pytest.raises(RequestError, match=r"\['txt'\]") as caught:
            client.predict({"txt": ["a"]})
        assert caught.value.status == 400
        with pytest.raises(RequestError, match="no signature 'speak'"):
            client.predict({"text": ["a"]}, "speak")
        with pytest.raises(RequestError, match=r"none of the Classify|expected the inputs"):
            client.classify([{"text": "a"}], "serving_default")
    with (
        _client(server, protocol, version=7) as client,
        pytest.raises(RequestError, match="version 7 is not served; version 1 is") as caught,
    ):
        client.predict({"text": ["a"]})
    assert caught.value.status == 404


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"text": pd.Series(["a", None], dtype=object)}, "'text'[1]: .* received None"),
        ({"text": pd.Series(["a", None], dtype="string")}, "'text'[1]: .* received <NA>"),
        ({"text": [["a", "b"], ["c", 1.5]]}, "'text'[1, 1]: .* received 1.5"),
        ({"text": float("nan")}, "'text'[]: expected a string or bytes; received nan"),
        ({"temperature": [1.0, None]}, "'temperature'[1]: expected float32; received None"),
        ({"temperature": [1.0, "2"]}, "'temperature'[1]: expected float32; received '2'"),
        ({"temperature": [[1.0], []]}, "'temperature': expected float32: .*inhomogeneous"),
        ({"temperature": [1.0, np.nan]}, "'temperature'.*: expected finite numbers.*nan"),
        ({"seed": pd.DataFrame({0: [1, 3], 1: [2, None]})}, "'seed'[1, 1]: expected int32.*nan"),
        ({"seed": [[1, 2], [3.5, 4]]}, "'seed'[1, 0]: expected int32; received .*3.5"),
        ({"seed": [[1, 2], [3, 2**40]]}, "'seed'[1, 1]: expected int32; received .*1099511627776"),
    ],
)
def test_the_client_names_the_value_that_is_wrong(server, protocol, inputs, message):
    signature = "serving_default" if "text" in inputs else "draw"
    whole = {"seed": [[1, 2], [3, 4]], "temperature": [1, 1]} if signature == "draw" else {}
    pattern = message.replace("[", r"\[").replace("]", r"\]")
    with (
        _client(server, protocol) as client,
        pytest.raises(RequestError, match=pattern) as caught,
        warnings.catch_warnings(action="error"),
    ):
        client.predict(whole | inputs, signature)
    assert caught.value.status == 400


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [(None, "a string, bytes or a number; received None"), (np.nan, "finite numbers")],
)
def test_the_client_names_the_feature_that_is_wrong(server, protocol, value, problem):
    with (
        _client(server, protocol) as client,
        pytest.raises(
            RequestError, match=rf"examples\[1\]\['text'\]: expected {problem}"
        ) as caught,
    ):
        client.classify([{"text": "a"}, {"text": value}])
    assert caught.value.status == 400


def test_an_address_that_is_none_is_named():
    with (
        Client("localhost:none", "letters") as client,
        pytest.raises(RequestError, match="no answer from http://localhost:none/v1/models/letters"),
    ):
        client.predict({"text": ["a"]})


def test_status_metadata_health_and_metrics(server, url):
    status = requests.get(url, timeout=10).json()
    assert status == {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    assert requests.get(f"{url}/versions/1", timeout=10).json() == status
    assert requests.get(f"{url}/versions/2", timeout=10).status_code == 404
    found = requests.get(f"{url}/metadata", timeout=10).json()
    signature = found["metadata"]["signature_def"]["signature_def"]["draw"]
    assert signature["inputs"]["seed"]["tensor_shape"]["dim"] == [{"size": "-1"}, {"size": "2"}]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "letters"
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        (version,) = stub.GetModelStatus(request, timeout=10).model_version_status
        assert (version.version, version.state) == (1, version.AVAILABLE)
    root = url.removesuffix("/v1/models/letters")
    before = _count(root)
    requests.post(f"{url}:predict", json={"instances": ["a"]}, timeout=10)
    assert _count(root) == before + 1


def _count(root):
    text = requests.get(f"{root}/monitoring/prometheus/metrics", timeout=10).text
    pattern = r'dgm_requests_total{method="predict",protocol="rest",status="200"} (\S+)'
    return float(re.search(pattern, text)[1])


# Hostile input: each gets its documented answer, and the server goes on.


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b'{"instances": [' * 5_000, 400, "not JSON"),
        (b"[" * 90_000, 400, "not JSON"),
        ({"instances": []}, 400, "at least one row"),
        ({"instances": [{}]}, 400, "missing keys ['text']"),
        ({"instances": [{"text": 1}]}, 400, "'text': expected a string"),
        ({"instances": [["a"], ["b"]]}, 400, "expected the shape [B]; received [2, 1]"),
        ({"instances": ["a"] * 51}, 400, "expected 1 to 50 rows; received 51"),
        ({"instances": ["a"], "signature": "draw"}, 400, "unknown keys ['signature']; expected"),
        (
            {"instances": ["a"], "signature": "draw"},
            400,
            "expected ['inputs', 'instances', 'signature_name']",
        ),
        ({"instances": ["a"], "signature_name": "no"}, 400, "no signature 'no'"),
        (
            b'{"signature_name": "draw", "inputs": {"seed": [[1, 2]], "temperature": [NaN]}}',
            400,
            "'temperature': expected finite numbers; nan at [0]",
        ),
        (
            b'{"signature_name": "draw", "inputs": {"seed": [[1, 2]], "temperature": [1e99]}}',
            400,
            "'temperature': expected finite numbers; inf at [0]",
        ),
        (
            {"signature_name": "draw", "inputs": {"seed": [[1, 2, 3]], "temperature": [1]}},
            400,
            "'seed': expected the shape [B, 2]; received [1, 3]",
        ),
        (
            {"signature_name": "draw", "inputs": {"seed": [[1, 2]], "temperature": [1, 2]}},
            400,
            "as many rows in every input; received [1, 2]",
        ),
        (b'{"instances": ["' + b"a" * 100_001 + b'"]}', 413, "larger than 100000 bytes"),
    ],
)
def test_bad_requests_are_answered_with_what_was_wrong(url, body, status, message):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = requests.post(f"{url}:predict", data=content, timeout=10)
    assert response.status_code == status
    assert message in response.json()["error"]


def test_a_broken_example_is_the_clients_fault(url):
    body = {"signature_name": "classify", "inputs": [{"b64": base64.b64encode(b"junk").decode()}]}
    response = requests.post(f"{url}:predict", json=body, timeout=10)
    assert response.status_code == 400
    assert "Feature: text" in response.json()["error"]


def test_numbers_that_are_not_finite_are_refused_in_examples(server, url):
    body = b'{"signature_name": "classify", "examples": [{"text": "a", "x": [0.5, NaN]}]}'
    response = requests.post(f"{url}:classify", data=body, timeout=10)
    assert response.status_code == 400
    assert response.json() == {"error": "examples[0]['x']: expected finite numbers"}
    with (
        _client(server, "grpc") as client,
        pytest.raises(RequestError, match=r"examples\[1\]\['x'\]: expected finite") as caught,
    ):
        client.classify([{"text": "a"}, {"text": "a", "x": float("inf")}])
    assert caught.value.status == 400


def test_an_endless_body_is_cut_off(url):
    def endless():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            yield b" " * 10_000

    try:
        response = requests.post(f"{url}:predict", data=endless(), timeout=10)
        assert response.status_code == 413
    except requests.ConnectionError:
        pass  # The answer came while the client still wrote, and the connection was closed.
    _still_answers(url)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v1/models/letters/versions/9:predict", 404),
        ("POST", "/v1/models/letters/versions/x:predict", 404),
        ("POST", "/v1/models/letters:regress", 405),
        ("DELETE", "/v1/models/letters", 405),
        ("GET", "/../../etc/passwd", 404),
    ],
)
def test_other_paths_are_none(server, method, path, status):
    response = requests.request(
        method,
        f"http://127.0.0.1:{server.rest_port}{path}",
        json={"instances": ["a"]} if method == "POST" else None,
        timeout=10,
    )
    assert response.status_code == status
    assert "error" in response.json()


def _still_answers(url):
    response = requests.post(f"{url}:predict", json={"instances": ["abba"]}, timeout=10)
    assert response.status_code == 200, response.text


def test_what_is_no_http_is_refused(server, url):
    for port in (server.rest_port, server.grpc_port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(os.urandom(2000) + b"\r\n\r\n")
            with_answer = connection.recv(1000)
        assert with_answer == b"" or b"400" in with_answer or port == server.grpc_port
    _still_answers(url)


@pytest.mark.slow
def test_a_body_that_does_not_come_is_given_up(server, url):
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=10) as connection:
        head = "POST /v1/models/letters:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
        connection.sendall(head.encode())
        start = time.monotonic()
        assert b"408" in connection.recv(1000).split(b"\r\n")[0]
        assert 3 < time.monotonic() - start < 9
    _still_answers(url)


def test_two_thousand_connections_do_no_harm(server, url):
    address = ("127.0.0.1", server.rest_port)
    idle = []
    try:
        for _ in range(20):
            idle += [socket.create_connection(address, timeout=10) for _ in range(100)]
            time.sleep(0.01)
            _still_answers(url)
            assert requests.get(url, timeout=10).status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_grpc_refuses_what_is_wrong(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def code_of(request):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Predict(request, timeout=10)
            return caught.value.code().name

        request = predict_pb2.PredictRequest()
        assert code_of(request) == "NOT_FOUND"
        request.model_spec.name = "letters"
        assert code_of(request) == "INVALID_ARGUMENT"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(["a"]))
        request.output_filter.append("nothing")
        assert code_of(request) == "INVALID_ARGUMENT"
        request.ClearField("output_filter")
        request.inputs["text"].tensor_shape.dim[0].size = 10**9
        assert code_of(request) == "INVALID_ARGUMENT"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(["a" * 100_000]))
        assert code_of(request) == "RESOURCE_EXHAUSTED"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto([1.0]))
        assert code_of(request) == "INVALID_ARGUMENT"
        noisy = predict_pb2.PredictRequest()
        noisy.model_spec.name, noisy.model_spec.signature_name = "letters", "draw"
        noisy.inputs["seed"].CopyFrom(tf.make_tensor_proto([[1, 2]]))
        noisy.inputs["temperature"].CopyFrom(tf.make_tensor_proto([float("nan")]))
        assert code_of(noisy) == "INVALID_ARGUMENT"
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(["a"]))
        assert (
            stub.Predict(request, timeout=10).outputs["label"].dtype == tf.string.as_datatype_enum
        )


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_many_at_once_get_their_own_answers(server, loaded, protocol):
    letters = "abcdefgh"
    texts = [letters[i % 8] * (i % 5 + 1) for i in range(300)]
    expected = loaded["serving_default"](text=tf.constant(texts))["probabilities"].numpy()
    with _client(server, protocol) as client:
        client.predict({"text": ["a"]})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda text: client.predict({"text": [text]}), texts))
    found = np.concatenate([answer["probabilities"] for answer in answers])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


# Versions come and go.


@pytest.mark.slow
def test_a_newer_version_takes_over_and_no_request_is_lost(tmp_path, monkeypatch):
    export(Letters(), tmp_path / "letters", batch_sizes=[1, 4])
    with EmbeddedServer(
        tmp_path / "letters", rest_port=0, grpc_port=None, reload_seconds=0.05
    ) as server:
        url = f"http://127.0.0.1:{server.rest_port}/v1/models/letters"
        stopped, statuses = threading.Event(), []

        def ask():
            with requests.Session() as session:
                while not stopped.is_set():
                    response = session.post(
                        f"{url}:predict", json={"instances": ["abba"]}, timeout=10
                    )
                    statuses.append((response.status_code, response.json()["predictions"][0]))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        before = len(statuses)
        shutil.copytree(tmp_path / "letters/1", tmp_path / "letters/.2.tmp")
        (tmp_path / "letters/.2.tmp").rename(tmp_path / "letters/2")
        # A version that cannot be loaded changes nothing.
        (tmp_path / "letters/.3.tmp").mkdir()
        (tmp_path / "letters/.3.tmp/saved_model.pb").write_bytes(b"no model")
        _until(lambda: server.versions.current.version == 2)
        (tmp_path / "letters/.3.tmp").rename(tmp_path / "letters/3")
        _until(lambda: 3 in server.versions.failed)
        after = len(statuses)
        _until(lambda: len(statuses) > after + 5)
        stopped.set()
        for thread in threads:
            thread.join()
        assert after > before
        assert {status for status, _ in statuses} == {200}
        assert len({answer["label"] for _, answer in statuses}) == 1
        states = requests.get(url, timeout=10).json()["model_version_status"]
        assert [(state["version"], state["state"]) for state in states] == [
            ("2", "AVAILABLE"),
            ("3", "END"),
        ]


@pytest.mark.slow
def test_a_version_that_is_still_being_copied_is_tried_again(folder, tmp_path):
    shutil.copytree(folder / "1", tmp_path / "letters/1")
    attempts = []

    def load(version):
        attempts.append(version.name)
        return LoadedVersion(version)

    watcher = VersionWatcher(tmp_path / "letters", load, seconds=60)
    try:
        copy = tmp_path / "letters/2"
        copy.mkdir()
        shutil.copy(folder / "1/saved_model.pb", copy)
        watcher.refresh()
        assert list(watcher.failed) == [2]
        watcher.refresh()
        assert attempts == ["1", "2"]  # Nothing has changed.
        shutil.copytree(folder / "1/variables", copy / "variables")
        watcher.refresh()
        assert (watcher.current.version, watcher.failed) == (2, {})
        watcher.refresh()
        assert attempts == ["1", "2", "2"]
    finally:
        watcher.stop()


def _until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return export(Slow(), tmp_path_factory.mktemp("models") / "slow", batch_sizes=[1]).parent


def test_a_late_answer_is_given_up(slow):
    server = EmbeddedServer(slow, rest_port=0, grpc_port=0, limits=Limits(seconds=0.3))
    server.start()
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/slow"
    with Client(f"127.0.0.1:{server.grpc_port}", "slow", protocol="grpc") as client:
        with pytest.raises(RequestError, match="in time") as caught:
            client.predict({"rounds": [200_000]})
        assert caught.value.status == 504
    response = requests.post(f"{url}:predict", json={"instances": [200_000]}, timeout=20)
    assert response.status_code == 504
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


def _is_running(metrics):
    """Whether a first batch has begun."""
    return 'dgm_batch_rows_count{signature="serving_default"} 1.0' in metrics


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["rest", pytest.param("grpc", marks=pytest.mark.slow)])
def test_a_stop_waits_for_what_is_in_hand(slow, protocol):
    server = EmbeddedServer(slow, rest_port=0, grpc_port=0)
    server.start()
    port = server.rest_port if protocol == "rest" else server.grpc_port
    with (
        Client(f"127.0.0.1:{port}", "slow", protocol=protocol) as client,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(client.predict, {"rounds": [150_000]})
        _until(lambda: _is_running(server.metrics.text(1).decode()))
        server.stop()
        assert answer.result()["total"].tolist() == [150_000.0]


SERVE = "from tfp_dgm_apps.cli import main; main()"


@pytest.mark.slow
def test_sigterm_in_mid_request_is_answered_first(slow):
    command = [sys.executable, "-c", SERVE, "serve", str(slow)]
    command += ["--embedded", "--rest-port", "0", "--grpc-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = re.search(r"REST (\S+),", line)[1]
            metrics = f"{url.removesuffix('/v1/models/slow')}/monitoring/prometheus/metrics"
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                body = {"instances": [150_000]}
                answer = pool.submit(requests.post, f"{url}:predict", json=body, timeout=60)
                _until(lambda: _is_running(requests.get(metrics, timeout=10).text))
                process.send_signal(signal.SIGTERM)
                response = answer.result()
            assert response.status_code == 200
            assert response.json() == {"predictions": [150_000.0]}
            assert process.wait(40) == 0
        finally:
            process.kill()


# The commands.


@pytest.fixture
def started(tmp_path, monkeypatch):
    """What is started of TensorFlow's server, for which a file on the path stands in."""
    program = tmp_path / "tensorflow_model_server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    calls = []
    monkeypatch.setattr(os, "execv", lambda *arguments: calls.append(arguments) or sys.exit(0))
    return calls


def test_docker_command_and_model_server(folder, tmp_path, started):
    result = CliRunner().invoke(app, ["serve", str(folder), "--docker-command", "--xla"])
    words = result.output.split()
    assert words[:3] == ["docker", "run", "--rm"]
    assert "127.0.0.1:8501:8501" in words
    assert "--batching_parameters_file=/models/letters/1/batching_params.pbtxt" in words
    assert "--xla_cpu_compilation_enabled=true" in words
    CliRunner().invoke(app, ["serve", str(folder), "--rest-port", "9001"])
    ((path, command),) = started
    assert path == command[0] == str(tmp_path / "tensorflow_model_server")
    assert command[1:5] == [
        *("--port=8500", "--rest_api_port=9001", "--model_name=letters"),
        f"--model_base_path={folder}",
    ]


@pytest.mark.parametrize("option", ["--rest-port", "--grpc-port"])
def test_tensorflows_server_takes_no_free_port(folder, started, option):
    result = CliRunner().invoke(app, ["serve", str(folder), option, "0"])
    assert (result.exit_code, started) == (2, [])
    assert f"{option}: expected 1 to 65535; received 0: TensorFlow's server" in result.output


def test_the_folder_of_a_version_has_no_model_server(folder):
    # The server would take it for the model's folder, and the version's number for its name.
    for command in (docker_command, model_server_command):
        with pytest.raises(DataError, match=r"letters/1: expected folders of versions 1, 2"):
            command(folder / "1")
    result = CliRunner().invoke(app, ["serve", str(folder / "1"), "--docker-command"])
    assert result.exit_code == 2
    assert "letters/1: expected folders of versions 1, 2, ...; found none" in result.output


def test_what_cannot_be_served_is_said(tmp_path):
    with pytest.raises(DataError, match="expected a folder with versions"):
        EmbeddedServer(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"expected folders of versions 1, 2, \.\.\.; found none"):
        EmbeddedServer(tmp_path, rest_port=0, grpc_port=0).start()
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").write_bytes(b"no model")
    with pytest.raises(DataError, match="1: cannot be loaded"):
        EmbeddedServer(tmp_path, rest_port=0, grpc_port=0).start()


def _bound(port):
    """Takes a port, or raises OSError."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        return taken.getsockname()[1]


@pytest.mark.parametrize("protocol", ["REST", "gRPC"])
def test_a_port_that_is_taken_is_named_before_the_model_is_loaded(tmp_path, server, protocol):
    taken, mine = {"REST": "rest_port", "gRPC": "grpc_port"}[protocol], _bound(0)
    ports = {"rest_port": mine, "grpc_port": mine, taken: getattr(server, taken)}
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").write_bytes(b"no model")
    message = rf"cannot listen on 127.0.0.1:{ports[taken]} \({protocol}\)"
    with pytest.raises(OSError, match=message):
        EmbeddedServer(tmp_path, **ports).start()
    assert _bound(mine) == mine


def test_a_model_that_cannot_be_loaded_leaves_the_ports_free(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").write_bytes(b"no model")
    server = EmbeddedServer(tmp_path, rest_port=0, grpc_port=0)
    with pytest.raises(DataError, match="1: cannot be loaded"):
        server.start()
    server.stop()
    for port in (server.rest_port, server.grpc_port):
        assert port
        assert _bound(port) == port
