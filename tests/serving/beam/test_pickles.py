"""What travels to workers loads where there is nothing but the package and Beam."""

import json
import subprocess
import sys

import pytest

beam = pytest.importorskip("apache_beam")

from apache_beam.portability.api import beam_runner_api_pb2  # noqa: E402
from apache_beam.portability.common_urns import primitives  # noqa: E402
from apache_beam.runners.portability.fn_api_runner import fn_runner  # noqa: E402

from tests.serving.toys import Letters  # noqa: E402
from tfp_dgm.serving import export  # noqa: E402
from tfp_dgm.serving.beam import Predict  # noqa: E402
from tfp_dgm.serving.beam.runners import add_steps  # noqa: E402
from tfp_dgm.serving.beam.shard_job import ShardJob  # noqa: E402
from tfp_dgm.serving.beam.shards import Shard  # noqa: E402
from tfp_dgm.serving.opening import Opening  # noqa: E402

# A worker of another machine: no tests, no programs, none of the tools of development.
CLEAN = """
import json, sys
for name in ("tests", "tfp_dgm_apps", "pytest", "_pytest", "hypothesis", "selenium"):
    sys.modules[name] = None
from apache_beam.internal import pickler
for line in sys.stdin:
    pickler.loads(json.loads(line).encode("latin-1"))
    early = "tensorflow" in sys.modules
print(json.dumps({"ours": sorted(n for n in sys.modules if n.startswith("tfp_dgm")),
                  "early": early}))
"""


def _payloads(pipeline):
    """The pickled functions of a pipeline, as it is sent to any runner."""
    proto = pipeline.to_runner_api()
    found = []
    for transform in proto.components.transforms.values():
        if transform.spec.urn == primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            found.append(payload.do_fn.payload)
    return found


@pytest.mark.slow
def test_functions_of_both_pipelines_load_in_a_clean_process(tmp_path):
    model = Letters()
    plain = {"serving_default": model.serving_signatures()["serving_default"]}
    export(model, tmp_path / "letters", batch_sizes=[1], signatures=plain)
    shards = beam.Pipeline(runner=fn_runner.FnApiRunner())
    opening = Opening("tfp_dgm.labelling.shard_labelling", "open_answers", ("m", ".csv", False))
    add_steps(shards, [Shard("a.csv", "a.csv")], opening, ShardJob("out", ["text"], None))
    rows = beam.Pipeline(runner=fn_runner.FnApiRunner())
    _ = rows | beam.Create(["a"]) | Predict(tmp_path / "letters", dead_letters=True)
    payloads = [*_payloads(shards), *_payloads(rows)]
    assert len(payloads) > 5
    sent = "\n".join(json.dumps(payload.decode("latin-1")) for payload in payloads)
    done = subprocess.run(
        [sys.executable, "-c", CLEAN], input=sent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {
        "tfp_dgm.serving.beam.shard_step",
        "tfp_dgm.serving.beam.predict",
        "tfp_dgm.serving.beam.signature_handler",
    } <= set(told["ours"])
    assert not told["early"]  # It is loaded where a model is, once, and quietly.
