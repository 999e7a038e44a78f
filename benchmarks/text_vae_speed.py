"""Training speed of the text VAE, beside a plain one in PyTorch of the same sizes.

Penn Treebank sentences, LSTMs of 256 units, embeddings of 256, 32 latents, 10,000 words, Adam,
clipped gradients. Every side gets the same batches of 32 sentences of about one length, in the same
order; tokens are counted without padding. Each runs in a process of its own, in turn, `--repeats`
times; the table gives medians. Beside the ratio of speeds stands that of tokens per CPU second,
which other work on the machine disturbs less, and the share of the machine's measured
matrix-multiply peak (float32) that the model's products take.

    python benchmarks/text_vae_speed.py --torch-python /path/to/venv/bin/python

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
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from exits.missing import MISSING, end_for_want_of, wanting

VOCABULARY, EMBEDDING, UNITS, LATENTS, BATCH = 10_003, 256, 256, 32, 32
# Name -> what is different about it.
OURS: dict[str, dict[str, Any]] = {
    "tfp_dgm": {},
    "tfp_dgm, XLA": {"jit_compile": True},
    "tfp_dgm, bfloat16": {"policy": "mixed_bfloat16"},
    "tfp_dgm, bfloat16, XLA": {"policy": "mixed_bfloat16", "jit_compile": True},
    "tfp_dgm, batches at random": {"bucketed": False},
}
PEER = "PyTorch"
EVALUATION = "evaluation, K = 500"
QUICK = ["tfp_dgm", "tfp_dgm, bfloat16", PEER]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", type=int, default=150, help="in each measurement")
    parser.add_argument(
        "--quick", action="store_true", help="two of ours and the peer, few batches"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.batches = 1, 12
    if options.side:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.data = str(Path(folder) / "batches.npz")
        write_data(options)
        rows = compare(options)
    show(rows, options)


def write_data(options: argparse.Namespace) -> None:
    """The batches that every side is given: tokens one after the other, and their bounds."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from tfp_dgm.data import DataError, load_penn_treebank
    from tfp_dgm.text import BucketedBatches, WordVocabulary

    with wanting(DataError):
        sentences = load_penn_treebank()["train"]
    vocabulary = WordVocabulary.fit(sentences, size=VOCABULARY, split_punctuation=False)
    rows = vocabulary.encode_all(sentences)
    batches = BucketedBatches(rows, BATCH, seed=0)
    chosen = [batches.index(i) for i in range(len(batches)) if len(batches.index(i)) == BATCH]
    chosen = np.concatenate(chosen[: options.batches])
    kept = [rows[i] for i in chosen]
    np.savez(
        options.data,
        flat=np.concatenate(kept),
        bounds=np.cumsum([0, *map(len, kept)]),
        random=np.random.default_rng(0).permutation(len(kept)),
    )


def read_batches(path: str, bucketed: bool = True) -> list[np.ndarray]:
    """Padded int32 [B, T]."""
    with np.load(path) as data:
        rows = [data["flat"][a:b] for a, b in zip(data["bounds"], data["bounds"][1:], strict=False)]
        order = np.arange(len(rows)) if bucketed else data["random"]
    batches = []
    for start in range(0, len(rows), BATCH):
        batch = [rows[i] for i in order[start : start + BATCH]]
        width = max(map(len, batch))
        batches.append(np.stack([np.pad(row, (0, width - len(row))) for row in batch]))
    return [batch.astype(np.int32) for batch in batches]


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    sides = QUICK if options.quick else [*OURS, PEER, EVALUATION]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for repeat in range(options.repeats):
        for side in sides:
            if side == EVALUATION and repeat:
                continue
            python = options.torch_python if side == PEER else sys.executable
            command = [python, __file__, "--side", side, "--data", options.data]
            command += ["--threads", str(options.threads), "--batches", str(options.batches)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == MISSING:
                end_for_want_of(done.stderr.splitlines()[-1].removeprefix("Wanted: "))
            if done.returncode:
                sys.exit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
    rows = []
    for side, runs in found.items():
        row: dict[str, Any] = {"name": side}
        for key in runs[0]:
            row[key] = statistics.median(run[key] for run in runs)
        if side != EVALUATION:
            speeds = [run["tokens_per_second"] for run in runs]
            row["lowest"], row["highest"] = min(speeds), max(speeds)
        rows.append(row)
    peer = next(row for row in rows if row["name"] == PEER)
    peak = rows[0]["matmul_gflops"]
    for row in rows:
        if row["name"] == EVALUATION:
            continue
        row["ratio"] = row["tokens_per_second"] / peer["tokens_per_second"]
        row["cpu_ratio"] = row["tokens_per_cpu_second"] / peer["tokens_per_cpu_second"]
        row["peak_share"] = row["tokens_per_second"] * flops_per_token() / (peak * 1e9)
    return rows


def flops_per_token() -> float:
    """Products of a training step, forward and twice that back; two operations each."""
    gates = 4 * UNITS
    encoder = gates * (EMBEDDING + UNITS)
    decoder = gates * (EMBEDDING + UNITS)
    return 3 * 2 * (encoder + decoder + UNITS * VOCABULARY)


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    import rich.console
    import rich.table

    table = rich.table.Table()
    for title in (
        *("", "tokens/s", "lowest to highest", "ratio", "ratio by CPU seconds"),
        *("padding", "share of matmul peak", "peak MiB"),
    ):
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        if row["name"] == EVALUATION:
            table.add_row(row["name"], *[""] * 6, f"{row['peak_mib']:,.0f}")
            continue
        table.add_row(
            row["name"],
            f"{row['tokens_per_second']:,.0f}",
            f"{row['lowest']:,.0f} to {row['highest']:,.0f}",
            f"{row['ratio']:.2f}",
            f"{row['cpu_ratio']:.2f}",
            f"{row['padding_share']:.1%}",
            f"{row['peak_share']:.0%}",
            f"{row['peak_mib']:,.0f}",
        )
    rich.console.Console(width=140).print(table)
    if options.json:
        result = {
            "command": shlex.join(["python", *sys.argv]),
            "threads": options.threads,
            "load_average": os.getloadavg()[0],
            "rows": rows,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def measure(options: argparse.Namespace) -> dict[str, float]:
    if options.side == PEER:
        return measure_torch(options)
    if options.side == EVALUATION:
        return measure_evaluation(options)
    return measure_ours(options, **OURS[options.side])


def make_ours() -> Any:
    from tfp_dgm import models, networks

    sizes = {"embedding_units": EMBEDDING}
    return models.TextVAE(
        networks.LSTMEncoder(VOCABULARY, UNITS, **sizes),
        networks.LSTMDecoder(VOCABULARY, UNITS, conditioning_units=LATENTS, **sizes),
        latent_units=LATENTS,
        seed=0,
    )


def set_threads(threads: int) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)


def measure_ours(
    options: argparse.Namespace,
    *,
    jit_compile: bool = False,
    policy: str = "float32",
    bucketed: bool = True,
) -> dict[str, float]:
    """Plain `compile` and `fit`; the first epoch compiles for each length, the second counts."""
    set_threads(options.threads)
    import keras
    import tensorflow as tf

    from tfp_dgm.training import FusedAdam

    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(0)
    batches = read_batches(options.data, bucketed)
    if jit_compile:  # A few static lengths, since each is compiled.
        batches = [np.pad(x, [[0, 0], [0, -x.shape[1] % 8]]) for x in batches]
    model = make_ours()
    model.compile(FusedAdam(1e-3, clipnorm=5.0), jit_compile=jit_compile)
    data = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=tf.TensorSpec([BATCH, None], tf.int32)
    )
    model.fit(data, shuffle=False, verbose=0)
    start, busy = time.perf_counter(), time.process_time()
    model.fit(data, shuffle=False, verbose=0)
    return {
        **speeds(batches, time.perf_counter() - start, time.process_time() - busy),
        "peak_mib": peak_mib(),
        "matmul_gflops": matmul_gflops(),
    }


