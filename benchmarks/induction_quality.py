"""Structures induced from plain text, compared with those that people gave.

Tags: sentences of the Penn Treebank sample (WSJ 1-199, 45 tags), all words and marks, traces left
out. Many-to-one and one-to-one accuracy and V-measure, mean and standard deviation over seeds. A
model sees the words alone, and is trained and judged on the same text; of the rows "encoder"
MiniLM's vectors of these words stand beside those of the text. Vectors and Gaussian models
were chosen on UD English EWT (`--data ud`: the first 4,000 sentences of its training set, with the
tags of its column XPOS); the settings of the other hidden Markov models come from runs on the
sample itself.

Dependencies: gold tags and Collins's heads, marks left out; of the row "induced tags" the tags that
the Gaussian hidden Markov model of the same seed finds in the words, of "encoder's tags" those of
the row with an encoder; of the rows "of vectors" the
words alone; their numbers of tags and iterations were chosen on UD English EWT, one seed each.

Constituents: F1 of unlabelled brackets, the mean over sentences of up to 20 words and of all,
beside trees that branch to the right, to the left, in halves and at random; of words in lower case,
of gold tags, or of the induced tags of dependencies, marks left out.

    TFP_DGM_DATA=DIR python benchmarks/induction_quality.py \
        --json benchmarks/results/induction_quality.json

DIR holds `ptb_sample/treebank.zip` and `ud_english_ewt/en_ewt-ud-train.conllu.gz`. A row is what
the command gives for the same words:

    dgm induce tags wsj.conllu --output FOLDER --set model.kind=hidden_markov --seed 0

Runs that are in the JSON file already are not repeated, unless they lack a score.
"""

import argparse
import dataclasses
import json
import os
import shlex
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from exits.missing import end_for_want_of
from rich.console import Console
from rich.table import Table
from treebanks.penn import heads_of, read_penn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Name of a row -> the settings that are not the job's defaults.
TAGS = {
    "hidden Markov": ["model.kind=hidden_markov"],
    "neural hidden Markov": ["model.kind=neural_hidden_markov"],
    "neural hidden Markov, characters": ["model.kind=neural_hidden_markov", "model.characters=32"],
    "Gaussian hidden Markov": [],
    "Gaussian hidden Markov, flow": ["model.flow={}"],
    "Gaussian hidden Markov, encoder": ["model.encoder=minilm"],
    "Gaussian hidden Markov, encoder, flow": ["model.encoder=minilm", "model.flow={}"],
}
# Lin et al. (2015) and He et al. (2018), on 10 % of the WSJ, with vectors of a larger corpus.
# He et al. (2018), too, directed accuracy of up to 10 words, on the WSJ without gold tags.
# Kim, Dyer and Rush (2019), on the whole WSJ, sentences of any length (right branching 39.5).
PUBLISHED = {
    "Gaussian hidden Markov": (76.5, 0.692),
    "Gaussian hidden Markov, flow": (79.2, 0.718),
    "Gaussian hidden Markov, encoder": (76.5, 0.692),
    "Gaussian hidden Markov, encoder, flow": (79.2, 0.718),
    "valence of vectors, flow": (60.2,),
    "neural grammar": (50.8,),
    "compound grammar": (55.2,),
}
# Name of a row -> that of the model whose tags it reads.
ON_INDUCED_TAGS = {
    "valence, EM, induced tags": "Gaussian hidden Markov",
    "valence, EM, encoder's tags": "Gaussian hidden Markov, encoder",
    "neural grammar, induced tags": "Gaussian hidden Markov",
}
DEPENDENCIES = {
    "valence, EM": [],
    "valence, EM, induced tags": [],
    "valence, EM, encoder's tags": [],
    "valence, Viterbi EM": ["model.hard=true"],
    "valence of networks, EM": ["model.kind=neural_valence"],
    "valence of vectors, EM": ["model.kind=gaussian_valence"],
    "valence of vectors, flow": ["model.kind=gaussian_valence", "model.flow={}"],
}
CONSTITUENTS = {
    "neural grammar": [],
    "neural grammar, gold tags": ["reads=xpos"],
    "neural grammar, induced tags": ["reads=xpos"],
    "compound grammar": ["model.kind=compound_grammar"],
}
ROWS = {"tags": TAGS, "dependencies": DEPENDENCIES, "constituents": CONSTITUENTS}
TASKS = {name: task for task, rows in ROWS.items() for name in rows}
# Scores of a task, with what they are shown times.
SCORES = {
    "tags": {"many_to_one": 100, "one_to_one": 100, "v_measure": 1},
    "dependencies": {
        "directed": 100,
        "undirected": 100,
        "directed_up_to_40": 100,
        "undirected_up_to_40": 100,
        "directed_any_length": 100,
        "undirected_any_length": 100,
    },
    "constituents": {"f1": 100, "f1_any_length": 100},
}
WITHOUT_SEEDS = {"valence, EM", "valence, Viterbi EM"}  # The harmonic start leaves nothing of one.
GUESSES = {
    "dependencies": ("head_previous", "head_next"),
    "constituents": ("right_branching", "left_branching", "balanced", "random"),
}
ENDINGS = {"tags": ".conllu", "dependencies": ".conllu", "constituents": ".mrg"}
QUICK_SENTENCES = 200
QUICK_ROWS = ("hidden Markov", "Gaussian hidden Markov, flow", "valence, EM", "neural grammar")
UD_SENTENCES = 4000


