import importlib
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.models import hierarchical_toys
from tests.serving.toys import Letters
from tfp_dgm.data import DataError
from tfp_dgm.models import Signature
from tfp_dgm.serving import check, export
from tfp_dgm.serving.checks import accelerators, saved_model_runner
from tfp_dgm.serving.operations import TEXT_OPERATIONS, meta_graph, text_libraries
from tfp_dgm.serving.signatures.signatures_of import signatures_of

# The modules; their names in the package are those of the functions.
CHECK = importlib.import_module("tfp_dgm.serving.checks.check")
EXPORT = importlib.import_module("tfp_dgm.serving.exporting")
NUMBER = tf.TensorSpec([None], tf.float32)
GRAPH_ROWS = (
    "signatures and shapes",
    "operations a stock server links",
    "random numbers come of seeds",
    "plain signatures need no XLA",
    "recordings cover every size",
)
RUN_ROWS = ("recorded answers, fresh process", "plain against XLA", "warm-up replayed")


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    return export(Letters(), tmp_path_factory.mktemp("models") / "letters", batch_sizes=[1, 3])


@pytest.fixture
def without_refusal(monkeypatch):
    monkeypatch.setattr(EXPORT, "_refuse_what_cannot_be_served", lambda folder: None)


@pytest.fixture
def no_cpp(monkeypatch, tmp_path):
    monkeypatch.setattr(CHECK, "runner_path", lambda: tmp_path / "not built")


def _outcomes(folder, rows=None):
    found = {}
    for verdict in check(folder, aot_python="/no/such/python"):
        found[verdict.check] = verdict
        if rows is not None and set(rows) <= set(found):
            break
    return found


def _rewrite(path, change):
    """Changes the records of a file, or drops those for which `change` gives False."""
    records = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            if change(record) is not False:
                writer.write(record.SerializeToString())


@pytest.mark.slow
def test_a_good_model_passes_and_what_is_missing_is_said(letters, no_cpp):
    found = _outcomes(letters.parent)
    for row in (*GRAPH_ROWS, *RUN_ROWS):
        assert found[row].outcome == "passed", found[row]
    cpp = found["C++, the loader of TF Serving"]
    assert (cpp.outcome, "`build=True` builds it" in cpp.detail) == ("not checked", True)
    tpu = found["compiles for TPU v5e"]
    assert (tpu.outcome, tpu.detail[:26]) == ("not checked", "missing: /no/such/python (")


@pytest.mark.slow
def test_a_model_of_images_with_layers_of_latents_passes(tmp_path, no_cpp):
    """Quicker: `test_a_good_model_passes_and_what_is_missing_is_said`."""
    model = hierarchical_toys.randomized(hierarchical_toys.gaussian())
    chosen = {"serving_default": signatures_of(model)["score"]}
    folder = export(model, tmp_path / "images", batch_sizes=[2], signatures=chosen)
    found = _outcomes(folder, (*GRAPH_ROWS, *RUN_ROWS))
    for row in (*GRAPH_ROWS, *RUN_ROWS):
        assert found[row].outcome == "passed", found[row]
    assert "serving_default_xla" in meta_graph(folder).signature_def


class Broken(Letters):
    """Shows another answer under XLA, and draws what no seed decides."""

    def body(self, x):
        return {"y": x + 1}

    def unseeded(self, x):
        return {"y": x + tf.random.normal(tf.shape(x))}

    def jitted(self, x):
        return {"y": tf.function(tf.square, jit_compile=True)(x)}

    def python(self, x):
        return {"y": tf.ensure_shape(tf.numpy_function(np.square, [x], tf.float32), [None])}

    def scalar(self, x):
        return {"y": tf.reduce_sum(x)}

    def serving_signatures(self):
        names = {"unseeded": False, "jitted": False, "python": False, "scalar": False}
        return {
            name: Signature(
                inputs={"x": NUMBER}, body=getattr(self, body), examples={"x": [1.5]}, xla=xla
            )
            for name, body, xla in [
                ("serving_default", "body", True),
                *((name, name, xla) for name, xla in names.items()),
            ]
        }


