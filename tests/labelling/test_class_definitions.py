"""Definitions of classes: what they teach, and answers that stop at a group."""

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

from tfp_dgm.data import ClassDefinition, ClassDefinitions
from tfp_dgm.labelling import fit_classifier, fit_multi_label
from tfp_dgm.labelling.class_levels import class_levels, judge_levels
from tfp_dgm.labelling.guided_features import with_guides
from tfp_dgm.labelling.guides import Guides

WORDS = {
    "fruit": ["apple", "pear", "plum", "peach"],
    "metal": ["iron", "zinc", "rust", "tin"],
    "stone": ["slate", "marble", "chalk", "flint"],
    "water": ["wave", "tide", "reef", "surf"],
}
TREE = ClassDefinitions(
    (
        ClassDefinition("fruit", "apple and pear"),
        ClassDefinition("metal", "iron and zinc", ("the rust and the iron",), parent="mined"),
        ClassDefinition("stone", "slate and chalk", parent="mined"),
        ClassDefinition("water", "wave and tide"),
        ClassDefinition("mined"),
    )
)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.features._VAE_STEPS", 2)


def _texts(rows, seed=0, mixed=False):
    """Texts of the four classes; where mixed, metal and stone share their words."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, rows)
    words = dict(WORDS)
    if mixed:
        words["metal"] = words["stone"] = WORDS["metal"] + WORDS["stone"]
    names = sorted(words)
    return [" ".join(rng.choice([*words[names[k]], "the", "and"], 6)) for k in truth], truth


def test_guides_say_what_the_definitions_say():
    guides = Guides.of(TREE)
    assert guides.texts == [
        "fruit. apple and pear",
        "metal. iron and zinc",
        "the rust and the iron",
        "stone. slate and chalk",
        "water. wave and tide",
        "mined.",
    ]
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 1, 0]]
    np.testing.assert_array_equal(guides.allowed, np.array(expected, bool))


def _on_a_circle(degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_texts_like_the_guides_are_taken_by_how_far_they_are_from_other_classes():
    """Guides of a at 0 and of b at 90 degrees; of 20 texts, four are not in the middle."""
    vectors = _on_a_circle([10, 40, 50, 85, *np.linspace(44, 46, 16), 0, 90])
    definitions = ClassDefinitions((ClassDefinition("a"), ClassDefinition("b")))
    texts = ["ten", "forty", "fifty", "most", *["middle"] * 16]
    found = Guides.of(definitions).with_typical(texts, [vectors])
    assert found.texts == ["a.", "b.", "ten", "forty", "most", "fifty"]
    np.testing.assert_array_equal(found.allowed[2:].argmax(axis=1), [0, 0, 1, 1])
    np.testing.assert_array_equal(found.counts, [1, 1, 0.2, 0.2, 0.2, 0.2])


def test_a_class_that_hardly_occurs_takes_no_texts_of_others():
    """Sixty texts lie at a's guide or at b's, and ten are hardly nearer to c than to these."""
    a, b, c = np.eye(3, dtype=np.float32)
    vectors = np.stack([*[a] * 30, *[b] * 30, *[a + b + 1.05 * c] * 10, a, b, c])
    definitions = ClassDefinitions(tuple(map(ClassDefinition, "abc")))
    found = Guides.of(definitions).with_typical([str(n) for n in range(70)], [vectors])
    taken = np.bincount(found.allowed[3:].argmax(axis=1), minlength=3)
    np.testing.assert_array_equal(taken, [20, 20, 0])


def test_a_class_said_to_be_less_like_all_texts_takes_its_own():
    """All texts are nearer to a's guide, and half of them are as near to b's as any is."""
    sides = np.array([[0.9, 0.3], [0.7, 0.5]], np.float32).repeat(30, axis=0)
    rest = np.sqrt(1 - np.square(sides).sum(axis=1, keepdims=True))
    vectors = np.concatenate([np.hstack([sides, rest]), np.eye(3, dtype=np.float32)[:2]])
    definitions = ClassDefinitions((ClassDefinition("a"), ClassDefinition("b")))
    texts = [str(n) for n in range(60)]
    found = Guides.of(definitions).with_typical(texts, [vectors], from_far=True)
    assert found.texts[2:] == [str(n) for n in [*range(20), *range(30, 50)]]
    np.testing.assert_array_equal(found.allowed[2:].argmax(axis=1), [0] * 20 + [1] * 20)


class _WordVectors:
    """Features of texts of known words: their shares of the words, as TF-IDF and as vectors."""

    encoder = None

    def __init__(self, texts):
        vocabulary = sorted({word for text in texts for word in text.replace(".", "").split()})
        counts = np.array(
            [[text.replace(".", "").split().count(w) for w in vocabulary] for text in texts]
        )
        self.vectors = (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)
        self.words = scipy.sparse.csr_matrix(self.vectors)
        self._texts = texts

    def followed_by(self, texts):
        return _WordVectors([*self._texts, *texts])


@pytest.mark.parametrize("encoder", [None, "some"])
def test_likeness_in_words_counts_as_much_as_in_vectors(encoder):
    """One text has the word that a's guide has, and one a vector that is nearer to it."""
    texts = ["shares the word", "is near", *["neither"] * 3]

    class Features:
        def __init__(self, rows):
            sides = [[0.6, 0.6], [0.9, 0.3], *[[0.6, 0.6]] * 3, [1.0, 0.0], [0.0, 1.0]]
            self.vectors = np.array([sides[row] for row in rows], np.float32)
            words = np.eye(7, dtype=np.float32)[[5, 1, 2, 3, 4, 5, 6]]
            self.words = scipy.sparse.csr_matrix(words[rows])
            self.encoder = encoder

        def followed_by(self, more):
            known = [*texts, "a.", "b."]
            return Features([*range(5), *(known.index(text) for text in more)])

    guides = Guides.of(ClassDefinitions((ClassDefinition("a"), ClassDefinition("b"))))
    guided = with_guides(Features(range(5)), texts, np.zeros(0, int), guides)
    of_a = guided.guides.allowed[2:, 0]
    first = [t for t, own in zip(guided.guides.texts[2:], of_a, strict=True) if own][:1]
    assert first == ["shares the word"]


