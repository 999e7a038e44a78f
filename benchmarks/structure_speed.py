"""Log-partition functions of structures and their gradients, beside torch-struct and pytorch-crf.

Value and gradient in all potentials, float32, of one batch of rows of full length. Each side runs
in a process of its own, in turn; the table gives the least milliseconds of `--repeats` processes
(of one thread those of the processor, which other work hardly changes), seconds of the first call
(tracing and compiling), what memory a later call needs beyond what the process holds, and how time
grows from T to 2 T. `ratio` is the fastest peer's time by ours under XLA. A peer that needs more
than `--patience` seconds is stopped, and its row says so. Rows of the JSON file that
were not asked for stay, each with the command that gave it.

    python benchmarks/structure_speed.py --torch-python /path/to/venv/bin/python

torch-struct and pytorch-crf may be in this environment (then leave the option out) or in another
one's Python.
"""

import argparse
import ctypes
import itertools
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from exits.missing import MISSING, end_for_want_of, wanting

CALLS, SECONDS = 20, 4.0  # Of one process: as many calls as fit, one at least.
MOST_MEMORY = 16 * 2**30  # Of a peer: bytes of addresses, before the system runs out.


class Case(NamedTuple):
    """A family at one size."""

    family: str
    peers: tuple[str, ...]
    steps: int  # T
    labels: int = 1  # K
    longest: int = 1  # L
    preterminals: int = 0  # P, of a grammar with `labels` nonterminals

    @property
    def name(self) -> str:
        sizes = [f"T = {self.steps}"]
        sizes += [f"K = {self.labels}"] if self.labels > 1 else []
        sizes += [f"L = {self.longest}"] if self.longest > 1 else []
        sizes += [f"P = {self.preterminals}"] if self.preterminals else []
        return f"{self.family}, {', '.join(sizes)}"