class Sentence(NamedTuple):
    """Words, with what people said of them; no brackets where a treebank has none."""

    words: list[str]
    tags: list[str]
    heads: list[int]
    spans: set[tuple[int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", choices=list(ROWS), help="all where none is named")
    parser.add_argument("--data", choices=["ptb", "ud"], default="ptb")
    parser.add_argument("--only", action="append", choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="over all rows' settings"
    )
    parser.add_argument("--quick", action="store_true", help="few rows, sentences and passes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    sentences = read_sentences(options)
    runs = known_runs(options)
    shown = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names_of(options):
            task = TASKS[name]
            text = Path(folder) / f"{options.data}{ENDINGS[task]}"
            if not text.exists():
                write_treebank(text, sentences)
            once = options.quick or name in WITHOUT_SEEDS
            for seed in range(1 if once else options.seeds):
                settings = settings_of(name, seed, options)
                asked = {
                    "task": task,
                    "name": name,
                    "data": options.data,
                    "settings": as_json(settings),
                }
                known = [run for run in runs if {key: run[key] for key in asked} == asked]
                found = [run for run in known if SCORES[task].keys() <= run.keys()]
                if not found:
                    runs = [run for run in runs if run not in known]
                    read = text
                    if name in ON_INDUCED_TAGS:
                        read = with_induced_tags(name, text, sentences, seed, options)
                    found = [{**asked, **run(task, read, settings)}]
                    runs += found
                    print(f"{name}, seed {seed}: {found[0]['seconds']:.0f} s", file=sys.stderr)
                shown += found
                write(runs, options)
    for task in ROWS:
        if found := [run for run in shown if run["task"] == task]:
            show(task, found)


def names_of(options: argparse.Namespace) -> list[str]:
    """The rows that were asked for; those with an encoder only where it is in the cache."""
    from tfp_dgm.data import is_cached

    names = [
        name
        for name, task in TASKS.items()
        if options.task in (None, task)
        and (name in options.only if options.only else not options.quick or name in QUICK_ROWS)
        and not (task == "constituents" and options.data == "ud")  # Which has no brackets.
    ]
    encoded = [name for name in names if "encoder" in name]
    if encoded and not (find_spec("keras_hub") and is_cached("minilm")):
        print("Left out for want of KerasHub or MiniLM: " + ", ".join(encoded), file=sys.stderr)
        return [name for name in names if name not in encoded]
    return names


def settings_of(name: str, seed: int, options: argparse.Namespace) -> Any:
    """The job's settings of a row."""
    from tfp_dgm.induction import ConstituentSettings, DependencySettings, TagSettings
    from tfp_dgm.settings import read_settings

    task = TASKS[name]
    few = []
    if options.quick:
        by_gradients = name.startswith("neural hidden Markov") or task == "constituents"
        few = [f"model.{'epochs' if by_gradients else 'iterations'}=2"]
        few += ["num_tags=12"] if task == "tags" else []
        few += ["model.num_tags=12"] if name.startswith("valence of vectors") else []
        few += ["model.flow.epochs=1"] if name.endswith("flow") else []
        few += ["model.nonterminals=4", "max_length=10"] if task == "constituents" else []
    settings = {
        "tags": TagSettings,
        "dependencies": DependencySettings,
        "constituents": ConstituentSettings,
    }[task]
    chosen = [*ROWS[task][name], *options.set, *few, f"seed={seed}"]
    return read_settings(settings, None, chosen)


def with_encoder(settings: Any) -> Any:
    """The settings with the encoder's folder in the place of its name, if they ask for one."""
    from tfp_dgm.data import fetch

    if getattr(settings.model, "encoder", None) is None:
        return settings
    folder = str(fetch(settings.model.encoder))
    return dataclasses.replace(settings, model=dataclasses.replace(settings.model, encoder=folder))


def as_json(settings: Any) -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def run(task: str, text: Path, settings: Any) -> dict[str, Any]:
    """One induction, as the command does it."""
    from tfp_dgm import induction

    jobs = {
        "tags": (induction.claim_tags, induction.induce_tags),
        "dependencies": (induction.claim_dependencies, induction.induce_dependencies),
        "constituents": (induction.claim_constituents, induction.induce_constituents),
    }
    claim, induce = jobs[task]
    start = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        claim(Path(folder) / "run", settings) as claimed,
    ):
        numbers = induce(text, claimed, with_encoder(settings), say=lambda message: None)
    return {"seconds": round(time.perf_counter() - start, 1), **numbers}


def read_sentences(options: argparse.Namespace) -> list[Sentence]:
    """The sentences of a treebank."""
    data = os.environ.get("TFP_DGM_DATA")
    if data is None:
        end_for_want_of("TFP_DGM_DATA, the folder that holds ptb_sample and ud_english_ewt")
    files = {
        "ptb": Path(data) / "ptb_sample" / "treebank.zip",
        "ud": Path(data) / "ud_english_ewt" / "en_ewt-ud-train.conllu.gz",
    }
    path = files[options.data]
    if not path.is_file():
        end_for_want_of(str(path))
    if options.data == "ptb":
        sentences = [
            Sentence(row.words, row.tags, heads_of(row), row.spans()) for row in read_penn(path)
        ]
    else:
        sentences = ud_sentences(path)
    return sentences[:QUICK_SENTENCES] if options.quick else sentences


def ud_sentences(path: Path) -> list[Sentence]:
    from tfp_dgm.data import read_conllu

    rows = read_conllu(path)[:UD_SENTENCES]
    return [Sentence(row.words, row.xpos, [head or 0 for head in row.heads], set()) for row in rows]


def write_treebank(path: Path, sentences: list[Sentence]) -> None:
    from tfp_dgm.data import write_bracketed_tree, write_conllu

    with path.open("w", encoding="utf-8") as file:
        for row in sentences:
            if path.suffix == ".mrg":
                write_bracketed_tree(file, row.words, row.spans, tags=row.tags)
            else:
                write_conllu(file, row.words, xpos=row.tags, heads=row.heads)


def with_induced_tags(
    name: str, text: Path, sentences: list[Sentence], seed: int, options: argparse.Namespace
) -> Path:
    """The treebank with the tags that a row's model finds in its words."""
    from tfp_dgm import induction
    from tfp_dgm.data import read_conllu

    settings = settings_of(ON_INDUCED_TAGS[name], seed, options)
    folder = text.with_name(f"tags of {name}, {seed}")
    with induction.claim_tags(folder, settings) as claimed:
        induction.induce_tags(text, claimed, with_encoder(settings), say=lambda message: None)
    found = read_conllu(folder / "tagged.conllu")
    path = folder / text.name
    write_treebank(
        path,
        [row._replace(tags=tagged.xpos) for row, tagged in zip(sentences, found, strict=True)],
    )
    return path


def known_runs(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Those of an earlier call."""
    if options.json is None or not options.json.exists():
        return []
    return json.loads(options.json.read_text())["runs"]


def write(runs: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """All runs, those of earlier calls too, and a row of each kind."""
    if options.json:  # After each, since a later one may be killed.
        result = {
            "command": shlex.join(["python", *sys.argv]),
            "rows": [row for task in ROWS for row in summaries(task, runs)],
            "runs": runs,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def summaries(task: str, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over the seeds of all runs that have else the same settings."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: list(TASKS).index(run["name"])):
        if run["task"] == task:
            kind = [run["name"], run["data"], {**run["settings"], "seed": None}]
            kinds.setdefault(json.dumps(kind), []).append(run)
    rows = []
    for found in kinds.values():
        first = found[0]
        row: dict[str, Any] = {"name": first["name"], "data": first["data"], "seeds": len(found)}
        for score in (*SCORES[task], "log_likelihood_per_word", "seconds"):
            complete = all(score in run for run in found)
            row[score] = spread([run[score] for run in found] if complete else [])
        rows.append(row)
    return rows


def spread(values: list[float]) -> dict[str, float | None]:
    """Of none, where runs are older than the score."""
    import numpy as np

    if not values:
        return {"mean": None, "std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": std}


def show(task: str, runs: list[dict[str, Any]]) -> None:
    scores = SCORES[task]
    table = Table(title=f"Induced: {task}")
    for column in ("model", "seeds", *(score.replace("_", " ") for score in scores)):
        table.add_column(
            column, justify="left" if column == "model" else "right", no_wrap=column == "model"
        )
    for column in ("published", "s"):
        table.add_column(column, justify="right")
    for guess in GUESSES.get(task, ()):  # The same for every run.
        of_guess = [f"{100 * runs[0][guessed(score, guess)]:.1f}" for score in scores]
        table.add_row(guess.replace("_", " "), "", *of_guess, "", "")
    for row in summaries(task, runs):
        figures = [in_words(row[score], factor) for score, factor in scores.items()]
        published = " / ".join(map(str, PUBLISHED.get(row["name"], ())))
        seconds = f"{row['seconds']['mean']:.0f}"
        table.add_row(row["name"], str(row["seeds"]), *figures, published, seconds)
    Console().print(table)


def guessed(score: str, guess: str) -> str:
    """directed_any_length -> directed_head_next_any_length."""
    kind, _, ending = score.partition("_")
    return "_".join(part for part in (kind, guess, ending) if part)


def in_words(figure: dict[str, float | None], factor: int) -> str:
    digits = 1 if factor == 100 else 3
    mean, std = figure["mean"], figure["std"]
    if mean is None:
        return ""
    said = f"{factor * mean:.{digits}f}"
    return said if std is None else f"{said} ± {factor * std:.{digits}f}"


if __name__ == "__main__":
    main()
