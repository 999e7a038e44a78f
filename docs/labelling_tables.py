"""Writes the tables of labelling from the results of the benchmarks; `make tables` runs it.

They are of the kind `labelling_table`, in the README or on a page beside this file.
"""

from collections.abc import Callable, Iterator
from statistics import mean, stdev
from typing import Any

import marked_tables
from marked_tables import DOCS, results

PAGES = [DOCS.parent / "README.md", DOCS / "labelling.md", DOCS / "several_labels.md"]

OURS, ENCODED, UNTUNED = "tfp_dgm", "tfp_dgm + MiniLM", "tfp_dgm + MiniLM, not tuned"
LINEAR, SETFIT = "MiniLM + logistic regression", "SetFit"
SETS = {
    "r8": "Reuters R8",
    "r52": "Reuters R52",
    "20ng": "20 Newsgroups",
    "sms": "SMS spam",
    "polarity": "Sentence polarity",
    "subjectivity": "Subjectivity",
    "m10": "M10",
    "sst": "SST",
    "emotions": "Emotions",
    "20ng short": "20 Newsgroups, 12 words",
}
SEVERAL = ("emotions", "entities", "captions")  # Sets of several labels a row.
Cell = tuple[str, int]  # A data set, and labels of each class.
Run = dict[str, Any]


def runs_of(cell: Cell, method: str) -> dict[int, Run]:
    """Runs of labelling_quality.py, by the draw of their labels."""
    return {
        run["seed"]: run
        for run in results("labelling_quality", "runs")
        if (run["data"], run["labels_per_class"], run["method"]) == (*cell, method)
    }


def cells_with(method: str) -> Iterator[tuple[Cell, str]]:
    """The cells that have runs of a method, in the order of the sets, and their names."""
    cells = {
        (run["data"], run["labels_per_class"])
        for run in results("labelling_quality", "runs")
        if run["method"] == method
    }
    for cell in sorted(cells, key=lambda cell: (list(SETS).index(cell[0]), cell[1])):
        yield cell, f"{SETS[cell[0]]}, {cell[1]}"


def means(runs: list[Run]) -> tuple[float, float] | None:
    """Accuracy and macro F1 in per cent, if there are runs."""
    if not runs:
        return None
    return 100 * mean(r["accuracy"] for r in runs), 100 * mean(r["macro_f1"] for r in runs)


def both(runs: list[Run]) -> str:
    """The two, or a dash."""
    found = means(runs)
    return "-" if found is None else f"{found[0]:.1f} / {found[1]:.1f}"


def spread(values: list[float]) -> str:
    """Mean and deviation in per cent, the mean alone of one run."""
    shown = f"{100 * mean(values):.1f}"
    return shown if len(values) == 1 else f"{shown} ± {100 * stdev(values):.1f}"


def beside() -> Iterator[list[str]]:
    """What one would use instead; the best number of each row is bold."""
    peers = ["TF-IDF + logistic regression", "naive Bayes + EM", "self-training on LSA"]
    yield ["data, labels per class", OURS, "TF-IDF + LR", "NB + EM", peers[2], "accepted at 95 %"]
    for cell, name in cells_with(OURS):
        found = [means([*runs_of(cell, method).values()]) or (0, 0) for method in [OURS, *peers]]
        best = [max(round(pair[i], 1) for pair in found) for i in (0, 1)]
        cells = [
            " / ".join(f"**{v:.1f}**" if round(v, 1) == b else f"{v:.1f}" for v, b in pairs)
            for pairs in (zip(pair, best, strict=True) for pair in found)
        ]
        coverage, _, right, *_ = promise([*runs_of(cell, OURS).values()])
        told = "0 % (too few labels to tell)" if right == "-" else f"{coverage}, {right} right"
        yield [name, *cells, told]


def accepted() -> Iterator[list[str]]:
    """What is accepted at 95 % without an encoder; the last line is of all runs."""
    last = ["right, mean of these", "right, worst run", "kept in"]
    yield ["data, labels per class", "accepted", "runs that accepted", *last]
    everything: list[Run] = []
    for cell, name in cells_with(OURS):
        runs = [*runs_of(cell, OURS).values()]
        everything += runs
        yield [name, *promise(runs)]
    yield ["all", *promise(everything)]


