"""Rows a second of `dgm topics predict`, and its memory, as the file grows.

    TFP_DGM_DATA=DIR python benchmarks/topic_speed.py --json benchmarks/results/topic_speed.json

Twenty topics are learned of the SMS messages of DIR (`sms_spam`), and told of files of more and
more rows, by turns a message and the first half of it. Each file is told by a process of its own,
with one thread. Rows a second are of the process's CPU time, from the first row read to the last
written, and of the clock, which other work on the machine disturbs more. The last rows are of the
served graph: strings a second in requests of 1,000.
"""

import argparse
import csv
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table
from topic_corpora.short_texts import read_short_texts

from tfp_dgm.data import DataError, atomic_write
from tfp_dgm.topic_modelling import topics_of_file

ROWS = (50_000, 200_000, 1_000_000)
QUICK_ROWS = (5_000,)
TOPICS = 20
REQUEST = 1_000
COLUMNS = ("rows", "rows a CPU second", "rows a second", "MB before", "MB at most")

# Folder, source and output, or folder and a file of strings -> figures, as JSON.
PREDICT = """
import json, sys, time
from tfp_dgm.topic_modelling import predict_topics

def memory(name):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status")
                if line.startswith(name))

folder, small, source, output = sys.argv[1:]
predict_topics(folder, small, output)
before, start, cpu = memory("VmRSS"), time.perf_counter(), time.process_time()
rows = predict_topics(folder, source, output)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps({"rows": rows, "rows a CPU second": rows / cpu, "rows a second": rows / seconds,
                  "MB before": before, "MB at most": memory("VmHWM")}))
"""
SERVE = """
import json, sys, time
import tensorflow as tf

folder, strings, _, _ = sys.argv[1:]
served = tf.saved_model.load(folder + "/saved_model/1").signatures["serving_default"]
texts = tf.constant(json.load(open(strings)))
served(text=texts)
start, cpu = time.perf_counter(), time.process_time()
for _ in range(5):
    served(text=texts)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
rows = 5 * len(texts)
print(json.dumps({"rows": len(texts), "rows a CPU second": rows / cpu,
                  "rows a second": rows / seconds}))
"""


def run(program: str, *words: Path) -> dict[str, float]:
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
    )
    asked = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(asked, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return {name: round(value, 1) for name, value in told.items()}


def write_rows(path: Path, texts: list[str], rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "text"])
        for row in range(rows):
            text = texts[row % len(texts)]
            table.writerow([row, text if row % 2 else text[: len(text) // 2]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="5,000 rows")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS))
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with sms_spam")
    with wanting(DataError, OSError):
        texts = read_short_texts("sms", Path(os.environ["TFP_DGM_DATA"]))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, source, output = (folder / f"{part}.csv" for part in ("small", "source", "output"))
        write_rows(small, texts, min(len(texts), 2_000 if arguments.quick else len(texts)))
        topics = folder / "topics"
        topics_of_file(small, topics, text_columns=["text"], num_topics=TOPICS)
        for number in QUICK_ROWS if arguments.quick else arguments.rows:
            write_rows(source, texts, number)
            figures = run(PREDICT, topics, small, source, output)
            rows.append({"name": f"predict {number:,} rows", **figures})
        strings = folder / "strings.json"
        strings.write_text(json.dumps(texts[:REQUEST]), encoding="utf-8")
        figures = run(SERVE, topics, strings, strings, strings)
        rows.append({"name": f"served, {REQUEST:,} strings a request", **figures})
    table = Table("what", *COLUMNS)
    for row in rows:
        cells = (f"{row[column]:,.0f}" if column in row else "" for column in COLUMNS)
        table.add_row(row["name"], *cells)
    Console(width=110).print(table)
    if arguments.json is not None:
        command = shlex.join(["python", *sys.argv])
        with atomic_write(arguments.json) as part:
            part.write(json.dumps({"command": command, "rows": rows}, indent=1).encode())


if __name__ == "__main__":
    main()
