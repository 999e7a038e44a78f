"""Spot checks of tagged sentences: what is drawn, what is said, what is refused."""

import json

import pandas as pd
import pytest
from scipy.stats import hypergeom

from tests.reviewing.made_tags import made_tagging
from tfp_dgm.data import DataError, SentenceResult, SpanResult, read_tagged_sentences
from tfp_dgm.reviewing import check_table
from tfp_dgm.reviewing.accepted_spans import is_tagged_file, read_accepted_spans

REPORT = "<p>x</p><!-- certificate --><!-- /certificate -->"


def _file(folder, name="out.conll", count=80):
    """Sentences of three words, the last of them a span, two in three accepted."""
    text = "a\t_\nb\t_\nc\t_\n\n" * count + "x\tB-PER\ny\tO\n\n"
    if name.endswith(".jsonl"):
        last = '{"text": "x y", "spans": [{"start": 0, "end": 1, "label": "PER"}]}\n'
        text = '{"text": "a b c"}\n' * count + last
    (folder / f"in_{name}").write_text(text)
    sentences = read_tagged_sentences(folder / f"in_{name}")
    results = []
    for n, words in enumerate(sentences.tokens):
        last = len(words) - 1
        span = SpanResult(last, last, "PER", 0.5 + n / 200, n % 3 > 0, "O", 0.1)
        tags = sentences.scheme.written(["O"] * last + ["S-PER"])
        accept = [True] * last + [n % 3 > 0]
        results.append(SentenceResult(tags, [0.9] * (last + 1), accept, [span]))
    sentences.write(folder / name, results)
    return folder / name


@pytest.mark.parametrize("name", ["out.conll", "out.jsonl"])
def test_accepted_spans_are_those_of_the_file_each_in_its_sentence(tmp_path, name):
    found = read_accepted_spans(_file(tmp_path, name))
    wanted = [n for n in range(81) if n % 3]
    assert found.units == "spans"
    assert found.rows.tolist() == [n + 1 for n in wanted]
    assert found.probabilities.tolist() == [round(0.5 + n / 200, 4) for n in wanted]
    assert set(found.labels) == {"PER"}
    assert found.frame["sentence"].tolist() == ["a b ⟦c⟧"] * (len(wanted) - 1) + ["x ⟦y⟧"]
    line = 4 * wanted[0] + 3 if "conll" in name else wanted[0] + 1
    assert found.frame["place"][0].startswith(f"line {line}")


def test_of_plain_tags_it_is_the_words(tmp_path):
    model = made_tagging(tmp_path, "a\tX\nb\tY\n\n" + "c\t_\n" * 30 + "\n")
    found = read_accepted_spans(tmp_path / "out.conll")
    assert found.units == "words"
    result = pd.read_csv(
        tmp_path / "out.conll", sep="\t", header=None, skip_blank_lines=True, dtype=str
    )
    accepted = result[result[4] == "Yes"]
    assert found.rows.tolist() == [n + 1 for n in accepted.index]
    assert found.labels == accepted[2].tolist()
    assert found.probabilities.tolist() == accepted[3].astype(float).tolist()
    # Without the folder the file tells what it is.
    model.rename(tmp_path / "other.model")
    assert read_accepted_spans(tmp_path / "out.conll").digest == found.digest


def test_a_long_sentence_is_cut_around_the_span(tmp_path):
    text = "x\tB-PER\ny\tO\n\n" + "w\t_\n" * 500 + "\n"
    made_tagging(tmp_path, text)
    for sentence in read_accepted_spans(tmp_path / "out.conll").frame["sentence"]:
        assert len(sentence.split()) <= 123
        assert sentence.count("⟦") == sentence.count("⟧") == 1


def test_a_sample_is_drawn_judged_and_certified_once_as_scipy_says(tmp_path):
    table, sample = _file(tmp_path), tmp_path / "sample.csv"
    drawn = check_table(table, [sample], once=True, rows=30, min_precision=0.8)
    frame = pd.read_csv(sample, dtype=str, keep_default_na=False)
    assert (drawn.units, drawn.rows, len(frame)) == ("spans", 30, 30)
    assert list(frame.columns[:5]) == [
        *("checked_row", "is_right", "predicted_label", "place", "sentence")
    ]
    assert set(frame["predicted_label"]) == {"PER"}
    frame["is_right"] = ["no"] * 2 + ["yes"] * 28
    frame.to_csv(sample, index=False)
    done = check_table(table, [sample])
    population = len(read_accepted_spans(table).rows)
    # The least number of right spans under which so many right ones are not too improbable.
    low = min(
        right
        for right in range(28, population + 1)
        if hypergeom.sf(27, population, right, 30) > 0.05
    )
    assert done.certificate.all_rows.low == low
    assert f"of the {population} accepted spans are right" in done.certificate.sentence()
    assert json.loads((tmp_path / "sample.json").read_text())["certificate"]["units"] == "spans"


def test_the_certificate_is_in_the_report_and_the_metrics_of_the_tagging(tmp_path):
    made_tagging(tmp_path, "x\tB-PER\ny\tO\n\n" + "w\t_\nv\t_\n\n" * 60)
    folder = tmp_path / "out.model"
    (folder / "report.html").write_text(REPORT)
    (folder / "metrics.json").write_text('{"words": 3}')
    sample = tmp_path / "sample.csv"
    drawn = check_table(tmp_path / "out.conll", [sample])
    assert drawn.plan.promise == 0.9  # As the tagging was asked.
    frame = pd.read_csv(sample, dtype=str, keep_default_na=False).assign(is_right="yes")
    frame.to_csv(sample, index=False)
    done = check_table(tmp_path / "out.conll", [sample])
    assert done.report == folder / "report.html"
    assert "Checked by a person." in (folder / "report.html").read_text()
    assert json.loads((folder / "metrics.json").read_text())["certificate"]["verdict"] == "kept"


def test_what_is_no_check_of_tags_is_refused(tmp_path):
    table = _file(tmp_path)
    with pytest.raises(DataError, match="column: expected none of tagged sentences; received 'a'"):
        check_table(table, [tmp_path / "s.csv"], column="a")
    text = table.read_text().replace("\tYes", "\tNo")
    table.write_text(text)
    with pytest.raises(DataError, match="no span was accepted"):
        read_accepted_spans(table)
    labelled = tmp_path / "t.tsv"
    labelled.write_text("score\tpredicted_label\n0.1234\tNo\n")
    assert not is_tagged_file(labelled)
    assert is_tagged_file(table)