@pytest.mark.slow
def test_each_check_fails_on_a_model_broken_on_purpose(tmp_path, without_refusal, monkeypatch):
    twin = Signature.twin

    def other_twin(self):
        return twin(
            Signature(inputs=self.inputs, body=lambda x: {"y": x + 1.001}, examples=self.examples)
        )

    monkeypatch.setattr(Signature, "twin", other_twin)
    folder = export(Broken(), tmp_path / "broken", batch_sizes=[1, 2])
    recorded = folder / "assets.extra/recorded_predictions"

    def lose_one(record):
        request = record.predict_log.request
        sizes = [proto.tensor_shape.dim[0].size for proto in request.inputs.values()]
        return request.model_spec.signature_name != "python" or sizes != [2]

    _rewrite(recorded, lose_one)
    found = _outcomes(folder, RUN_ROWS)
    for row, words in {
        "signatures and shapes": "scalar: output 'y' has no batch as dim 0",
        "operations a stock server links": "PyFunc (",
        "random numbers come of seeds": "RandomStandardNormal (",
        "plain signatures need no XLA": "compiled functions in jitted",
        "recordings cover every size": "lacks python at batch 2",
        "recorded answers, fresh process": "serving_default_xla at 1: y[0]: expected",
        "plain against XLA": "serving_default at 1: y[0]: expected",
        "warm-up replayed": "python at 1: InvalidArgumentError",
    }.items():
        assert found[row].outcome == "failed", found[row]
        assert words in found[row].detail


@pytest.mark.slow
def test_a_compiled_default_fails_here_and_in_a_server_without_xla(tmp_path, without_refusal):
    class Jitted(Broken):
        def serving_signatures(self):
            signature = super().serving_signatures()["jitted"]
            return {"serving_default": signature}

    folder = export(Jitted(), tmp_path / "jitted", batch_sizes=[1])
    found = _outcomes(folder, GRAPH_ROWS)["plain signatures need no XLA"]
    assert (found.outcome, found.detail) == ("failed", "compiled functions in serving_default")
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing: no C++ loader")
    (answer,) = saved_model_runner.run_in_cpp(
        saved_model_runner.build_runner(),
        folder,
        [("serving_default", {"x": np.ones([1], np.float32)})],
        xla=False,
    )
    assert "XLA compilation disabled" in answer.problem


@pytest.mark.slow
def test_a_wrong_recorded_output_and_a_stateful_sampler_fail(tmp_path, without_refusal):
    class Sampler(Broken):
        def serving_signatures(self):
            every = super().serving_signatures()
            return {name: every[name] for name in ("serving_default", "unseeded")}

    folder = export(Sampler(), tmp_path / "sampler", batch_sizes=[1])
    row = "recorded answers, fresh process"
    # The first draw of a new process may be the same; the second is not.
    found = _outcomes(folder, [row])[row]
    assert found.outcome == "failed"
    assert re.match(r"unseeded at 1: (asked twice, )?y\[0\]: expected", found.detail)

    def falsify(record):
        if record.predict_log.request.model_spec.signature_name == "serving_default":
            record.predict_log.response.outputs["y"].float_val[:] = [2.50005]

    def only_default(record):
        return record.predict_log.request.model_spec.signature_name == "serving_default"

    recorded = folder / "assets.extra/recorded_predictions"
    _rewrite(recorded, only_default)
    _rewrite(recorded, falsify)
    # As the fresh process does, in this one.
    problems = [verdict["problem"] for verdict in CHECK.replay.replay(folder)]
    wrong = "y[0]: expected np.float32(2.50005); received np.float32(2.5)"
    assert any(problem is not None and wrong in problem for problem in problems)


