"""Taggers of partially tagged sentences, beside CRFsuite with the usual features.

UD English EWT (universal tags: accuracy of words) and W-NUT 2017 (names that are new: F1 of spans),
with some of the training sentences tagged, drawn at random; the tagger reads the others, too. In
"words", a tenth of the words of every drawn sentence are tagged, at random, which CRFsuite cannot
learn from.

    TFP_DGM_DATA=DIR python benchmarks/tagging_quality.py \
        --json benchmarks/results/tagging_quality.json

DIR holds `ud_english_ewt/en_ewt-ud-*.conllu.gz` and `wnut17/*.gz`. The tagger with an encoder is
measured where `--encoder auto` of `dgm tag` would try one, CRFsuite where sklearn-crfsuite is
installed, and spaCy, trained on the same sentences from nothing, where SPACY_PYTHON in the
environment names a Python that has it. With `--json`, what the file holds already is not measured
again. Everything was chosen on the development data and draws 0 to 2; test data and draws 10 to 14
are what is reported.
"""

import argparse
import gzip
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.confidence import why_untried
from tfp_dgm.data import DataError, atomic_write
from tfp_dgm.data.conllu import read_conllu
from tfp_dgm.evaluation import expected_calibration_error
from tfp_dgm.tagging import fit_tagger

DRAWS = (10, 11, 12, 13, 14)
SIZES = {"ewt": (50, 100, 500, 0), "ewt words": (100, 500, 2000), "wnut": (500, 0)}
SHARE_OF_WORDS = 0.1
PEERS = ("CRFsuite", "spaCy")
SYSTEMS = ("tagger", "tagger, encoder", *PEERS)
SPACY_PYTHON = "SPACY_PYTHON"  # In the environment: the Python that has spaCy.
EWT = "ud_english_ewt/en_ewt-ud-{}.conllu.gz"
WNUT = {
    "train": "wnut17/wnut17train.conll.gz",
    "dev": "wnut17/emerging.dev.conll.gz",
    "test": "wnut17/emerging.test.annotated.gz",
}


@dataclass
class Task:
    """Sentences to learn from and to be judged by, with tags as the model has them."""

    tokens: list[list[str]]
    tags: list[list[str]]
    held_tokens: list[list[str]]
    held_tags: list[list[str]]
    labels: tuple[str, ...]
    legal: tuple[np.ndarray, np.ndarray, np.ndarray]


def load(name: str, data: Path, held: str) -> Task:
    if name == "ewt":
        parts = [read_conllu(data / EWT.format(part)) for part in ("train", held)]
        pairs = [([s.words for s in part], [s.upos for s in part]) for part in parts]
        labels = tuple(sorted({tag for tags in pairs[0][1] for tag in tags}))
        size = len(labels)
        everything = np.ones(size, bool), np.ones((size, size), bool), np.ones(size, bool)
        return Task(*pairs[0], *pairs[1], labels, everything)
    pairs = [bio_file(data / WNUT[part]) for part in ("train", held)]
    types = sorted({tag[2:] for tags in pairs[0][1] for tag in tags if tag != "O"})
    labels = ("O", *(f"{part}-{name}" for name in types for part in "BIES"))
    legal = (
        np.array([label[0] in "OBS" for label in labels]),
        np.array([[follows(before, after) for after in labels] for before in labels]),
        np.array([label[0] in "OES" for label in labels]),
    )
    return Task(*pairs[0], *pairs[1], labels, legal)


def follows(before: str, after: str) -> bool:
    if before[0] in "BI":
        return after[0] in "IE" and after[2:] == before[2:]
    return after[0] in "OBS"


