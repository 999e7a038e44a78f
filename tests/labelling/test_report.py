"""The report: says what is so, holds whatever a data set holds, and is one well-formed page."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from tests.labelling.outcomes import drawn, hand_made, one_hot
from tfp_dgm.labelling.annotators import Crowd, Reliability
from tfp_dgm.labelling.marked_words import MarkedWord
from tfp_dgm.labelling.outcome import Outcome, RationaleScores
from tfp_dgm.labelling.report import render_report

_VOID = {"meta", "br", "link", "img", "hr", "input"}
_HOSTILE = "<script>alert('$x_{')</script>\x00\ud800\" onload=\"x"


class _Page(HTMLParser):
    """Fails where tags do not match; gathers what the page says and what it refers to."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has the handler {name}"
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "action", "xlink:href"):
                self.references.append(value)

    def handle_endtag(self, tag) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if "style" not in self.open:
            self.words.append(data)


def _page(outcome: Outcome, **options) -> _Page:
    html = render_report(outcome, **({"title": "Messages", "source": "messages.csv"} | options))
    html.encode("utf-8")
    page = _Page(html)
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    for reference in page.references:
        assert reference.startswith(("#", "data:image/png;base64,"))
        assert not reference.startswith("#") or reference[1:] in page.ids
    assert not re.search(r"url\((?!#)|@import|https?://", html)
    headings = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - before <= 1 for before, later in pairwise(headings))
    assert not re.search(r"\bnan\b|\bNone\b(?! of)", page.text)
    return page


def test_the_summary_in_words() -> None:
    text = _page(hand_made()).text
    assert "4 of 8 rows came with a label. The other 4 got a predicted label." in text
    assert "1 of them (25%) are safe to accept at the 90% precision that you asked for" in text
    assert "of 100 such labels, expect about 96 to be right" in text
    assert "The remaining 3 are better looked at by a person." in text
    assert "Fewer than 3 labels for 'spam' (1)." in text
    assert "Find more examples of spam" in text


def test_copies_and_shares_of_classes() -> None:
    text = _page(hand_made()).text
    # Draws of 0.7, 0.5 and 0.6 for ham: their mean, and quantiles 0.1 and 0.9.
    assert "ham 3 3 0 60% 52% to 68%" in text
    assert "spam 1 1 1 40% 32% to 48%" in text
    assert "cop" not in text.split("In short")[2].split("Warnings")[0]
    assert "Labels given 4 in 2 classes; 3 copies counted once" in _page(hand_made(copies=3)).text
    assert "in 2 classes; 1 copy counted once" in _page(hand_made(copies=1)).text
    assert "Of 1 such label, about 1 is expected to be wrong" in text


def test_annotators_and_what_they_are_worth() -> None:
    nobody = Reliability("ann", 1, 0.7, 0.4, 0.9, None, 0.0, "too few answers")
    each = [
        nobody,
        replace(nobody, name=_HOSTILE, answers=1234, accuracy=0.2, verdict="adversary"),
        *(replace(nobody, name=f"b{n}", answers=2 + n, agreement=0.5) for n in range(100)),
    ]
    truth = np.array([[0.9, 0.1], [0.3, 0.7]] * 4)
    page = _page(hand_made(crowd=Crowd(truth, np.arange(8) < 2, 9, each)))
    assert "inferred from 9 answers to 2 rows and from the texts" in page.text
    assert "80% of these truths are expected to be right" in page.text
    assert "1,234 20% 40% to 90%" in page.text
    assert page.text.index("1,234 20%") < page.text.index("b99 101 70%")
    assert "The first 100 of 102" in page.text
    assert "inferred_label" in page.text
    assert "annotators" not in _page(hand_made()).ids


def test_rows_are_named() -> None:
    text = _page(hand_made(), row_names=[f"line {i}" for i in range(8)]).text
    assert "line 3 claim your prize ham spam 98% 25%" in text
    assert "line 5 lunch or a prize" in text
    assert "4 claim your prize ham spam 98% 25%" in _page(hand_made()).text
    with pytest.raises(ValueError, match="row_names: expected 8 names; received 1"):
        _page(hand_made(), row_names=["x"])


def test_annotations_are_shown_by_the_fewer_classes() -> None:
    allowed = np.ones((8, 7), bool)
    allowed[:3] = np.eye(7, dtype=bool)[:3]
    allowed[3, [0, 1]] = False
    probabilities = np.full((8, 7), 0.001, np.float32)
    probabilities[:, 0] = 0.994
    probabilities[3] = [0.03, 0.96, 0.002, 0.002, 0.002, 0.002, 0.002]
    outcome = hand_made(
        classes=tuple("abcdefg"),
        allowed=allowed,
        probabilities=probabilities,
        class_shares=np.full((2, 7), 1 / 7),
        terms={},
    )
    page = _page(outcome)
    assert "3 win a prize now c a 99.4%" in page.text
    assert "4 claim your prize not a or b b 96%" in page.text