def test_a_model_without_recordings_is_not_said_to_answer(tmp_path, letters, no_cpp):
    folder = tmp_path / "bare"
    shutil.copytree(letters, folder)
    shutil.rmtree(folder / "assets.extra")
    found = _outcomes(folder)
    assert found["recordings cover every size"].outcome == "failed"
    for row in (*RUN_ROWS, "C++, the loader of TF Serving"):
        assert found[row].outcome == "not checked"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_cpp_meets_the_recorded_answers_and_sees_wrong_ones(letters, tmp_path):
    row = "C++, the loader of TF Serving"
    saved_model_runner.build_runner()
    assert _outcomes(letters, [row])[row].outcome == "passed"
    copy = tmp_path / "1"
    shutil.copytree(letters, copy)

    def falsify(record):
        outputs = record.predict_log.response.outputs
        if "label" in outputs:
            outputs["label"].string_val[0] = b"middle"

    _rewrite(copy / "assets.extra/recorded_predictions", falsify)
    found = _outcomes(copy, [row])[row]
    assert found.outcome == "failed"
    assert "label[0]: expected b'middle'; received b'" in found.detail
    # A stock server has XLA off: the twin must not answer there.
    (answer,) = saved_model_runner.run_in_cpp(
        saved_model_runner.runner_path(),
        letters,
        [("serving_default_xla", {"token_ids": np.zeros([1, 12], np.int32)})],
        xla=False,
    )
    assert "XLA compilation disabled" in answer.problem


def test_each_installed_tensorflow_has_its_own_program(tmp_path, monkeypatch):
    before = saved_model_runner.runner_path()
    monkeypatch.setattr(tf.sysconfig, "get_lib", lambda: str(tmp_path / "other/tensorflow"))
    assert saved_model_runner.runner_path() != before


def test_the_program_can_be_run_from_the_moment_it_appears(tmp_path, monkeypatch):
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    compiler = tmp_path / "compiler"  # Writes a program to what follows -o.
    compiler.write_text(
        '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "#!/bin/sh" > "$2"\n'
    )
    compiler.chmod(0o755)
    replace, runnable = os.replace, []

    def appear(source, target):
        runnable.append(os.access(source, os.X_OK))
        replace(source, target)

    monkeypatch.setattr(os, "replace", appear)
    program = saved_model_runner.build_runner(compiler=str(compiler))
    assert runnable == [True]
    assert subprocess.run([program]).returncode == 0