def test_a_row_is_judged_with_the_guess_that_an_unannotated_one_would_have():
    """Rows 0 and 1 are annotated, in folds 0 and 1; row 2 is not. They are most like a class.

    That they are like it teaches of row 2 all models, of the others those that do not see their
    annotation. Else confidences would be tested on rows that nothing was guessed of, and given to
    rows whose guess was learned, which are surer.
    """
    texts = ["apple apple pear", "iron iron zinc", "apple plum plum", *["stone"] * 12]
    definitions = ClassDefinitions((ClassDefinition("apple"), ClassDefinition("iron")))
    features, guides = _WordVectors(texts), Guides.of(definitions)
    guided = with_guides(features, texts, np.array([0, 1]), guides)
    seen = guided.seen(np.array([[True, False, True], [True, True, False]]))
    by_text = dict(zip(guided.guides.texts, seen.tolist(), strict=True))
    assert by_text == {
        "apple.": [True, True, True],
        "iron.": [True, True, True],
        "apple apple pear": [False, True, False],
        "iron iron zinc": [False, False, True],
        "apple plum plum": [True, True, True],
    }


def test_an_example_that_repeats_an_annotated_text_is_left_out():
    texts = ["apple apple pear", "iron iron zinc", "zinc tin"]
    definitions = ClassDefinitions(
        (ClassDefinition("apple", "", ("pear apple apple",)), ClassDefinition("iron"))
    )
    features, guides = _WordVectors(texts), Guides.of(definitions)
    guided = with_guides(features, texts, np.array([0]), guides)
    assert "pear apple apple" not in guided.guides.texts
    assert guided.guides.texts[:2] == ["apple.", "iron."]


@pytest.mark.parametrize(
    ("name", "words"),
    [("card_arrival", "card arrival"), ("sci.space", "sci space"), ("lostCard", "lost Card")],
)
def test_names_that_are_written_as_one_word_are_read_as_several(name, words):
    definitions = ClassDefinitions((ClassDefinition(name), ClassDefinition("other")))
    assert Guides.of(definitions).texts[0] == f"{words}."


