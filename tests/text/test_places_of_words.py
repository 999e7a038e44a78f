import pytest

from tfp_dgm.text import without_words, word_spans


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("... !", []),
        ("Refund, please: REFUND!", [("refund", 0), ("please", 8), ("refund", 16)]),
        ("don't re-use", [("don", 0), ("t", 4), ("re", 6), ("use", 9)]),
        ("日本語abc語", [("日", 0), ("本", 1), ("語", 2), ("abc", 3), ("語", 6)]),
        ("ข้าว", [("ข", 0), ("้", 1), ("า", 2), ("ว", 3)]),
        ("nai\u0308ve naïve", [("nai\u0308ve", 0), ("naïve", 7)]),
        ("İstanbul \N{PILE OF POO}x9", [("i\u0307stanbul", 0), ("x9", 10)]),
        ("a\tb\r\nc\x01d", [("a", 0), ("b", 2), ("c", 5), ("d", 7)]),
        ("a \x00 b", [("a", 0), ("b", 4)]),
        ("é\x00\x00É b", [("é", 0), ("é", 3), ("b", 5)]),
    ],
)
def test_words_and_their_places(text, expected):
    (spans,) = word_spans([text])
    assert [(span.word, span.start) for span in spans] == expected
    for span in spans:
        assert text[span.start : span.end].lower() == span.word


def test_every_character_keeps_its_place():
    """Whatever stands between two letters, all that is cut out is found where it was."""
    characters = [c for c in map(chr, range(1, 0x20000)) if not "\ud800" <= c <= "\udfff"]
    texts = ["".join(f"a{c} " for c in characters[i::64]) for i in range(64)]
    for text, spans in zip(texts, word_spans(texts), strict=True):
        starts = {span.start for span in spans}
        assert starts >= set(range(0, len(text), 3))


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Refund, please: REFUND!", {"refund"}, " , please:  !"),
        ("refunded refund", {"refund"}, "refunded  "),
        ("abc漢def", {"漢"}, "abc def"),
        ("a b", {"c"}, "a b"),
        ("a b, c", {"a", "c"}, "  b,  "),
    ],
)
def test_words_are_left_out_wherever_they_stand(text, words, expected):
    assert without_words(text, word_spans([text])[0], words) == expected


def test_many_texts_at_once():
    assert [[s.word for s in spans] for spans in word_spans(["b a", "", "c"])] == [
        ["b", "a"],
        [],
        ["c"],
    ]
    assert word_spans([]) == []
    assert word_spans(["", ""]) == [[], []]