@pytest.mark.slow
def test_reasons_are_asked_for_the_rows_that_are_shown() -> None:
    asked = []

    def explain(texts, answers, others):
        asked.extend(zip(texts, answers.tolist(), others.tolist(), strict=True))
        return [
            [
                MarkedWord(f"<b>{text.split()[-1]}", 1.25, True),
                MarkedWord("the", -0.5),
                MarkedWord("kept", kept=True),
            ]
            for text in texts
        ]

    text = _page(hand_made(), explain=explain).text
    # The suspect: predicted as spam against the ham that was given; the rest, first against second.
    assert ("claim your prize", 1, 0) in asked
    assert ("call me about lunch", 0, 1) in asked
    assert "claim your prize <b>prize +1.2; the -0.5; kept" in text
    assert "speak for the prediction and (-) for your label" in text
    assert "speak for" not in _page(hand_made()).text.replace("speak for each class", "")
    assert "spoke for" not in _page(hand_made()).text
    assert "spoke for the predicted label" in _page(hand_made(), settings={"reasons": True}).text


def test_what_rationales_are_worth_is_said_where_there_are_some() -> None:
    assert "rationale" not in _page(hand_made()).text
    scored = replace(hand_made(), rationales=RationaleScores(40, 0.15, 0.875))
    text = _page(scored).text
    assert "rationale The words from which alone" in text
    assert "On 40 texts that it had not learnt from" in text
    assert "kept 15% of the words" in text
    assert "in 87.5%" in text
    assert (
        "not learnt from"
        not in _page(replace(hand_made(), rationales=RationaleScores(0, None, None))).text
    )


def test_settings_versions_and_seconds() -> None:
    settings = {"seed": 3, "text_columns": ["a", "b"], "versions": {"made-up": "1.2.3"}}
    text = _page(hand_made(), settings=settings).text
    assert "seed 3" in text
    assert "text_columns a, b" in text
    assert "made-up 1.2.3" in text
    assert "training 2.0 in all 2.2" in text
    assert "numpy" in _page(hand_made()).text


def test_too_few_labels_to_tell() -> None:
    text = _page(hand_made(threshold=None)).text
    assert "There are too few labels to tell which of them reach the 90% precision" in text
    assert "safe to accept at the" not in text


def test_nothing_accepted() -> None:
    assert "None of them is certain enough" in _page(hand_made(threshold=0.99)).text


def test_no_weights() -> None:
    text = _page(hand_made(weights=np.zeros(8))).text
    assert "Too few labels to tell : 4 labels could be checked" in text


def test_no_labels() -> None:
    outcome = hand_made(allowed=np.ones((8, 2), bool), weights=np.zeros(8), threshold=None)
    text = _page(outcome).text
    assert "Too few labels to tell : there are no labels to compare with" in text
    assert "None of the labels given looks wrong" in text


def test_every_row_labelled() -> None:
    text = _page(hand_made(allowed=one_hot([0, 0, 1, 0, 1, 0, 0, 0], 2))).text
    assert "Every row has its label already" in text
    assert "There is no row without a label." in text


def test_a_choice_of_classes() -> None:
    allowed = one_hot([0, 1, 2, -1], 3)
    allowed[3] = [True, True, False]
    outcome = hand_made(
        classes=("a", "b", "c"),
        texts=["one", "two", "three", "four"],
        allowed=allowed,
        probabilities=np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.02, 0.01, 0.97]], np.float32),
        weights=np.array([1, 1, 1, 0], np.float32),
        given_probability=np.array([1, 1, 1, 0.125], np.float32),
        class_shares=np.full((1, 3), 1 / 3),
        terms={},
    )
    text = _page(outcome).text
    assert "and 1 more with a choice of classes" in text
    assert "4 four a or b c 97% 12.5%" in text


@pytest.mark.parametrize("num_classes", [2, 12, 13, 60])
def test_few_and_many_classes(num_classes: int) -> None:
    page = _page(drawn(600, num_classes, terms={"class 01": [("word1", 0.5)]}))
    assert page.tags.count("svg") == (2 if num_classes <= 12 else 3)
    assert page.text.count("class 01") >= 2
    assert ("Most often confused" in page.text) == (num_classes > 2)


def test_whatever_the_data_hold() -> None:
    outcome = hand_made()
    names = (_HOSTILE, _HOSTILE + "2")
    html = render_report(
        hand_made(
            classes=names,
            texts=[_HOSTILE + text for text in outcome.texts],
            terms={name: [(_HOSTILE, 1.0)] for name in names},
            warnings=[_HOSTILE],
            seconds={_HOSTILE: 1.0},
        ),
        title=_HOSTILE,
        source=_HOSTILE,
        row_names=[_HOSTILE] * 8,
        settings={_HOSTILE: _HOSTILE},
    )
    page = _Page(html)
    assert "script" not in page.tags
    assert "&lt;script&gt;alert(&#39;$x_{&#39;)&lt;/script&gt;" in html
    assert "\x00" not in html
    html.encode("utf-8")


def test_long_texts_are_cut() -> None:
    long = "a" * 5_000_000
    html = render_report(hand_made(texts=[long] * 8), title=long, source=long)
    assert len(html) < 200_000
    assert "a" * 301 not in html


def test_the_same_page_every_time() -> None:
    pages = [render_report(drawn(200, 20), title="t", source="s") for _ in range(2)]
    assert pages[0] == pages[1]


def test_no_rows() -> None:
    page = _page(
        hand_made(
            texts=[],
            allowed=one_hot([], 2),
            probabilities=np.zeros((0, 2), np.float32),
            weights=np.zeros(0, np.float32),
        )
    )
    assert "0 of 0 rows came with a label." in page.text
    assert "Too few labels to tell : there are no labels to compare with" in page.text
    assert "There is no row without a label." in page.text
