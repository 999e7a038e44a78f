"""Vocabularies: strings to ids and back, in the graph and through a file."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.text import SubwordVocabulary, WordVocabulary

TEXTS = [
    "The cat sat on the mat .",
    "the dog (a Spaniel) sat, too!",
    "a cat and a dog don't sit",
]
FITS = {"words": (WordVocabulary, 40), "sub-words": (SubwordVocabulary, 70)}
every_vocabulary = pytest.mark.parametrize("name", FITS)


def fit(name, texts=TEXTS * 3, **kwargs):
    cls, size = FITS[name]
    return cls.fit(texts, size=size, **kwargs)


@pytest.fixture(scope="module")
def vocabularies():
    return {name: fit(name) for name in FITS}


def test_words_by_hand():
    vocabulary = WordVocabulary(["cat", "the", "."])
    ids = vocabulary(tf.constant(["the cat sat.", "", "cat"]))
    np.testing.assert_array_equal(ids, [[5, 4, 3, 6, 2], [2, 0, 0, 0, 0], [4, 2, 0, 0, 0]])
    assert ids.dtype == tf.int32
    assert vocabulary.size == 7
    assert vocabulary.detokenize(ids).numpy().tolist() == [b"the cat <unk>.", b"", b"cat"]


def test_words_are_ranked_by_frequency_then_alphabet():
    vocabulary = WordVocabulary.fit(["b a a", "c b a <unk> <unk>", "d"], size=7)
    assert vocabulary.tokens == ("a", "b", "c")
    rare = WordVocabulary.fit(["b a a", "c b a", "d"], min_count=2)
    assert rare.tokens == ("a", "b")


@pytest.mark.parametrize("text", ["[UNK] [UNK] a", "[UNK]"])
def test_what_keras_calls_the_unknown_is_a_word(text):
    vocabulary = WordVocabulary.fit([text], split_punctuation=False)
    ids = vocabulary(tf.constant(["[UNK] a b"])).numpy()[0]
    known_a = 5 if "a" in text else 3
    assert ids.tolist() == [4, known_a, 3, 2]


def test_tokenised_text_is_cut_at_spaces_only():
    vocabulary = WordVocabulary.fit(["it 's N 10-year <unk> u.s."], split_punctuation=False)
    assert set(vocabulary.tokens) == {"it", "'s", "N", "10-year", "u.s."}
    ids = vocabulary(tf.constant(["it 's u.s. <unk>"])).numpy()[0]
    assert list(ids == 3) == [False, False, False, True, False]


def test_tokenised_text_comes_back_with_its_spaces():
    """Marks that were glued to words would be read as unknown words."""
    texts = ["rose N % on friday , ( he said ) .", "it 's $ N ; <unk> !"]
    vocabulary = WordVocabulary.fit(texts, split_punctuation=False)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def there_and_back(texts):
        return vocabulary.detokenize(vocabulary(texts))

    for back in (vocabulary.detokenize(vocabulary(tf.constant(texts))), there_and_back(texts)):
        assert [text.decode() for text in back.numpy()] == texts


@every_vocabulary
def test_what_was_learned_comes_back(vocabularies, name):
    texts = ["The cat sat on the mat.", "the dog (a Spaniel) sat, too!"]
    back = vocabularies[name].detokenize(vocabularies[name](tf.constant(texts))).numpy()
    assert [text.decode() for text in back] == texts


@every_vocabulary
def test_case(name):
    vocabulary = fit(name, lower=True)
    upper, lower = vocabulary(tf.constant(["THE CAT"])), vocabulary(tf.constant(["the cat"]))
    np.testing.assert_array_equal(upper, lower)
    assert vocabulary.detokenize(upper).numpy()[0] == b"the cat"
    assert not any(token != token.lower() for token in vocabulary.tokens)


@every_vocabulary
def test_rows_end_and_are_padded(vocabularies, name):
    ids = vocabularies[name](tf.constant(["cat", "the cat sat on the mat", ""])).numpy()
    for row in ids:
        end = list(row).index(2)
        assert not row[end + 1 :].any()
        assert (row[:end] > 2).all()


@every_vocabulary
def test_a_batch_of_no_texts_has_no_rows_but_a_column(vocabularies, name):
    vocabulary = vocabularies[name]
    assert vocabulary(tf.constant([], tf.string)).shape == (0, 1)
    assert vocabulary(tf.constant([""])).numpy().tolist() == [[2]]


@every_vocabulary
def test_the_same_in_a_graph_of_unknown_batch_size(vocabularies, name):
    vocabulary = vocabularies[name]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def there_and_back(texts):
        ids = vocabulary(texts)
        return ids, vocabulary.detokenize(ids)

    for texts in (["cat", "the dog, too!"], ["zebra ☃ sat"]):
        ids, back = there_and_back(tf.constant(texts))
        np.testing.assert_array_equal(ids, vocabulary(tf.constant(texts)))
        np.testing.assert_array_equal(back, vocabulary.detokenize(ids))


@every_vocabulary
def test_hostile_bytes_stay_in_the_vocabulary(vocabularies, name):
    texts = tf.constant([b"\xff\xfe cat", b"", "☃ é 中文 \u200b".encode(), b"x" * 5000])
    ids = vocabularies[name](texts).numpy()
    assert ids.max() < vocabularies[name].size
    assert (ids == 3).any()
    assert (ids == 2).sum() == 4


@every_vocabulary
def test_long_texts_are_cut_before_the_end(name):
    vocabulary = fit(name, max_length=3)
    ids = vocabulary(tf.constant(["the cat sat on the mat", "cat"])).numpy()
    assert ids.shape[1] == 3
    assert ids[0, 2] == 2


@every_vocabulary
def test_detokenize_takes_leading_axes_and_stops_at_the_end(vocabularies, name):
    vocabulary = vocabularies[name]
    row = vocabulary(tf.constant(["the cat"])).numpy()[0]
    ids = np.stack([np.stack([row, row]), np.stack([row, 0 * row])])  # [2, 2, T]
    ids = np.concatenate([ids, np.full((2, 2, 1), row[0])], axis=-1)  # Something after the end.
    expected = [[b"the cat", b"the cat"], [b"the cat", vocabulary.detokenize(row[:1]).numpy()]]
    assert vocabulary.detokenize(ids).numpy().tolist() == expected


@every_vocabulary
def test_comes_back_through_config_and_file(vocabularies, name, tmp_path):
    vocabulary = vocabularies[name]
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(vocabulary)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == vocabulary.get_config()
    texts = keras.Input((), dtype="string")
    model = keras.Model(texts, vocabulary(texts))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(tf.constant(TEXTS)), vocabulary(tf.constant(TEXTS)))


@every_vocabulary
def test_many_texts_at_once_are_the_same_rows(vocabularies, name):
    rows = vocabularies[name].encode_all(TEXTS * 400)
    assert len(rows) == 1200
    for row, text in zip(rows[-3:], TEXTS, strict=True):
        np.testing.assert_array_equal(row, vocabularies[name](tf.constant([text])).numpy()[0])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: WordVocabulary([]), "`tokens` is empty"),
        (lambda: WordVocabulary(["a", "b", "a"]), "'a' more than once"),
        (lambda: WordVocabulary(["a"], max_length=0), "`max_length` must be >= 1 or None"),
        (lambda: WordVocabulary.fit(["a"], size=4), "`size` must be > 4"),
        (lambda: WordVocabulary.fit([" "]), "no word occurs 1 times in 1 texts"),
        (lambda: SubwordVocabulary.fit([" "]), "no word in the texts"),
    ],
)
def test_errors_name_the_argument(run, message):
    with pytest.raises(ValueError, match=message):
        run()


PIECES = SubwordVocabulary(["a", "dog", "##man", "##s", "b", "\u03c3", ".", "i\u0307"], lower=True)
WORDS = WordVocabulary(["a", "dog", "dogman", "."], lower=True)
TOKENISED = WordVocabulary(["a", "dog", "dogman", "."], split_punctuation=False)


@pytest.mark.parametrize(
    "vocabulary", [WORDS, TOKENISED, PIECES], ids=["words", "spaces", "pieces"]
)
def test_tokens_end_where_the_longest_beginning_of_as_many_ends(vocabulary):
    """By cutting the text everywhere: letters that grow in lower case, marks, any space."""
    parts = [
        *"aB .,-'\t",
        "Dogman",
        "dogs",
        "\u0130",
        "\u03a3",
        "\u4e2d",
        "\U0001f415",
        "e\u0301",
        "\ud800",
    ]
    random = np.random.default_rng(0)
    checked = 0
    for _ in range(40):
        text = "".join(random.choice(parts, 12))
        row = vocabulary.encode_all([text])[0][:-1].tolist()
        encoded = vocabulary.encode_all([text[:end] for end in range(len(text) + 1)])
        ends = vocabulary.token_ends(text)
        assert len(ends) == len(row)
        for n, end in enumerate(ends, start=1):
            alike = [k for k, ids in enumerate(encoded) if ids[:-1].tolist() == row[:n]]
            if alike:  # A part of a word may have other ids than in the word.
                assert text[:end] == text[: max(alike)].rstrip(), (text, n)
                checked += 1
    assert checked > 50


def test_tokens_end_within_the_length():
    short = WordVocabulary(["a"], max_length=3)
    assert short.token_ends("a bb a c").tolist() == [1, 4]
    assert short.token_ends(" ").tolist() == []


@every_vocabulary
@pytest.mark.parametrize("lower", [True, False])
def test_a_nul_character_ends_no_text(name, lower):
    vocabulary = fit(name, ["the\0cat sat", *TEXTS * 3], lower=lower)
    ids = vocabulary(tf.constant([b"the\0cat sat", b"the cat sat"])).numpy()
    known = [row[row > 3].tolist() for row in ids]
    assert known[0][-1] == known[1][-1]  # "sat" is read.
    assert lower is False or known[0] == known[1]