def promise(runs: list[Run]) -> list[str]:
    """Coverage, accepting runs, their mean precision and the worst, and those that kept 95 %."""
    precise = [run["precision"] for run in runs if run["precision"] is not None]
    told = ["-"] * 3
    if precise:
        kept = sum(precision >= 0.95 for precision in precise)
        told = [f"{100 * value:.1f} %" for value in (mean(precise), min(precise))]
        told += [f"{kept} of {len(precise)}"]
    coverage = f"{100 * mean(run['coverage'] for run in runs):.0f} %"
    return [coverage, f"{len(precise)} of {len(runs)}", *told]


def encoded() -> Iterator[list[str]]:
    """With a pretrained encoder, and beside the deep generative models by themselves."""
    generative = ["M1", "M2", "M1+M2"]
    yield ["data, labels per class", OURS, "with MiniLM", "MiniLM + LR", *generative, "runs"]
    for cell, name in cells_with(OURS):
        by_method = {m: [*runs_of(cell, m).values()] for m in (OURS, ENCODED, LINEAR, *generative)}
        counts = " / ".join(str(len(by_method[m]) or "-") for m in (OURS, ENCODED, LINEAR, "M2"))
        yield [name, *map(both, by_method.values()), counts]


def setfit() -> Iterator[list[str]]:
    """Beside SetFit, on the draws that it was run on."""
    yield ["data, labels per class", SETFIT, "MiniLM + LR", "tfp_dgm with MiniLM", "draws"]
    for cell, name in cells_with(SETFIT):
        by_method = [runs_of(cell, method) for method in (SETFIT, LINEAR, ENCODED)]
        draws = sorted(set.intersection(*map(set, by_method)))
        yield [name, *(both([of[d] for d in draws]) for of in by_method), str(len(draws))]


def tuned() -> Iterator[list[str]]:
    """The encoder as it was, and tuned where that pays; test accuracy by draw."""
    yield ["set, labels per class", "as it was", "tuned where that pays", "kept in"]
    for cell, name in cells_with(UNTUNED):
        before, after = runs_of(cell, UNTUNED), runs_of(cell, ENCODED)
        draws = sorted(before.keys() & after.keys())
        kept = sum(before[d]["hidden_accuracy"] != after[d]["hidden_accuracy"] for d in draws)
        told = [
            " / ".join(f"{100 * of[d]['accuracy']:.1f}" for d in draws) for of in (before, after)
        ]
        yield [name, *told, f"{kept} of {len(draws)}"]


def definitions() -> Iterator[list[str]]:
    """What is said of classes, with few labels or none."""
    titles = ["tfp_dgm", "defined", "with MiniLM, defined", "TF-IDF, defined", "MiniLM, defined"]
    yield ["set, labels per class", *titles]
    rows = {row["name"]: row for row in results("class_definitions", "rows")}
    methods = [OURS, "tfp_dgm, defined", "tfp_dgm + MiniLM, defined", *titles[3:]]
    for start in dict.fromkeys(name.split(" labels, ")[0] for name in rows):
        found = [rows.get(f"{start} labels, {method}") for method in methods]
        yield [start, *("-" if row is None else f"{100 * row['accuracy']:.1f}" for row in found)]


def projections() -> Iterator[list[str]]:
    """What maps of sentence vectors add to a regression on them, with few labels / with more."""
    rows = {row["name"]: row for row in results("supervised_projection", "rows")}

    def told(start: str, learned: str) -> str:
        if learned == "as they are":
            return f"{100 * rows[f'{start} {learned}']['accuracy']:.1f}"
        both = (rows[f"{start} {learned}{how}"]["gained"] for how in ("", ", mixed"))
        return ", ".join(f"{100 * gained:+.1f}" for gained in both)

    yield ["labels per class", "plain", "contrastive", "within classes"]
    counts = sorted({int(name.split()[1]) for name in rows})
    for data in dict.fromkeys(name.split(",")[0] for name in rows):
        cells = [
            " / ".join(told(f"{data}, {count} a class,", learned) for count in counts)
            for learned in ("as they are", "contrastive", "within")
        ]
        yield [f"{SETS[data]}, {' / '.join(map(str, counts))}", *cells]