@pytest.mark.slow
def test_a_damaged_recording_fails_and_every_verdict_is_kept(letters, tmp_path, monkeypatch):
    copy = tmp_path / "1"
    shutil.copytree(letters, copy)
    recorded = copy / "assets.extra/recorded_predictions"
    content = bytearray(recorded.read_bytes())
    content[len(content) // 2] ^= 1
    recorded.write_bytes(content)
    monkeypatch.setattr(CHECK, "build_runner", lambda: sys.executable)
    found = {verdict.check: verdict for verdict in check(copy, build=True, aot_python="/no/such")}
    for row in ("recordings cover every size", "C++, the loader of TF Serving"):
        assert found[row].outcome == "failed"
        message = r"assets.extra/recorded_predictions: corrupted record at \d+"
        assert re.fullmatch(message, found[row].detail), found[row]
    assert [found[row].outcome for row in RUN_ROWS] == ["failed"] * 3
    assert "corrupted record at" in found[RUN_ROWS[0]].detail
    assert found["compiles for H100"].outcome == "not checked"


def test_damaged_weights_fail_the_compilers(letters, tmp_path, monkeypatch):
    copy = tmp_path / "1"
    shutil.copytree(letters, copy)
    index = copy / "variables/variables.index"
    index.write_bytes(index.read_bytes()[:-8] + b"no magic")
    monkeypatch.setattr(CHECK, "missing_tools", lambda *_: [])
    for name in ("TPU v5e", "H100"):
        verdict = CHECK._compiled(copy, name, sys.executable)
        assert verdict.outcome == "failed"
        assert "not an sstable" in verdict.detail


@pytest.mark.slow
def test_what_does_not_end_in_time_fails(letters, tmp_path, monkeypatch, no_cpp):
    endless = tmp_path / "endless.py"
    endless.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(CHECK.replay, "__file__", str(endless))
    monkeypatch.setattr(CHECK, "_TIMEOUT", 1)
    monkeypatch.setattr(CHECK, "missing_tools", lambda *_: [])
    monkeypatch.setattr(accelerators, "_SCRIPT", endless)
    monkeypatch.setattr(accelerators, "_TIMEOUT", 1)
    monkeypatch.setattr(accelerators, "_stable_hlo", lambda *_: tmp_path / "module")
    told = []
    found = {}
    for verdict in check(letters, progress=lambda *step: told.append(step)):
        assert told[-1][1:] == (0, 1)  # Named before it is run.
        found[verdict.check] = verdict
    assert len(found) == len(GRAPH_ROWS) + len(RUN_ROWS) + 3
    begun, ended = ([name for name, done, _ in told if done == part] for part in (0, 1))
    assert begun == ended == [name for name in found if name not in RUN_ROWS[1:]]
    for row in RUN_ROWS:
        assert (found[row].outcome, found[row].detail) == (
            "failed",
            "the process did not end within 1 s",
        )
    for row in ("compiles for TPU v5e", "compiles for H100"):
        assert (found[row].outcome, found[row].detail) == (
            "failed",
            "the compiler did not end within 1 s",
        )


def test_a_twin_that_does_not_lower_fails_the_compilers(tmp_path, monkeypatch):
    class Unlowered(Broken):
        def body(self, x):
            return {"y": tf.cast(tf.strings.length(tf.strings.as_string(x)), tf.float32)}

        def serving_signatures(self):
            return {"serving_default": super().serving_signatures()["serving_default"]}

    folder = export(Unlowered(), tmp_path / "unlowered", batch_sizes=[1])
    monkeypatch.setattr(CHECK, "missing_tools", lambda *_: [])
    monkeypatch.setattr(CHECK, "_fresh_process", lambda folder: [])
    found = _outcomes(folder)["compiles for TPU v5e"]
    assert found.outcome == "failed"
    assert "serving_default_xla does not lower to StableHLO" in found.detail


def test_missing_compilers_are_named():
    absent = accelerators.Accelerator("tpu", "v5e:2x2", {"no_such_package": "no-such-package"})
    assert accelerators.missing_tools(absent, sys.executable) == ["no-such-package"]


def test_the_command_prints_a_table_and_ends_with_1_where_a_check_fails(tmp_path, letters):
    copy = tmp_path / "1"
    shutil.copytree(letters, copy)
    (copy / "batching_params.pbtxt").unlink()
    shutil.rmtree(copy / "assets.extra")
    result = CliRunner().invoke(app, ["serve-check", str(copy)])
    assert result.exit_code == 1
    assert "no batching_params.pbtxt" in " ".join(result.output.replace("│", "").split())
    result = CliRunner().invoke(app, ["serve-check", str(tmp_path / "nothing")])
    assert result.exit_code == 2
    assert "expected a SavedModel or folders of versions" in result.output


def test_no_model_is_named(tmp_path):
    with pytest.raises(DataError, match="expected a SavedModel or folders of versions"):
        list(check(tmp_path))


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"no model", "the file is damaged"), (b"", "expected a graph with the tag 'serve'")],
)
def test_a_damaged_model_is_named(tmp_path, content, problem):
    path = tmp_path / "saved_model.pb"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}: .*{problem}"):
        list(check(tmp_path))
    result = CliRunner().invoke(app, ["serve-check", str(tmp_path)])
    assert result.exit_code == 2
    assert problem in result.output


REGISTRY = """
import sys
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session as session
def registered():
    ops = op_def_pb2.OpList.FromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    return {op.name for op in ops.op}
core = registered()
assert {name for name in dir(tf.raw_ops) if name[0].isupper()} <= core
for library in sys.argv[1:]:
    tf.load_op_library(library)
print(" ".join(sorted(registered() - core)))
"""


@pytest.mark.slow
def test_the_list_of_operations_is_the_registrys():
    """Quicker: `test_a_good_model_passes_and_what_is_missing_is_said`."""
    done = subprocess.run(
        [sys.executable, "-c", REGISTRY, *text_libraries()], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == TEXT_OPERATIONS
