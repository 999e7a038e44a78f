"""The commands of README and docs run, each on what those before it made, and print what is shown.

On made data and small models (`make pages`): see `made_files` and `brief`. What cannot run here is
listed, in `page_commands`.
"""

import contextlib
import io
import json
import re
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from tests.docs.brief import ADDED, brief
from tests.docs.command_lines import problems
from tests.docs.made_files import LABELLED, NOTES, POSTS, ROWS, make
from tests.docs.page_commands import NOT_RUN, curl, not_run, run, run_commands, servers_are_asked
from tests.docs.page_python import run_python
from tests.docs.pages import PAGES, blocks, commands, inline, languages, shape, table, text_of
from tfp_dgm.data import read_tagged_sentences
from tfp_dgm.reviewing import ReviewServer

# Every command of these runs, or is listed; the others have none but what is listed.
RUN = {
    *(
        "adversarial_autoencoders.md",
        "annotators.md",
        "captions.md",
        "image_models.md",
        "induction.md",
        "labelling.md",
        "latent_alignments.md",
        "review.md",
        "scale.md",
        "serving.md",
        "several_labels.md",
        "tagging.md",
        "text_vae.md",
        "topics.md",
    ),
}


@pytest.fixture
def place(tmp_path, monkeypatch, eager):
    """An empty folder with the files that the pages name, as the present one."""
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    brief(monkeypatch)
    return tmp_path


@pytest.mark.pages
def test_labelling(place):
    page = text_of("labelling.md")
    run_commands(page, run)
    names, wrong = run_python(page)
    assert wrong == []
    labelled = pd.read_csv("labelled.csv", keep_default_na=False)
    columns = [name for row in table(page, "column") for name in row[0].strip("`").split("`, `")]
    assert list(labelled) == ["text", "label", *columns]
    assert len(labelled) == ROWS
    assert (labelled["label"] != "").sum() == LABELLED
    # The same seed, by the command and in Python.
    predicted = [names["table"].classes[k] for k in names["outcome"].predicted]
    assert list(labelled["predicted_label"]) == predicted
    beside = {"report.html", "metrics.json", "settings.json", "model.keras", "saved_model"}
    assert {path.name for path in Path("labelled.model").iterdir()} == beside
    assert all(f"`{name}" in page for name in beside)
    metrics = json.loads(Path("labelled.model/metrics.json").read_text())
    assert "copies" in metrics["rows"]
    assert {"share", "share_low", "share_high"} <= metrics["classes"][0].keys()
    assert {"count", "expected_wrong"} <= metrics["suspects"].keys()
    answered = pd.read_csv("answered.csv", keep_default_na=False)
    prefixed = [f"{column}_{name}" for column in ("topic", "mood") for name in columns]
    assert list(answered) == ["text", "topic", "mood", *prefixed]
    assert {path.name for path in Path("answered.model/columns/topic").iterdir()} == {
        *("report.html", "metrics.json")
    }
    assert Path("saved_models/topic/1/saved_model.pb").is_file()
    # README shows some of them, and begins with the same command.
    readme = text_of("README.md")
    shown = [cell.strip() for cell in readme.split("\n| text |")[1].splitlines()[0].split("|")]
    assert [name for name in shown if name] == [name for name in labelled if name in shown]
    assert next(commands(readme)) == next(commands(page))