def several_runs(annotated: int) -> dict[str, dict[str, list[Run]]]:
    """Runs of multi_label_quality.py with so many annotated rows, by method and set."""
    found: dict[str, dict[str, list[Run]]] = {}
    for run in results("multi_label_quality", "runs"):
        if run["annotated"] == annotated:
            data = run["data"].split(",")[0]
            found.setdefault(run["method"], {}).setdefault(data, []).append(run)
    return found


def several_labels() -> Iterator[list[str]]:
    """Several labels a row, of 600 annotated rows."""
    yield ["set, method", "micro F1", "macro F1", "rows right", "ECE", "CPU s", "draws"]
    for data in SEVERAL:
        for method, by_set in several_runs(600).items():
            if "names" in method or data not in by_set:
                continue
            runs = by_set[data]
            figures = ("micro_f1", "macro_f1", "rows_right", "ece")
            cells = [spread([run[figure] for run in runs]) for figure in figures]
            seconds = f"{mean(run['seconds'] for run in runs):.1f}"
            yield [f"{data}, {method}", *cells, seconds, str(len(runs))]


def few_annotated() -> Iterator[list[str]]:
    """F1 of 60 annotated rows, and what names of the classes are worth."""
    yield ["method", *(f"{data}, {average}" for data in SEVERAL for average in ("micro", "macro"))]
    for method, by_set in several_runs(60).items():
        if method != "TF-IDF + LR" and all(data in by_set for data in SEVERAL):
            name = method.replace("+ names", "+ `--classes` of names")
            averages = [
                (data, f"{average}_f1") for data in SEVERAL for average in ("micro", "macro")
            ]
            yield [name, *(spread([run[key] for run in by_set[data]]) for data, key in averages)]


def several_accepted() -> Iterator[list[str]]:
    """What several labels a row let be accepted at 80 %, and how often that is right."""
    last = ["labels accepted", "whole rows kept / accepting runs", "rows accepted"]
    first = ["annotated, method", "classes kept / accepting", "if as stated", "if just as asked"]
    yield [*first, *last]
    for annotated in (60, 600):
        for method, by_set in several_runs(annotated).items():
            if not method.startswith(OURS):
                continue
            runs = [run for of_set in by_set.values() for run in of_set]
            kept, accepting, stated, asked = (
                sum(run[f"classes_{what}80%"] for run in runs)
                for what in ("kept_", "", "stated_", "asked_")
            )
            rows = [r["rows_precision_80%"] for r in runs if r["rows_precision_80%"] is not None]
            labels, whole = (
                100 * mean(run[f"{of}_80%"] for run in runs) for of in ("labels", "rows")
            )
            views = "MiniLM" if "MiniLM" in method else "words"
            yield [
                f"{annotated}, {views}" + (", names" if "names" in method else ""),
                f"{kept} / {accepting}",
                f"{stated:.1f}",
                f"{asked:.1f}",
                f"{labels:.1f} %",
                f"{sum(row >= 0.8 for row in rows)} / {len(rows)}",
                f"{whole:.1f} %",
            ]


TABLES: dict[str, Callable[[], Iterator[list[str]]]] = {
    function.__name__: function
    for function in (
        *(beside, accepted, encoded, setfit, tuned, projections, definitions),
        *(several_labels, few_annotated, several_accepted),
    )
}


def table(name: str) -> str:
    """A table as Markdown."""
    return marked_tables.markdown(TABLES[name]())


def with_tables(page: str) -> str:
    """The text of a page, its tables of the results as they are."""
    return marked_tables.with_tables(page, "labelling_table", table)


if __name__ == "__main__":
    marked_tables.rewrite(PAGES, with_tables)