CASES = [
    *(
        Case("chain, shared", ("torch-struct", "pytorch-crf"), 40, labels)
        for labels in (20, 64, 256)
    ),
    *(Case("chain, own", ("torch-struct",), 40, labels) for labels in (20, 64, 256)),
    Case("semi-Markov", ("torch-struct",), 40, 20, 8),
    *(Case("dependency", ("torch-struct",), steps) for steps in (20, 40)),
    *(Case("dependency, crossing", ("torch-struct",), steps) for steps in (20, 40)),
    *(Case("constituency", ("torch-struct",), steps, 20) for steps in (20, 40)),
    *(
        Case("grammar", ("torch-struct",), 20, labels, preterminals=2 * labels)
        for labels in (10, 30)
    ),
]
QUICK = [
    Case("chain, shared", ("torch-struct", "pytorch-crf"), 10, 8),
    Case("chain, own", ("torch-struct",), 10, 8),
    Case("semi-Markov", ("torch-struct",), 10, 4, 3),
    Case("dependency", ("torch-struct",), 8),
    Case("dependency, crossing", ("torch-struct",), 8),
    Case("constituency", ("torch-struct",), 8, 4),
    Case("grammar", ("torch-struct",), 8, 3, preterminals=5),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for a peer")
    parser.add_argument("--only", nargs="*", metavar="FAMILY")
    parser.add_argument("--quick", action="store_true", help="small cases, once")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--cases", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        cases = [Case(*case) for case in json.loads(options.cases)]
        measure = measure_ours if options.side.startswith("tfp_dgm") else measure_peer
        print(json.dumps([measure(case, options) for case in cases]))
        return
    if options.quick:
        options.repeats = 1
    cases = [
        case
        for case in (QUICK if options.quick else CASES)
        if case.family in (options.only or [case.family])
    ]
    # To load TensorFlow takes longer than small cases do: these share a process, by their peers.
    groups = [[case] for case in cases]
    if options.quick:
        ordered = sorted(cases, key=lambda case: case.peers)
        groups = [list(group) for _, group in itertools.groupby(ordered, lambda case: case.peers)]
    rows: list[dict[str, Any]] = []
    for group in groups:
        rows += compare(group, options)
        if options.json:  # After each, since a later one may be killed.
            options.json.write_text(json.dumps(record(rows, options), indent=1) + "\n")
    show(rows)


def compare(cases: list[Case], options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row of each case, of the same peers: all sides in turn, as often as asked."""
    peers = cases[0].peers
    rows: list[dict[str, Any]] = [{"name": case.name} for case in cases]
    for _ in range(options.repeats):
        for side in ("tfp_dgm, XLA", "tfp_dgm, graph", *peers):
            if f"{side} failed" in rows[0]:
                continue
            found = run(side, cases, options)
            for place, row in enumerate(rows):
                if isinstance(found, str):
                    row[f"{side} failed"] = found
                    continue
                kept = row.setdefault(side, found[place])
                row[side] = {key: min(value, found[place][key]) for key, value in kept.items()}
    longer: list[dict[str, float]] | str = "not asked for"
    if not options.quick:
        twice = [case._replace(steps=2 * case.steps) for case in cases]
        longer = run("tfp_dgm, XLA", twice, options)
    for place, row in enumerate(rows):
        ours = row["tfp_dgm, XLA"]["milliseconds"]
        if not isinstance(longer, str):
            row["growth"] = longer[place]["milliseconds"] / ours
        if known := [row[peer]["milliseconds"] for peer in peers if peer in row]:
            row["ratio"] = min(known) / ours
    return rows


def run(side: str, cases: list[Case], options: argparse.Namespace) -> list[dict[str, float]] | str:
    """What one process measured of each case, or why it did not."""
    ours = side.startswith("tfp_dgm")
    python = sys.executable if ours else options.torch_python
    command = [python, __file__, "--side", side, "--cases", json.dumps(cases)]
    command += ["--batch-size", str(options.batch_size), "--threads", str(options.threads)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=None if ours else options.patience,
        )
    except subprocess.TimeoutExpired:
        return f"more than {options.patience:.0f} s"
    if done.returncode == MISSING:
        end_for_want_of(done.stderr.splitlines()[-1].removeprefix("Wanted: "))
    if done.returncode and ours:
        sys.exit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    if done.returncode:
        return (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1][:200]
    return json.loads(done.stdout.splitlines()[-1])


def measure_ours(case: Case, options: argparse.Namespace) -> dict[str, float]:
    """`log_partition` and its gradient in one `tf.function`."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    from tfp_dgm import distributions

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    steps, labels, rows = case.steps, case.labels, options.batch_size
    symbols = labels + case.preterminals
    shapes: dict[str, list[list[int]]] = {
        "chain, shared": [[rows, steps, labels], [labels, labels]],
        "chain, own": [[rows, steps, labels], [rows, steps - 1, labels, labels]],
        "semi-Markov": [[rows, steps, case.longest, labels], [labels, labels]],
        "dependency": [[rows, steps + 1, steps + 1]],
        "dependency, crossing": [[rows, steps + 1, steps + 1]],
        "constituency": [[rows, steps, steps, labels]],
        "grammar": [
            [rows, labels],
            [rows, labels, symbols, symbols],
            [rows, steps, case.preterminals],
        ],
    }
    classes = {
        "chain, shared": "LinearChain",
        "chain, own": "LinearChain",
        "semi-Markov": "SemiMarkovChain",
        "dependency": "DependencyTree",
        "dependency, crossing": "NonProjectiveDependencyTree",
        "constituency": "ConstituencyTree",
        "grammar": "GrammarTree",
    }
    family: type[distributions.Structure] = getattr(distributions, classes[case.family])
    random = np.random.default_rng(0)
    potentials = [
        tf.constant(random.normal(size=shape), tf.float32) for shape in shapes[case.family]
    ]

    @tf.function(jit_compile=options.side.endswith("XLA"))
    def value_and_gradient(*potentials: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            value = family(*potentials).log_partition()
        return value, tape.gradient(value, potentials)

    return timed(lambda: value_and_gradient(*potentials)[1][0].numpy(), options.threads)


def measure_peer(case: Case, options: argparse.Namespace) -> dict[str, float]:
    """The same quantities of torch-struct or pytorch-crf."""
    import warnings

    warnings.simplefilter("ignore")
    with wanting(ModuleNotFoundError):
        import torch
        import torch_struct
        import torchcrf
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    steps, labels, rows = case.steps, case.labels, options.batch_size
    if options.side == "pytorch-crf":
        layer = torchcrf.CRF(labels, batch_first=True)
        unary = torch.randn(rows, steps, labels, requires_grad=True)
        tags = torch.zeros(rows, steps, dtype=torch.long)
        watched = [unary, *layer.parameters()]

        # Its only public value is log p(tags): log Z less a score that costs next to nothing.
        def value() -> torch.Tensor:
            return layer(unary, tags)

    elif case.family == "grammar":
        symbols = labels + case.preterminals
        shapes = [
            [rows, steps, case.preterminals],
            [rows, labels, symbols, symbols],
            [rows, labels],
        ]
        watched = [torch.randn(shape, requires_grad=True) for shape in shapes]

        def value() -> torch.Tensor:
            return torch_struct.SentCFG(tuple(watched)).partition.sum()

    else:
        shape, kind = {
            "chain, shared": ([rows, steps - 1, labels, labels], torch_struct.LinearChainCRF),
            "chain, own": ([rows, steps - 1, labels, labels], torch_struct.LinearChainCRF),
            "semi-Markov": (
                [rows, steps, case.longest + 1, labels, labels],
                torch_struct.SemiMarkovCRF,
            ),
            "dependency": ([rows, steps, steps], torch_struct.DependencyCRF),
            "dependency, crossing": (
                [rows, steps, steps],
                torch_struct.NonProjectiveDependencyCRF,
            ),
            "constituency": ([rows, steps, steps, labels], torch_struct.TreeCRF),
        }[case.family]
        watched = [torch.randn(shape, requires_grad=True)]

        def value() -> torch.Tensor:
            return kind(watched[0]).partition.sum()

    return timed(lambda: torch.autograd.grad(value(), watched)[0].numpy(), options.threads)


def timed(call: Callable[[], Any], threads: int) -> dict[str, float]:
    """Milliseconds of a call, the least of several; seconds of the first one; memory."""
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    call()
    first = clock() - start
    before = forget_peak()
    times: list[float] = []
    while not times or (len(times) < CALLS and sum(times) < SECONDS):
        start = clock()
        call()
        times.append(clock() - start)
    return {
        "milliseconds": 1000 * min(times),
        "first_seconds": first,
        "call_mib": held("VmHWM") - before,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def forget_peak() -> float:
    """The system measures the peak of memory anew; MiB that are held now."""
    ctypes.CDLL(None).malloc_trim(0)  # What was freed is not held.
    Path("/proc/self/clear_refs").write_text("5")
    return held("VmRSS")


def held(name: str) -> float:
    """MiB of memory, now (VmRSS) or at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the table."""
    import rich.console
    import rich.table

    table = rich.table.Table()
    table.add_column("structure")
    titles = ("XLA ms", "first s", "MiB", "graph ms", "first s", "MiB", "2 T", "peer", "ms", "MiB")
    for title in (*titles, "ratio"):
        table.add_column(title, justify="right")
    for row in rows:
        peers = [peer for peer in ("torch-struct", "pytorch-crf") if peer in row]
        best = min(peers, key=lambda peer: row[peer]["milliseconds"], default=None)
        ours = [
            f"{row[side][key]:,.{digits}f}"
            for side in ("tfp_dgm, XLA", "tfp_dgm, graph")
            for key, digits in (("milliseconds", 1), ("first_seconds", 1), ("call_mib", 0))
        ]
        table.add_row(
            row["name"],
            *ours,
            f"{row['growth']:.1f}" if "growth" in row else "",
            best or "; ".join(f"{key}: {value}" for key, value in row.items() if "failed" in key),
            f"{row[best]['milliseconds']:,.1f}" if best else "",
            f"{row[best]['call_mib']:,.0f}" if best else "",
            f"{row['ratio']:.1f}" if best else "",
        )
    rich.console.Console(width=160).print(table)


def record(rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """What the JSON file is to hold: these rows, and those of earlier commands."""
    words = ["PYTHON" if word == options.torch_python else word for word in sys.argv]
    run = {
        "command": shlex.join(["python", *words]),
        "batch_size": options.batch_size,
        "threads": options.threads,
        "load_average": os.getloadavg()[0],
    }
    found: dict[str, dict[str, Any]] = {}
    if options.json.exists():
        known = json.loads(options.json.read_text())
        of_run = {key: known[key] for key in run}
        found = {row["name"]: {**of_run, **row} for row in known["rows"]}
    found |= {row["name"]: {**row, **run} for row in rows}
    order = [case.name for case in (*CASES, *QUICK)]
    return {**run, "rows": sorted(found.values(), key=lambda row: order.index(row["name"]))}


if __name__ == "__main__":
    main()