@pytest.mark.pages
def test_serving(place, monkeypatch):
    page = text_of("serving.md")
    (asked,) = (shown.command for shown in commands(page) if shown.command.startswith("curl"))
    (code,) = (code for code in blocks(page, "python") if "Client(" in code)
    answers = []

    def ask(server):
        answers.extend(curl(asked, server.rest_port)["predictions"])
        here = code.replace("localhost:8500", f"localhost:{server.grpc_port}")
        with contextlib.redirect_stdout(None):  # What is printed is not the command's.
            names, _ = run_python(f"```python\n{here}```\n")
        answers.append(names["answer"])

    with servers_are_asked(monkeypatch, ask):
        run_commands(page, run)
    _, wrong = run_python(page.replace(code, ""))
    assert wrong == []
    by_rest, by_grpc = answers
    outputs = table(page, "model")[0][3].replace(" [K]", "").split(", ")
    assert set(by_rest) == set(by_grpc) == set(outputs)
    assert set(by_grpc["label"].tolist()) <= {b"billing", b"outage", b"refund"}
    verdicts = json.loads(Path("checks.json").read_text())
    (*said, compilers) = (row[0] for row in table(page, "check"))
    said += [f"compiles {name}" for name in compilers[9:].split(", ")]
    assert [verdict["check"] for verdict in verdicts] == said
    assert [verdict["outcome"] for verdict in verdicts[:6]] == ["passed"] * 6


@pytest.mark.pages
def test_scale(place):
    pytest.importorskip("apache_beam")
    page = text_of("scale.md")
    run_commands(page, run)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        _, wrong = run_python(page)
    assert wrong == []
    assert "'text': 'well made', 'file': 'a.csv', 'line': 2" in printed.getvalue()
    assert "DeadLetter" not in printed.getvalue()


@pytest.mark.pages
def test_topics(place):
    page = text_of("topics.md")
    run_commands(page, run)
    names, wrong = run_python(page)
    assert wrong == []
    beside = {row[0].strip("`") for row in table(page, "file")}
    assert {path.name for path in Path("posts.topics").iterdir()} == beside
    columns = [row[0].strip("`") for row in table(page, "column")]
    documents = pd.read_csv("posts.topics/documents.csv")
    assert list(documents) == ["id", "text", "kind", "date", *columns]
    assert len(documents) == len(names["job"].outcome.texts) == POSTS
    told = pd.read_csv("told_clusters.csv")
    assert list(told.columns[-2:]) == ["cluster", "cluster_probability"]
    seeded = pd.read_csv("seeded.topics/documents.csv")
    assert {"rockets", "baking"} <= set(seeded["topic"])
    metrics = json.loads(Path("dated.topics/metrics.json").read_text())
    assert {"trend", "classes", "agreement"} <= set(metrics)


@pytest.mark.pages
def test_tagging(place):
    page = text_of("tagging.md")
    run_commands(page, run)
    names, wrong = run_python(page)
    assert wrong == []
    beside = {"report.html", "metrics.json", "settings.json", "model.keras", "saved_model"}
    assert {path.name for path in Path("tagged.model").iterdir()} == beside
    assert {row[0].strip("`") for row in table(page, "file")} == beside
    tagged = Path("tagged.conll").read_text().splitlines()
    assert len(tagged) == len(Path("notes.conll").read_text().splitlines())
    assert {len(line.split("\t")) for line in tagged} == {1, 9}
    assert len(names["job"].outcome.tokens) == NOTES
    assert Path("new.conll").read_text().startswith("# text = Anna went to Oslo.\nAnna\t")
    assert Path("saved_models/tags/1/saved_model.pb").is_file()


@pytest.mark.pages
def test_text_vae(place):
    page = text_of("text_vae.md")
    printed = run_commands(page, run)
    for folder in ("MODEL", "captions_vae"):
        files = {"settings.json", "model.keras", "history.json", "samples.txt"}
        assert files <= {path.name for path in Path(folder).iterdir()}
        assert all(f"`{name}`" in page for name in files)
    report = json.loads(Path("report.json").read_text())
    assert {"log_likelihood", "elbo", "perplexity"} <= report.keys()
    assert Path("kl.png").read_bytes().startswith(b"\x89PNG")
    lines = {command.split()[2]: text.splitlines() for command, text in printed.items()}
    assert len(lines["generate"]) == 10
    assert len(printed[next(c for c in printed if "--spherical" in c)].splitlines()) == 7
    assert len(pd.read_parquet("vectors.parquet")) == len(Path("test.txt").read_text().splitlines())


