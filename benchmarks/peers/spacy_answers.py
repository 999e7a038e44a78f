"""What spaCy answers: run by the Python of an environment that has it.

Reads JSON from standard input: sentences of `tokens` with their `tags`, the kind of pipe (`tagger`,
or `ner` with tags in BIOES), the sentences that are `asked`, and a `seed`. Trains a blank English
pipeline from nothing but these, a tenth of them kept for telling when to stop, by spaCy's own
default settings for training on a CPU, and writes the tags of what is asked as JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import spacy
from spacy.cli.init_config import init_config
from spacy.tokens import Doc, DocBin
from spacy.training import biluo_tags_to_spans
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import filter_spans

BILUO = {"B": "B", "I": "I", "E": "L", "S": "U", "O": "O"}


def main() -> None:
    given = json.load(sys.stdin)
    kind = given["kind"]
    vocab = spacy.blank("en").vocab
    docs = []
    for tokens, tags in zip(given["tokens"], given["tags"], strict=True):
        doc = Doc(vocab, words=tokens)
        if kind == "tagger":
            for token, tag in zip(doc, tags, strict=True):
                token.tag_ = tag
        else:
            biluo = [BILUO[tag[0]] + tag[1:] for tag in tags]
            doc.set_ents(filter_spans(biluo_tags_to_spans(doc, biluo)))
        docs.append(doc)
    config = init_config(lang="en", pipeline=[kind], optimize="efficiency", gpu=False)
    with tempfile.TemporaryDirectory() as folder:
        held = max(1, len(docs) // 10)
        for name, part in (("dev", docs[:held]), ("train", docs[held:])):
            DocBin(docs=part).to_disk(Path(folder) / f"{name}.spacy")
            config["paths"][name] = str(Path(folder) / f"{name}.spacy")
        config["training"]["seed"] = given["seed"]
        output = Path(folder) / "model"
        output.mkdir()
        train(init_nlp(config), output, stdout=sys.stderr, stderr=sys.stderr)
        nlp = spacy.load(output / "model-best")
    answers = []
    for tokens in given["asked"]:
        doc = nlp(Doc(nlp.vocab, words=tokens))
        answers.append([token.tag_ for token in doc] if kind == "tagger" else bioes(doc))
    json.dump(answers, sys.stdout)


def bioes(doc: Doc) -> list[str]:
    tags = ["O"] * len(doc)
    for span in doc.ents:
        inside = [f"I-{span.label_}"] * (len(span) - 2)
        ends = [f"B-{span.label_}", *inside, f"E-{span.label_}"]
        tags[span.start : span.end] = ends if len(span) > 1 else [f"S-{span.label_}"]
    return tags


if __name__ == "__main__":
    main()
