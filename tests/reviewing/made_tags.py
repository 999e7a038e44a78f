"""A tagging's folder and file, made without a model."""

import json
from dataclasses import asdict

import numpy as np

from tfp_dgm.data import SentenceResult, SpanResult, read_tagged_sentences
from tfp_dgm.reviewing.answered_words import named, widened

NAMES = ("Anna", "Cora", "Lee", "Oslo", "Rome", "York")
OTHERS = ("met", "saw", "in", "with", "and", "slowly")


def made_lines(count=12, seed=0):
    """Columns; of the first three sentences the tags are given, of the fourth in part."""
    rng = np.random.default_rng(seed)
    lines = ["# newdoc"]
    for number in range(count):
        for word in range(rng.integers(3, 8)):
            name = bool(rng.integers(2))
            token = str(rng.choice(NAMES if name else OTHERS))
            tag = f"B-{'PER' if token in NAMES[:3] else 'LOC'}" if name else "O"
            if number > 3 or (number == 3 and word > 1):
                tag = "_"
            lines.append(f"{token} x{word} {tag}")
        lines.append("")
    return "\n".join(lines) + "\n"


def made_tagging(folder, text=None, name="out.conll", seed=1, **options):
    """Writes the tagged file and its folder; returns the latter."""
    source = folder / f"in_{name}"
    source.write_text(made_lines() if text is None else text, encoding="utf-8")
    sentences = read_tagged_sentences(source, **options)
    rng = np.random.default_rng(seed)
    results = [made_result(sentences.scheme, tags, rng) for tags in sentences.tags]
    sentences.write(folder / name, results)
    model = folder / f"{name.partition('.')[0]}.model"
    model.mkdir()
    settings = {
        "source": source.name,
        "output": name,
        "token_column": None,
        "tag_column": None,
        "format": None,
        "separator": "|",
        "min_precision": 0.9,
        "seed": 0,
        **options,
        "scheme": asdict(sentences.scheme),
    }
    (model / "settings.json").write_text(json.dumps(settings))
    return model


def made_result(scheme, tags, rng):
    """Some legal labels that agree with what is given."""
    allowed = scheme.allowed(tags)
    places = []
    for row in allowed:
        follows = scheme.transitions[places[-1]] if places else scheme.initial
        choices = np.flatnonzero(row & follows)
        # Of those that may end a span, where there are such: the next word may be anything then.
        ends = [k for k in choices if scheme.final[k]]
        places.append(int(rng.choice(ends or choices)))
    labels = [scheme.labels[k] for k in places]
    known = [len(options) == 1 for options in tags]
    sure = np.round(rng.uniform(0.5, 1, len(tags)), 4)
    spans = [
        SpanResult(
            span.first,
            span.last,
            span.name,
            float(sure[span.first]),
            None if all(known[span.first : span.last + 1]) else bool(sure[span.first] > 0.9),
            "O",
            float(round(1 - sure[span.first], 4)),
        )
        for span in scheme.spans(labels)
    ]
    accept = [None if here else bool(p > 0.9) for here, p in zip(known, sure, strict=True)]
    return SentenceResult(scheme.written(labels), sure.tolist(), accept, spans)


def name(review, row, first, last, tag, who=""):
    return review.change(
        who, row, lambda labels: named(review.rows.scheme, labels, first, last, tag)
    )


def accept(review, row, who=""):
    end = len(review.rows.tokens[row]) - 1
    return review.change(who, row, lambda labels: widened(review.rows.scheme, labels, 0, end))