@pytest.mark.pages
def test_adversarial_autoencoders(place):
    page = text_of("adversarial_autoencoders.md")
    printed = run_commands(page, run)
    judged = next(text for command, text in printed.items() if " evaluate " in command)
    assert "discrepancy of latents and prior" in judged
    assert "there is no log-likelihood" in judged
    assert "ELBO" not in judged
    history = json.loads(Path("WAE/history.json").read_text())
    assert {"value", "discrepancy", "val_value"} <= history[0].keys()
    assert len(next(text for c, text in printed.items() if "generate" in c).splitlines()) == 10


@pytest.mark.pages
def test_captions(place):
    page = text_of("captions.md")
    printed = run_commands(page, run)
    metrics = json.loads(Path("metrics.json").read_text())
    named = {"oracle_bleu_4", "oracle_cider", "pairwise_bleu", "distinct_2", "nll_per_token"}
    assert named <= metrics.keys()
    assert all(f"`{name}`" in page for name in named)
    assert Path("page.html").read_text().count("Expert 3") == 4  # Of the images held out.
    answers = printed["dgm caption describe translator sentences.txt          # one a line"]
    assert [line for line in answers.splitlines() if line[0] != " "] == ["one two", "three"]
    for name in ("captioner", "translator"):
        assert Path(f"served/{name}/1/saved_model.pb").is_file()


@pytest.mark.pages
def test_latent_alignments(place):
    page = text_of("latent_alignments.md")
    printed = run_commands(page, run)
    answers = printed["dgm caption describe aligned sentences.txt"]
    assert [line for line in answers.splitlines() if line[0] != " "] == ["one two", "three"]
    assert json.loads(Path("aligned/settings.json").read_text())["attention"] == "sampled"
    assert Path("served/aligned/1/saved_model.pb").is_file()