def bio_file(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Tokens and BIOES tags; of tags that a word has several of, the first."""
    tokens, tags, sentence = [], [], []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in [*file, "\n"]:
            if line.strip():
                sentence.append(line.split("\t"))
            elif sentence:
                tokens.append([cells[0].strip() or "\u200b" for cells in sentence])
                tags.append(bioes([cells[1].strip().split(",")[0] for cells in sentence]))
                sentence = []
    return tokens, tags


def bioes(tags: list[str]) -> list[str]:
    found = []
    for tag, following in zip(tags, [*tags[1:], "O"], strict=True):
        goes_on = following == f"I-{tag[2:]}"
        letter = {"O": "O", "B": "B" if goes_on else "S", "I": "I" if goes_on else "E"}[tag[0]]
        found.append(letter + tag[1:])
    return found


def spans_of(tags: list[str]) -> Iterator[tuple[int, int, str]]:
    first = 0
    for place, tag in enumerate(tags):
        if tag[0] in "BS":
            first = place
        if tag[0] in "ES":
            yield first, place, tag[2:]


def figures(task: Task, answered: list[list[str]]) -> dict[str, float]:
    """Per cent: accuracy of words, and precision, recall and F1 of spans where there are any."""
    pairs = list(zip(answered, task.held_tags, strict=True))
    right = [a == b for own, held in pairs for a, b in zip(own, held, strict=True)]
    found = {"accuracy": 100 * float(np.mean(right))}
    if "O" in task.labels:
        own, held = (
            {(row, *span) for row, pair in enumerate(pairs) for span in spans_of(pair[side])}
            for side in (0, 1)
        )
        both = len(own & held)
        found["precision"] = 100 * both / max(len(own), 1)
        found["recall"] = 100 * both / max(len(held), 1)
        found["F1"] = 200 * both / max(len(own) + len(held), 1)
    return found


def annotations(task: Task, size: int, draw: int, share: float) -> list[np.ndarray | None]:
    """What is known of each training sentence, bool [T, K]; of `size` of them (0: of all)."""
    rng = np.random.default_rng(draw)
    rows = rng.permutation(len(task.tokens))[: size or None]
    number = {label: place for place, label in enumerate(task.labels)}
    found: list[np.ndarray | None] = [None] * len(task.tokens)
    for row in rows:
        states = [number[tag] for tag in task.tags[row]]
        known = np.eye(len(number), dtype=bool)[states]
        known[rng.random(len(states)) >= share] = True
        found[row] = known
    return found


def of_tagger(task: Task, size: int, draw: int, share: float, encoder: str) -> dict[str, float]:
    known = annotations(task, size, draw, share)
    fit = fit_tagger(task.tokens, known, task.labels, task.legal, encoder=encoder, seed=draw)
    answers = fit.tagger.answers(task.held_tokens)
    marginals = np.concatenate([answer.marginals for answer in answers])
    number = {label: place for place, label in enumerate(task.labels)}
    states = np.array([number[tag] for tags in task.held_tags for tag in tags])
    found = figures(task, [[task.labels[state] for state in a.mode] for a in answers])
    calibration = expected_calibration_error(marginals, states)
    return {**found, "calibration error": 100 * float(calibration)}


def of_crfsuite(task: Task, size: int, draw: int) -> dict[str, float]:
    import sklearn_crfsuite

    known = annotations(task, size, draw, 1.0)
    rows = [row for row, own in enumerate(known) if own is not None]
    crf = sklearn_crfsuite.CRF(c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True)
    crf.fit([usual_features(task.tokens[row]) for row in rows], [task.tags[row] for row in rows])
    return figures(
        task,
        [list(tags) for tags in map(crf.predict_single, map(usual_features, task.held_tokens))],
    )


def of_spacy(task: Task, size: int, draw: int) -> dict[str, float]:
    known = annotations(task, size, draw, 1.0)
    rows = np.random.default_rng(draw).permutation(
        [row for row, own in enumerate(known) if own is not None]
    )
    asked = {
        "kind": "ner" if "O" in task.labels else "tagger",
        "tokens": [task.tokens[row] for row in rows],
        "tags": [task.tags[row] for row in rows],
        "asked": task.held_tokens,
        "seed": draw,
    }
    answered = subprocess.run(
        [os.environ[SPACY_PYTHON], Path(__file__).parent / "peers" / "spacy_answers.py"],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        check=True,
    )
    return figures(task, json.loads(answered.stdout))


def usual_features(tokens: list[str]) -> list[dict[str, Any]]:
    """Those of sklearn-crfsuite's tutorial, without the tags that it is given."""
    found = []
    for place, word in enumerate(tokens):
        features = {"bias": 1.0, "word[-3:]": word[-3:], "word[-2:]": word[-2:]}
        for offset in (-1, 0, 1):
            if not 0 <= place + offset < len(tokens):
                features["BOS" if offset < 0 else "EOS"] = True
                continue
            other = tokens[place + offset]
            features |= {
                f"{offset}:lower": other.lower(),
                f"{offset}:upper": other.isupper(),
                f"{offset}:title": other.istitle(),
                f"{offset}:digit": other.isdigit(),
            }
        found.append(features)
    return found


def measured(name: str, task: Task, size: int, draw: int, system: str) -> dict[str, Any]:
    start, cpu = time.perf_counter(), sum(os.times()[:4])
    share = SHARE_OF_WORDS if name.endswith(" words") else 1.0
    if system == "CRFsuite":
        found = of_crfsuite(task, size, draw)
    elif system == "spaCy":
        found = of_spacy(task, size, draw)
    else:
        found = of_tagger(task, size, draw, share, "none" if system == "tagger" else "auto")
    spent = {"seconds": time.perf_counter() - start, "CPU seconds": sum(os.times()[:4]) - cpu}
    return {key: round(value, 3) for key, value in {**found, **spent}.items()}


def systems_at_hand() -> list[str]:
    """What can be measured; a line to standard error for each that cannot."""
    missing = {
        "tagger, encoder": why_untried(),
        "CRFsuite": None if find_spec("sklearn_crfsuite") else "sklearn-crfsuite is not installed.",
        "spaCy": None if SPACY_PYTHON in os.environ else f"{SPACY_PYTHON} is not set.",
    }
    for name, why in missing.items():
        if why is not None:
            print(f"{name} is left out. {why}", file=sys.stderr)
    return ["tagger", *(name for name, why in missing.items() if why is None)]


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "task", "tagged", "system", "draws", "accuracy", "F1", "calibration error", "CPU s"
    )
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["tagged"], row["system"]), []).append(row)
    for key, group in groups.items():
        cells = []
        for figure in ("accuracy", "F1", "calibration error", "CPU seconds"):
            values = [row[figure] for row in group if figure in row]
            spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.1f}{spread}" if values else "")
        table.add_row(*key, str(len(group)), *cells)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one draw of 50 sentences")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--tasks", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--sizes", nargs="+", type=int, help="sentences; 0: all")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--draws", nargs="+", type=int, default=list(DRAWS))
    parser.add_argument(
        "--held", choices=("dev", "test"), default="test", help="judged by this part"
    )
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with ud_english_ewt and wnut17")
    data = Path(os.environ["TFP_DGM_DATA"])
    at_hand = systems_at_hand()
    systems = [name for name in arguments.systems if name in at_hand]
    if arguments.quick:
        arguments.tasks, arguments.draws, arguments.sizes = ["ewt"], arguments.draws[:1], [50]
        systems = [name for name in systems if name != "spaCy"]

    rows: list[dict[str, Any]] = []
    commands = [shlex.join(["python", *sys.argv])]
    if arguments.json is not None and arguments.json.exists():
        measured_before = json.loads(arguments.json.read_text("utf-8"))
        rows = measured_before["rows"]
        commands = list(dict.fromkeys([*measured_before["command"].split("; "), *commands]))
    names = {row["name"] for row in rows}
    loaded: dict[str, Task] = {}
    for name in arguments.tasks:
        base = name.split()[0]
        if base not in loaded:
            with wanting(DataError, OSError):
                loaded[base] = load(base, data, arguments.held)
        task = loaded[base]
        for size in arguments.sizes or SIZES[name]:
            # All sentences are the same in each draw.
            for draw in arguments.draws if size else arguments.draws[:1]:
                for system in systems:
                    if name != base and system in PEERS:
                        continue
                    tagged = "all" if size == 0 else str(size)
                    full = f"{name} {arguments.held} {tagged} {system} draw {draw}"
                    if full in names:
                        continue
                    found = measured(name, task, size, draw, system)
                    keys = {"name": full, "task": f"{name} {arguments.held}", "tagged": tagged}
                    rows.append({**keys, "system": system, "draw": draw, **found})
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                    if arguments.json is not None:
                        found = {"command": "; ".join(commands), "rows": rows}
                        with atomic_write(arguments.json) as file:
                            file.write(json.dumps(found, indent=1).encode())
    show(rows)


if __name__ == "__main__":
    main()
