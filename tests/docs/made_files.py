"""The files that the commands and the Python of README and docs read, small."""

import gzip
import json

import numpy as np
from PIL import Image

from tests.docs.pages import ROOT, blocks
from tests.sentence_modelling.untrained_models import sentences, untrained
from tests.tagging.made_sentences import conll, names
from tests.topic_modelling.made_texts import write_texts

_WORDS = {
    "billing": ["card", "charged", "invoice", "payment", "price", "fee"],
    "outage": ["error", "down", "server", "crash", "fails", "slow"],
    "refund": ["money", "back", "return", "owe", "refund", "cheque"],
}
_COMMON = ["the", "my", "was", "is", "on", "it", "where", "again"]
ROWS, LABELLED = 48, 18
NOTES = 60
POSTS = 120


def make(folder):
    """Writes them all, under the names that the pages give them."""
    random = np.random.default_rng(0)
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    _tables(folder, random)
    _sentences(folder)
    write_texts(folder / "posts.csv", POSTS)
    page = (ROOT / "docs/topics.md").read_text(encoding="utf-8")
    (folder / "seeds.yaml").write_text(blocks(page, "yaml")[0])
    make_texts(folder)
    untrained(folder / "LANGUAGE_MODEL", {"model": "language_model"})
    _images(folder, random)


def _tables(folder, random):
    rows = ["text,label"]
    for n in range(ROWS):
        label = list(_WORDS)[n % 3]
        words = [*random.choice(_WORDS[label], 3, False), *random.choice(_COMMON, 4, False)]
        rows.append(f"{' '.join(words)},{label if n < LABELLED else ''}")
    for name in ("tickets.csv", "reviews.csv"):
        (folder / name).write_text("\n".join(rows) + "\n")
    texts = [row.rsplit(",", 1)[0] for row in rows[LABELLED + 1 :]]
    answered = ({"id": n, "text": text, "label": ["refund"]} for n, text in enumerate(texts[:5]))
    (folder / "doccano.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answered))
    _answers(folder, rows[1:])
    _columns(folder, rows[1:], random)
    _tags(folder)
    page = (ROOT / "docs/labelling.md").read_text(encoding="utf-8")
    (folder / "classes.yaml").write_text(blocks(page, "yaml")[0])
    (folder / "new.csv").write_text("text\nmy card was charged twice\nit says error again\n")
    pairs = [("one two", "eins zwei"), ("two three one", "zwei drei eins"), ("three", "drei")]
    lines = [f"{source} {n},{target} {n}\n" for n in range(8) for source, target in pairs]
    (folder / "pairs.csv").write_text("source,target\n" + "".join(lines))
    (folder / "sentences.txt").write_text("one two\nthree\n")


def _answers(folder, rows):
    """Of two annotators, who agree but for every sixth row: columns of each, and rows of each."""
    wide, long = ["text,ann,bob"], ["text,label,who"]
    for n, row in enumerate(rows):
        text, label = row.rsplit(",", 1)
        other = label if n % 6 else label and "refund"
        wide.append(f"{text},{label},{other}")
        long += [f"{text},{said},{who}" for who, said in (("ann", label), ("bob", other))]
    (folder / "judged.csv").write_text("\n".join(wide) + "\n")
    (folder / "answers.csv").write_text("\n".join(long) + "\n")


def _columns(folder, rows, random):
    """Two label columns, `topic` and `mood`, of which every other row has the second."""
    calls = ["text,topic,mood"]
    for n, row in enumerate(rows):
        text, label = row.rsplit(",", 1)
        mood = ("angry", "calm")[n // 2 % 2]
        word = random.choice({"angry": ["awful", "worst"], "calm": ["please", "thanks"]}[mood])
        calls.append(f"{text} {word},{label},{mood if n % 2 else ''}")
    (folder / "calls.csv").write_text("\n".join(calls) + "\n")


def _tags(folder):
    """Any of three classes may apply: `tags` names them, and there is a column of 0 and 1 each."""
    random = np.random.default_rng(1)
    lines = [f"text,tags,{','.join(_WORDS)}"]
    for n in range(ROWS):
        chosen = [label for k, label in enumerate(_WORDS) if (n >> k) % 2]
        words = [word for label in chosen for word in random.choice(_WORDS[label], 3, False)]
        given = n < LABELLED
        cell = (";".join(chosen) or "(none)") if given else ""
        marks = [str(int(label in chosen)) if given else "" for label in _WORDS]
        text = " ".join([*words, *random.choice(_COMMON, 4, False)])
        lines.append(",".join([text, cell, *marks]))
    (folder / "tagged.csv").write_text("\n".join(lines) + "\n")


def _sentences(folder):
    """Names of which the first sentences are tagged, and plain text."""
    notes = conll(names(NOTES), lambda sentence, word: sentence < NOTES // 2)
    (folder / "notes.conll").write_text(notes)
    (folder / "new.txt").write_text("Anna went to Oslo.\nnothing happened to them .\n")


def make_texts(folder):
    """Writes the sentences alone, plain and gzipped."""
    texts = {"train": sentences(60, 0), "valid": sentences(20, 1)}
    different = sorted(set(sentences(60, 2).splitlines()))
    short = [f"so {line}" for line in different if "now" not in line]
    texts["test"] = "".join(f"{line}\n" for line in different + short)  # For ten pairs of them.
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
        zipped = name.replace("valid", "val")
        with gzip.open(folder / f"{zipped}.en.txt.gz", "wt") as file:
            file.write(text)


def _images(folder, random):
    Image.fromarray(random.integers(256, size=(20, 24, 3), dtype=np.uint8)).save(
        folder / "photo.jpg"
    )
    for name in ("FOLDER", "TEST_FOLDER"):
        (folder / name).mkdir()
        for n in range(12):
            pixels = random.integers(256, size=(4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{n}.png")
    (folder / "mnist").mkdir()
    for name in ("train-images", "t10k-images"):
        pixels = random.integers(256, size=(12, 4, 3), dtype=np.uint8)
        header = b"\0\0\x08\x03" + np.array(pixels.shape, ">i4").tobytes()
        with gzip.open(folder / "mnist" / f"{name}.idx3-ubyte.gz", "wb") as file:
            file.write(header + pixels.tobytes())


def digits(folder):
    """The folder of a set as `mnist-5k` is: 5,000 rows of 784 pixels and a digit."""
    random = np.random.default_rng(0)
    kinds = [",".join(map(str, random.integers(256, size=785))) + "\n" for _ in range(10)]
    with gzip.open(folder / "mnist_5k.csv.gz", "wt", compresslevel=1) as file:
        file.write("".join(kinds) * 500)
    return folder