def test_classes_are_known_by_their_definitions_before_any_label(eager):
    texts, truth = _texts(80)
    allowed = np.ones((80, 4), bool)
    _, outcome = fit_classifier(texts, allowed, TREE.classes, definitions=TREE)
    assert np.mean(outcome.predicted == truth) > 0.9
    assert outcome.threshold is None
    assert not outcome.accepted.any()
    assert any("There are no labels yet" in warning for warning in outcome.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("fit", [fit_classifier, fit_multi_label])
def test_what_is_said_in_words_that_no_text_has_is_warned_of(eager, fit):
    texts, _ = _texts(40)
    unknown = np.ones((40, 4), bool) if fit is fit_classifier else np.full((40, 4), -1, np.int8)
    foreign = ClassDefinitions(
        (
            ClassDefinition("fruit", "Apfel und Birne", ("a peach",)),  # An example that is known.
            ClassDefinition("metal", "Eisen", parent="tin"),
            ClassDefinition("stone", "Schiefer", parent="tin"),
            ClassDefinition("water", "a wave"),
            ClassDefinition("tin"),
        )
    )
    said = "No word of what is said of 'metal', 'stone' is known from the texts"
    for definitions, number in ((foreign, 1), (TREE, 0)):
        _, outcome = fit(texts, unknown, TREE.classes, definitions=definitions)
        found = [warning for warning in outcome.warnings if "is known from" in warning]
        assert [warning.startswith(said) for warning in found] == [True] * number


@pytest.mark.slow
def test_labels_and_definitions_together_judge_by_labels_alone(eager):
    """An example that repeats a labelled text would let its fold's model see the label."""
    texts, truth = _texts(60)
    allowed = np.ones((60, 4), bool)
    allowed[:20] = np.eye(4, dtype=bool)[(truth[:20] + 1) % 4]  # Wrong labels: unlike the rest.
    copies = tuple(
        ClassDefinition(name, "", tuple(texts[n] for n in range(20) if (truth[n] + 1) % 4 == k))
        for k, name in enumerate(TREE.classes)
    )
    plain, copied = (
        fit_classifier(texts, allowed, TREE.classes, definitions=ClassDefinitions(definitions))[1]
        for definitions in (tuple(ClassDefinition(d.name) for d in copies), copies)
    )
    np.testing.assert_allclose(copied.probabilities, plain.probabilities, atol=1e-6)


def test_definitions_of_other_classes_are_refused():
    with pytest.raises(ValueError, match=r"classes: expected those defined, \('fruit'"):
        fit_classifier(["a", "b"], np.ones((2, 2), bool), ("a", "b"), definitions=TREE)


def test_levels_are_the_partitions_of_the_tree():
    deep = ClassDefinitions(
        (
            ClassDefinition("a", parent="x"),
            ClassDefinition("b", parent="x"),
            ClassDefinition("c", parent="y"),
            ClassDefinition("x", parent="top"),
            ClassDefinition("y", parent="top"),
            ClassDefinition("d"),
        )
    )
    levels = class_levels(deep)
    assert [level.names for level in levels] == [("d", "x", "y"), ("d", "top")]
    np.testing.assert_array_equal(levels[0].group, [1, 1, 2, 0])
    np.testing.assert_array_equal(levels[1].group, [1, 1, 1, 0])
    assert class_levels(ClassDefinitions((ClassDefinition("a"), ClassDefinition("b")))) == ()


def test_sums_and_sets_of_groups():
    (level,) = class_levels(TREE)
    np.testing.assert_allclose(level.sums(np.array([[0.1, 0.2, 0.3, 0.4]])), [[0.1, 0.5, 0.4]])
    allowed = np.array([[0, 1, 0, 0], [1, 0, 1, 0]], bool)
    expected = np.array([[0, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(level.allowed(allowed), expected)


def test_each_level_is_judged_by_what_deeper_ones_leave():
    """Metal or stone is even, the group sure: rows of these wait for the level of groups."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 1200)
    probabilities = np.full((1200, 4), 0.002)
    probabilities[np.arange(1200), truth] = 0.994
    probabilities[np.isin(truth, (1, 2))] = [0.002, 0.498, 0.498, 0.002]
    allowed = np.eye(4, dtype=bool)[truth]
    (judged,) = judge_levels(
        class_levels(TREE),
        probabilities[400:],
        probabilities[:400],
        allowed[:400],
        threshold=0.9,
        min_precision=0.95,
        weights=np.ones((1, 400)),
        counts=np.ones(400),
        share_draws=np.full((8, 4), 0.25),
    )
    accepted = judged.probabilities(probabilities[400:]).max(axis=1) >= judged.threshold
    assert accepted[np.isin(truth[400:], (1, 2))].all()


def test_a_level_counts_rows_of_no_class_as_wrong():
    """All answers are right, but a tenth of the rows to accept from are of no class, unseen."""
    truth = np.random.default_rng(1).integers(0, 4, 1200)
    probabilities = np.full((1200, 4), 0.002)
    probabilities[np.arange(1200), truth] = 0.994
    given = {
        "threshold": None,
        "weights": np.ones((1, 400)),
        "counts": np.ones(400),
        "share_draws": np.full((8, 4), 0.25),
        "none": np.full((4, 800), 0.1),
        "cross_fitted_none": np.full(400, 0.1),
    }
    levels, allowed = class_levels(TREE), np.eye(4, dtype=bool)[truth[:400]]
    for min_precision, told in ((0.95, False), (0.8, True)):
        (judged,) = judge_levels(
            levels,
            probabilities[400:],
            probabilities[:400],
            allowed,
            min_precision=min_precision,
            **given,
        )
        assert (judged.threshold is not None) == told


def test_a_level_with_a_group_that_has_hardly_a_label_accepts_nothing():
    truth = np.repeat([0, 1], 200)
    probabilities = np.full((400, 4), 0.002)
    probabilities[np.arange(400), truth] = 0.994
    (judged,) = judge_levels(
        class_levels(TREE),
        probabilities,
        probabilities,
        np.eye(4, dtype=bool)[truth],
        threshold=None,
        min_precision=0.95,
        weights=np.ones((1, 400)),
        counts=np.ones(400),
        share_draws=np.full((8, 4), 0.25),  # Of these a quarter is of water, which has no label.
    )
    assert judged.threshold is None
    assert judged.unknown == ("water",)
    assert judged.unknown_share == 0.25


def test_a_label_that_names_a_group_counts_at_its_level():
    """Labels say fruit, mined or water, never which mined thing it is."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 1200)
    probabilities = np.full((1200, 4), 0.002)
    probabilities[np.arange(1200), truth] = 0.994
    allowed = np.eye(4, dtype=bool)[truth[:400]]
    allowed[np.isin(truth[:400], (1, 2))] = [False, True, True, False]
    (judged,) = judge_levels(
        class_levels(TREE),
        probabilities[400:],
        probabilities[:400],
        allowed,
        threshold=None,
        min_precision=0.95,
        weights=np.ones((1, 400)),
        counts=np.ones(400),
        share_draws=np.full((8, 4), 0.25),
    )
    assert judged.unknown == ()
    assert judged.unknown_share == 0
    assert (judged.probabilities(probabilities[400:]).max(axis=1) >= judged.threshold).all()


@pytest.mark.slow
def test_labels_of_groups_alone_accept_groups_alone(eager):
    texts, truth = _texts(300, seed=3)
    mined = np.isin(truth, (1, 2))
    allowed = np.ones((300, 4), bool)
    allowed[:160] = np.where(mined[:160, np.newaxis], [0, 1, 1, 0], np.eye(4)[truth[:160]])
    _, outcome = fit_classifier(texts, allowed, TREE.classes, definitions=TREE)
    hidden = np.arange(160, 300)
    assert np.all(outcome.safe_level[hidden] == 1)
    answers = outcome.of_groups(1)[hidden].argmax(axis=1)
    np.testing.assert_array_equal(answers, np.array([0, 1, 1, 2])[truth[hidden]])
    (warning,) = (said for said in outcome.warnings if "Too few labels" in said)
    assert "None of the predictions of classes is accepted: metal, stone have fewer" in warning


@pytest.mark.slow
def test_the_served_answer_stops_where_the_outcome_does(eager):
    texts, truth = _texts(300, mixed=True)
    allowed = np.ones((300, 4), bool)
    allowed[:160] = np.eye(4, dtype=bool)[truth[:160]]
    classifier, outcome = fit_classifier(texts, allowed, TREE.classes, definitions=TREE)
    (level,) = class_levels(TREE)
    hidden = np.arange(160, 300)
    mined = np.isin(truth[hidden], (1, 2))
    assert np.all(outcome.safe_level[hidden][~mined] == 0)
    assert np.mean(outcome.safe_level[hidden][mined] == 1) > 0.9
    signature = classifier.serving_signatures()["serving_default"]
    tokens = signature.before(text=tf.constant([texts[row] for row in hidden]))
    answer = signature.after(**signature.body(**tokens))
    names = [
        ["", *TREE.classes, *level.names].index(n.decode()) for n in answer["safe_label"].numpy()
    ]
    groups = outcome.of_groups(1)
    expected = np.select(
        [outcome.safe_level == 0, outcome.safe_level == 1],
        [1 + outcome.predicted, 5 + groups.argmax(axis=1)],
        0,
    )
    np.testing.assert_array_equal(names, expected[hidden])
    np.testing.assert_allclose(
        answer["safe_probability"][mined],
        np.where(expected[hidden][mined] >= 5, groups[hidden][mined].max(axis=1), 0),
        atol=1e-5,
    )
