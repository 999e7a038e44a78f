"""Training speed of IWAEs, beside a plain one in PyTorch of the same sizes.

The model of Burda et al. with one stochastic layer (784-200-200-50-200-200-784, tanh), batches of
dynamically binarised images that lie in memory, Adam, K = 1, 5, 50. Each side trains in a process
of its own, in turn, `--repeats` times; the table gives the medians, and beside the ratio of speeds
that of images per CPU second, which other work on the machine disturbs less. Images are random:
their values do not matter for the speed.

    python benchmarks/iwae_speed.py --torch-python /path/to/venv/bin/python

PyTorch may be in this environment (then leave the option out) or in another one's Python.
"""

import argparse
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from exits.missing import MISSING, end_for_want_of, wanting

PIXELS, UNITS, LATENTS, IMAGES = 784, 200, 50, 10_000
SAMPLES = (1, 5, 50)
SIDES = ("tfp_dgm", "PyTorch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="K = 1 and 50, once")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.seconds = 1, 3.0
    if options.side:
        measure = measure_ours if options.side == "tfp_dgm" else measure_torch
        print(json.dumps(measure(options)))
        return
    asked = (1, 50) if options.quick else SAMPLES
    rows = [compare(options, samples) for samples in asked]
    show(rows, options)


def compare(options: argparse.Namespace, samples: int) -> dict[str, Any]:
    """One row: both sides in turn, as often as asked."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side in SIDES:
            python = sys.executable if side == "tfp_dgm" else options.torch_python
            command = [python, __file__, "--side", side, "--samples", str(samples)]
            for name in ("batch_size", "threads", "seconds"):
                command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == MISSING:
                end_for_want_of(done.stderr.splitlines()[-1].removeprefix("Wanted: "))
            if done.returncode:
                sys.exit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
    row: dict[str, Any] = {"name": f"K = {samples}", "samples": samples}
    for side, key in zip(SIDES, ("tfp_dgm", "pytorch"), strict=True):
        speeds = [run["images_per_second"] for run in found[side]]
        row[f"{key}_images_per_second"] = statistics.median(speeds)
        row[f"{key}_lowest"], row[f"{key}_highest"] = min(speeds), max(speeds)
        busy = [run["images_per_cpu_second"] for run in found[side]]
        row[f"{key}_images_per_cpu_second"] = statistics.median(busy)
        row[f"{key}_peak_mib"] = statistics.median(run["peak_mib"] for run in found[side])
    for name in ("images_per_second", "images_per_cpu_second"):
        ratio = row[f"tfp_dgm_{name}"] / row[f"pytorch_{name}"]
        row["ratio" if name == "images_per_second" else "cpu_ratio"] = ratio
    return row


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Prints the table and writes the JSON."""
    import rich.console
    import rich.table

    table = rich.table.Table()
    for title in (
        *("K", "tfp_dgm img/s", "PyTorch img/s", "ratio", "ratio by CPU seconds"),
        *("time against K = 1", "the same, PyTorch", "peak MiB", "the same, PyTorch"),
    ):
        table.add_column(title, justify="right")
    for row in rows:
        for key in ("tfp_dgm", "pytorch"):  # Seconds an image, against those at K = 1.
            name = f"{key}_images_per_second"
            row[f"{key}_growth"] = rows[0][name] / row[name]
        table.add_row(
            str(row["samples"]),
            f"{row['tfp_dgm_images_per_second']:,.0f}",
            f"{row['pytorch_images_per_second']:,.0f}",
            *(f"{row[name]:.2f}" for name in ("ratio", "cpu_ratio")),
            *(f"{row[name]:.1f}" for name in ("tfp_dgm_growth", "pytorch_growth")),
            *(f"{row[name]:,.0f}" for name in ("tfp_dgm_peak_mib", "pytorch_peak_mib")),
        )
    rich.console.Console(width=140).print(table)
    if options.json:
        result = {
            "command": shlex.join(["python", *sys.argv]),
            "batch_size": options.batch_size,
            "threads": options.threads,
            "load_average": os.getloadavg()[0],
            "rows": rows,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def measure_ours(options: argparse.Namespace) -> dict[str, float]:
    """Plain `compile` and `fit`; the first epoch compiles, the others count."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import keras
    import numpy as np

    from tfp_dgm.layers import IndependentBernoulli
    from tfp_dgm.models import VAE
    from tfp_dgm.networks import MLP
    from tfp_dgm.objectives import ImportanceWeighted
    from tfp_dgm.training import FusedAdam, binarised_batches

    images = np.random.default_rng(0).integers(0, 256, (IMAGES, PIXELS), np.uint8)
    model = VAE(
        MLP([UNITS, UNITS], activation="tanh"),
        MLP([UNITS, UNITS], activation="tanh"),
        IndependentBernoulli(PIXELS),
        latent_units=LATENTS,
        seed=0,
    )
    steps = 20 if options.samples < 50 else 5
    model.compile(
        FusedAdam(1e-3),
        ImportanceWeighted(num_samples=options.samples),
        steps_per_execution=steps,
    )
    data = binarised_batches(images, options.batch_size)
    times: list[float] = []
    busy: list[float] = []

    class Clock(keras.callbacks.Callback):
        """Takes the time after each epoch, and ends training after the seconds asked for."""

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            times.append(time.perf_counter())
            busy.append(time.process_time())
            self.model.stop_training = times[-1] - times[0] > options.seconds

    model.fit(data, steps_per_epoch=steps, epochs=10**6, verbose=0, callbacks=[Clock()])
    trained = (len(times) - 1) * steps * options.batch_size
    return {
        "images_per_second": trained / (times[-1] - times[0]),
        "images_per_cpu_second": trained / (busy[-1] - busy[0]),
        "peak_mib": peak_mib(),
    }


def measure_torch(options: argparse.Namespace) -> dict[str, float]:
    """The usual PyTorch program."""
    with wanting(ModuleNotFoundError):
        import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, PIXELS), dtype=torch.uint8)

    def mlp(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            *(nn.Linear(inputs, UNITS), nn.Tanh(), nn.Linear(UNITS, UNITS), nn.Tanh()),
            nn.Linear(UNITS, outputs),
        )

    encoder, decoder = mlp(PIXELS, 2 * LATENTS), mlp(LATENTS, PIXELS)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)

    def step(rows: torch.Tensor) -> None:
        x = torch.bernoulli(images[rows].float() / 255)
        loc, rho = encoder(x).chunk(2, dim=-1)
        posterior = torch.distributions.Normal(loc, functional.softplus(rho) + 1e-4)
        z = posterior.rsample((options.samples,))  # [S, B, Z]
        log_q = posterior.log_prob(z).sum(-1)
        log_pz = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
        logits = decoder(z)
        log_px = -functional.binary_cross_entropy_with_logits(
            logits, x.expand_as(logits), reduction="none"
        ).sum(-1)
        loss = -torch.logsumexp(log_px + log_pz - log_q, dim=0).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def batches():
        while True:
            yield from torch.randperm(IMAGES).split(options.batch_size)

    stream = batches()
    for _ in range(10):
        step(next(stream))
    start, busy, trained = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < options.seconds:
        step(next(stream))
        trained += options.batch_size
    return {
        "images_per_second": trained / (time.perf_counter() - start),
        "images_per_cpu_second": trained / (time.process_time() - busy),
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