def measure_evaluation(options: argparse.Namespace) -> dict[str, float]:
    """Memory of the log-likelihood with K = 500; eight sentences show it."""
    set_threads(options.threads)
    from tfp_dgm.evaluation import importance_weighted_log_likelihood

    model = make_ours()
    importance_weighted_log_likelihood(
        model, read_batches(options.data)[0][:8], num_samples=500, samples_per_step=10
    )
    return {"peak_mib": peak_mib()}


def matmul_gflops() -> float:
    """The best of some products of 2048 x 2048 matrices."""
    import tensorflow as tf

    a = tf.random.normal([2048, 2048])
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    multiply()
    best = np.inf
    for _ in range(10):
        start = time.perf_counter()
        multiply().numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best / 1e9


def measure_torch(options: argparse.Namespace) -> dict[str, float]:
    """The usual PyTorch program."""
    with wanting(ModuleNotFoundError):
        import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read = nn.Embedding(VOCABULARY, EMBEDDING, padding_idx=0)
            self.encoder = nn.LSTM(EMBEDDING, UNITS, batch_first=True)
            self.posterior = nn.Linear(UNITS, 2 * LATENTS)
            self.embed = nn.Embedding(VOCABULARY, EMBEDDING, padding_idx=0)
            self.start = nn.Linear(LATENTS, 2 * UNITS)
            self.decoder = nn.LSTM(EMBEDDING + LATENTS, UNITS, batch_first=True)
            self.output = nn.Linear(UNITS, VOCABULARY)

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(
                self.read(x), lengths, batch_first=True, enforce_sorted=False
            )
            _, (h, _) = self.encoder(packed)
            loc, rho = self.posterior(h[0]).chunk(2, dim=-1)
            scale = functional.softplus(rho) + 1e-4
            z = loc + scale * torch.randn_like(scale)
            kl = 0.5 * (loc**2 + scale**2 - 1 - 2 * scale.log()).sum(-1)
            inputs = functional.pad(x[:, :-1], (1, 0), value=1)
            embedded = self.embed(inputs)
            steps = z[:, None].expand(-1, x.shape[1], -1)
            state = self.start(z).tanh().chunk(2, dim=-1)
            state = tuple(part[None].contiguous() for part in state)
            h, _ = self.decoder(torch.cat([embedded, steps], dim=-1), state)
            nll = functional.cross_entropy(
                self.output(h).flatten(0, 1), x.flatten(), ignore_index=0, reduction="sum"
            )
            return nll / len(x) + kl.mean()

    batches = read_batches(options.data)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step(batch: np.ndarray) -> None:
        x = torch.from_numpy(batch.astype(np.int64))
        loss = model(x, (x > 0).sum(1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    for batch in batches[:10]:
        step(batch)
    start, busy = time.perf_counter(), time.process_time()
    for batch in batches:
        step(batch)
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    return {**speeds(batches, seconds, cpu), "peak_mib": peak_mib()}


def speeds(batches: list[np.ndarray], seconds: float, cpu_seconds: float) -> dict[str, float]:
    tokens = sum(int((batch > 0).sum()) for batch in batches)
    return {
        "tokens_per_second": tokens / seconds,
        "tokens_per_cpu_second": tokens / cpu_seconds,
        "padding_share": 1 - tokens / sum(batch.size for batch in batches),
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