@pytest.mark.pages
def test_image_models(place):
    page = text_of("image_models.md")
    printed = run_commands(page, run)
    report = json.loads(Path("report.json").read_text())
    said = [name.strip("`") for row in table(page, "number") for name in row[0].split("`, ")[:2]]
    assert [name for name in said[:7] if name.split("`")[0] not in report] == []
    for command, text in printed.items():
        if " evaluate " in command:
            assert "log likelihood" in text
            assert "effective sample size" in text
    for name in ("samples.png", "reconstructions.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.pages
def test_annotators(place):
    run_commands(text_of("annotators.md"), run)
    wide = pd.read_csv("labelled.csv", keep_default_na=False)
    assert list(wide)[:3] == ["text", "ann", "bob"]
    assert (wide["inferred_label"] != "").sum() == LABELLED
    assert len(pd.read_csv("truths.csv")) == 2 * ROWS


@pytest.mark.pages
def test_several_labels(place):
    page = text_of("several_labels.md")
    run_commands(page, run)
    columns = [row[0].strip("`") for row in table(page, "column")]
    out = pd.read_csv("tags.csv", keep_default_na=False)
    assert list(out)[-len(columns) :] == columns
    assert len(out) == len(pd.read_csv("columns.csv")) == ROWS


@pytest.mark.pages
def test_review(place, monkeypatch):
    page = text_of("review.md")
    pages = []

    def ask(server):
        with urllib.request.urlopen(server.address) as answer:
            pages.append(answer.read().decode())

    def run_and_accept(command):
        printed = run(command)
        if command.startswith("dgm label"):  # So few labels let nothing be accepted.
            table = pd.read_csv("labelled.csv", dtype=str, keep_default_na=False)
            table["accept"] = table["accept"].replace({"false": "true"})
            table.to_csv("labelled.csv", index=False)
        if command.startswith("dgm tag"):
            tagged = Path("tagged.conll")
            tagged.write_text(tagged.read_text().replace("\tNo", "\tYes"))
        return printed

    whole = ("__enter__", "__exit__")
    with servers_are_asked(monkeypatch, ask, ReviewServer, *whole):
        run_commands(page, run_and_accept)
    for key in (row[0] for row in table(page, "key")):
        assert key[0] != "`" or f'key="{key.strip("`")}"' in pages[0], key
    of_sentences = page[page.index("## Words of sentences") :]
    for row in table(of_sentences, "key"):
        for key in re.findall("`(.)`", row[0]):
            assert f'key="{key}"' in pages[-1], key
    assert (
        read_tagged_sentences("notes2.conll").tokens == read_tagged_sentences("notes.conll").tokens
    )
    assert len(pd.read_csv("spans.csv")) > 0
    exported = pd.read_csv("labelled2.csv", keep_default_na=False)
    assert list(exported) == ["text", "label", "reviewed_by", "review_no_class", "review_notes"]
    assert len(exported) == ROWS
    taken = json.loads(Path("labelled.review/journal.jsonl").read_text().splitlines()[1])
    assert (len(taken["rows"]), taken["label"], taken["source"]) == (5, "refund", "doccano.jsonl")
    sample = pd.read_csv("sample.csv", dtype=str)
    assert len(sample) == ROWS - LABELLED
    sample.assign(is_right="yes").to_csv("sample.csv", index=False)
    shown = next(block for block in blocks(page, "text") if block.startswith("kept"))
    printed = run("dgm check labelled.csv sample.csv")
    assert shape(printed.splitlines()[0]) == shape(shown)
    assert "Checked by a person" in Path("labelled.model/report.html").read_text()


@pytest.mark.pages
def test_induction(place):
    page = text_of("induction.md")
    run_commands(page, run)
    _, wrong = run_python(page)  # Of the models that the commands have made.
    assert wrong == []
    headings = {
        "TAGS": "file in the folder",
        "TREES": "file beside the trees",
        "PHRASES": "file beside the brackets",
    }
    for folder, heading in headings.items():
        cells = [name for row in table(page, heading) for name in row[0].split(", ")]
        assert {path.name for path in Path(folder).iterdir()} == {
            name.strip("`/") for name in cells
        }
    metrics = json.loads(Path("TAGS/metrics.json").read_text())
    assert metrics["num_tags"] == 3


def test_every_command_of_a_page_is_run_or_listed():
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        if path.name == "README.md":
            page = page.replace(next(commands(page)).command, "")  # That of labelling.md.
        found = [] if path.name in RUN else [shown.command for shown in commands(page)]
        found += [line for line in inline(page) if whole(line)]
        assert [line for line in found if not not_run(line)] == [], path.name


def whole(line):
    """Whether what stands in a sentence could be typed as it is, with more than its name."""
    if not line.startswith("dgm "):
        return True
    return len(line.split()) > 2 and problems(line, whole=True) == []


@pytest.mark.parametrize("listed", [*NOT_RUN, *ADDED])
def test_what_is_listed_stands_in_a_page(listed):
    text = [path.read_text(encoding="utf-8") for path in PAGES]
    found = [line for page in text for line in inline(page)]
    found += [shown.command for page in text for shown in commands(page)]
    assert any(line.startswith(listed) for line in found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_block_says_what_it_is(path):
    page = path.read_text(encoding="utf-8")
    assert languages(page) <= {"python", "sh", "console", "text", "yaml"}
    hidden = "".join(blocks(page, "text", "yaml"))
    assert [line for line in hidden.splitlines() if line.startswith(("dgm ", "$ "))] == []


def test_shapes_tell_what_differs():
    assert (
        shape("3 rows, 0.5 of 1,000\n") == shape("12 rows, 0.25 of 7") != shape("3 lines, 1 of 1")
    )
    assert shape("a b\n  c d\n\ne", free=True) == shape("x\n  y\n\nz", free=True)
    assert shape("a\n  c", free=True) != shape("a\nc", free=True)


@pytest.mark.parametrize("shows", ["12 rows written\n", ""])
def test_a_command_that_prints_otherwise_is_found(shows):
    page = "```console\n$ dgm predict a b\n12 rows labelled\n```\n"
    assert run_commands(page, lambda command: "7 rows labelled\n")
    with pytest.raises(AssertionError, match="dgm predict a b"):
        run_commands(page.replace("12 rows labelled\n", shows), lambda command: "7 rows labelled\n")
