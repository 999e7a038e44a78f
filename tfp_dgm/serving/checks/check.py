"""Proofs that an exported model will serve, as a list of verdicts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import tensorflow as tf

from tfp_dgm.serving import replay
from tfp_dgm.serving.checks.accelerators import ACCELERATORS, compile_ahead, missing_tools
from tfp_dgm.serving.checks.graph_checks import GRAPH_CHECKS
from tfp_dgm.serving.checks.saved_model_runner import (
    build_runner,
    quiet_environment,
    run_in_cpp,
    runner_path,
)
from tfp_dgm.serving.folders import batch_sizes, version_folder
from tfp_dgm.serving.operations import needs_text_libraries, serving_signatures, text_libraries
from tfp_dgm.training import Progress

_TIMEOUT = 1200


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
      check: what was checked.
      outcome: "passed", "failed", or "not checked" for want of a tool or of a recording.
      detail: what was found, or what is missing.
    """

    check: str
    outcome: Literal["passed", "failed", "not checked"]
    detail: str


def check(
    folder: str | os.PathLike[str],
    *,
    build: bool = False,
    aot_python: str | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Iterator[Verdict]:
    """Checks a version's folder, or the newest version of a model's folder; yields as it goes.

    Args:
      folder: what `export` wrote or any SavedModel; one without recorded predictions is not
        checked against any.
      build: whether to build the C++ program, where it is not there yet.
      aot_python: a Python with the compilers of the extra `aot`; None is this one.
      progress: told each check that begins, (its name, 0, 1), and that ends, (its name, 1, 1).
    Raises:
      DataError: if there is no SavedModel, or its file is damaged.
    """
    path = version_folder(folder)
    python = aot_python or sys.executable
    parts: dict[str, Callable[[], Verdict | Iterator[Verdict]]] = {
        **{name: partial(_in_graph, path, name) for name in GRAPH_CHECKS},
        _PARTS["recorded"]: partial(_fresh_process, path),
        _CPP: partial(_in_cpp, path, build),
        **{_compiles_for(name): partial(_compiled, path, name, python) for name in ACCELERATORS},
    }
    for name, part in parts.items():
        progress(name, 0, 1)
        found = part()
        yield from [found] if isinstance(found, Verdict) else found
        progress(name, 1, 1)


def _in_graph(folder: Path, name: str) -> Verdict:
    problem, detail = GRAPH_CHECKS[name](folder)
    return Verdict(name, "failed" if problem else "passed", problem or detail)


_CPP = "C++, the loader of TF Serving"
_PARTS = {
    "recorded": "recorded answers, fresh process",
    "twin": "plain against XLA",
    "warm-up": "warm-up replayed",
}


def _fresh_process(folder: Path) -> Iterator[Verdict]:
    if not all((folder / file).exists() for file in (replay.RECORDED, replay.WARM_UP)):
        missing = f"no {replay.RECORDED} or {replay.WARM_UP}"
        yield from (Verdict(name, "not checked", missing) for name in _PARTS.values())
        return
    command = [sys.executable, "-P", str(replay.__file__), str(folder)]
    command += text_libraries() if needs_text_libraries(folder) else []
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, env=quiet_environment()
        )
    except subprocess.TimeoutExpired:
        late = f"the process did not end within {_TIMEOUT} s"
        yield from (Verdict(name, "failed", late) for name in _PARTS.values())
        return
    verdicts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    error = (done.stderr.strip().splitlines() or ["no message"])[-1]
    for kind, name in _PARTS.items():
        mine = [verdict for verdict in verdicts if verdict["kind"] == kind]
        bad = [f"{v['signature']} at {v['size']}: {v['problem']}" for v in mine if v["problem"]]
        if done.returncode:
            bad.append(f"the process ended with {done.returncode}: {error}")
        if bad:
            yield Verdict(name, "failed", _first(bad))
        elif not mine:
            yield Verdict(name, "not checked", "nothing of the kind in the model")
        else:
            yield Verdict(name, "passed", f"{len(mine)} answers, without keras and TFP")


def _in_cpp(folder: Path, build: bool) -> Verdict:
    name = _CPP
    if not (folder / replay.RECORDED).exists():
        return Verdict(name, "not checked", f"no {replay.RECORDED}")
    if not build and not runner_path().exists():
        return Verdict(name, "not checked", "the program is not built; `build=True` builds it")
    try:
        runner = build_runner()
    except OSError as error:
        return Verdict(name, "not checked", str(error))
    try:
        records = list(replay.read_records(folder / replay.RECORDED))
    except tf.errors.OpError as error:
        return Verdict(name, "failed", f"{replay.RECORDED}: {replay.damage(error)}")
    bad = []
    for xla in (False, True):  # As a stock server starts, and with XLA on.
        chosen = [record for record in records if record[0].endswith("_xla") == xla]
        if not chosen:
            continue
        try:
            calls = [(signature, inputs) for signature, inputs, _ in chosen]
            answers = run_in_cpp(runner, folder, calls, xla=xla, timeout=_TIMEOUT)
        except OSError as error:
            bad.append(str(error))
            continue
        for (signature, inputs, expected), answer in zip(chosen, answers, strict=True):
            problem = answer.problem or replay.difference(
                expected, answer.outputs, tolerance=replay.TOLERANCE
            )
            if problem:
                bad.append(f"{signature} at {len(next(iter(inputs.values())))}: {problem}")
    if bad:
        return Verdict(name, "failed", _first(bad))
    return Verdict(name, "passed", f"{len(records)} answers, XLA off but for the twins")


def _compiled(folder: Path, accelerator: str, python: str) -> Verdict:
    name = _compiles_for(accelerator)
    twins = [twin for twin in sorted(serving_signatures(folder)) if twin.endswith("_xla")]
    missing = missing_tools(ACCELERATORS[accelerator], python)
    if missing or not twins:
        found = f"missing: {', '.join(missing)} (extra `aot`)" if missing else "no _xla twin"
        return Verdict(name, "not checked", found)
    size = (batch_sizes(folder) or [1])[-1]
    try:
        sizes = compile_ahead(ACCELERATORS[accelerator], python, folder, twins, size)
    except OSError as error:
        return Verdict(name, "failed", str(error))
    except replay.DAMAGE as error:
        return Verdict(name, "failed", replay.damage(error))
    detail = "; ".join(
        f"{twin}: code {_bytes(code) if code else 'not reported'}, temporary {_bytes(temporary)}"
        for twin, (code, temporary) in sizes.items()
    )
    return Verdict(name, "passed", f"batch {size}: {detail}")


def _compiles_for(accelerator: str) -> str:
    return f"compiles for {accelerator}"


def _bytes(number: int) -> str:
    return f"{number / 1024:,.0f} KiB"


def _first(problems: Sequence[str]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return problems[0] + more


def failed(verdicts: Sequence[Verdict]) -> bool:
    """Whether any check failed."""
    return any(verdict.outcome == "failed" for verdict in verdicts)
