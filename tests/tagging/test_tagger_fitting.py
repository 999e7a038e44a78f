"""Training on parts of annotations: what is learned, left out, tempered and refused."""

import itertools

import numpy as np
import pytest

from tfp_dgm.tagging import fit_tagger
from tfp_dgm.tagging.cross_fitting import fit_temperature, folds
from tfp_dgm.tagging.form_vectors import FormVectors, _ridge
from tfp_dgm.tagging.sentence_copies import sentence_copies
from tfp_dgm.tagging.span_search import outside_penalty

LABELS = ("DET", "NOUN", "VERB")
LEGAL = (
    np.array([1, 1, 0], bool),
    np.array([[0, 1, 0], [0, 1, 1], [1, 1, 0]], bool),
    np.ones(3, bool),
)


def made_sentences(count, seed):
    """A determiner, nouns, a verb that ends in -s, and so on; nouns are new again and again."""
    random = np.random.default_rng(seed)
    tokens, states = [], []
    for _ in range(count):
        words, tags = [], []
        for _ in range(random.integers(1, 3)):
            words += [
                random.choice(["the", "a"]),
                f"{random.choice(['ba', 'ku', 'mi'])}{random.choice(['dol', 'rim', 'tap'])}",
            ]
            words.append(f"{random.choice(['se', 'fo', 'lu'])}{random.choice(['nd', 'lk'])}s")
            tags += [0, 1, 2]
        tokens.append(words)
        states.append(tags)
    return tokens, states


@pytest.fixture(scope="module")
def learned():
    """A third of the words of 20 sentences are annotated, and nothing of 40 others."""
    tokens, states = made_sentences(60, seed=0)
    random = np.random.default_rng(1)
    allowed = []
    for row, tags in enumerate(states):
        known = np.eye(3, dtype=bool)[tags]
        known[random.random(len(tags)) < 2 / 3] = True
        allowed.append(known if row < 20 else None)
    return tokens, states, allowed, fit_tagger(tokens, allowed, LABELS, LEGAL, seed=2)


def test_a_grammar_is_learned_from_some_of_the_words(learned):
    """The commonest tag is right in a third."""
    _, states, allowed, fit = learned
    new, truth = made_sentences(30, seed=9)
    found = np.concatenate([answer.mode for answer in fit.tagger.answers(new)])
    assert np.mean(found == np.concatenate(truth)) > 0.95
    assert fit.annotated.tolist() == [
        row for row, known in enumerate(allowed) if known is not None and not known.all()
    ]
    unseen = np.concatenate([answer.mode for answer in fit.cross_fitted])
    assert np.mean(unseen == np.concatenate([states[row] for row in fit.annotated])) > 0.8


def test_the_same_seed_gives_the_same_tagger(learned):
    tokens, _, allowed, fit = learned
    again = fit_tagger(tokens, allowed, LABELS, LEGAL, seed=2)
    for one, other in zip(fit.tagger.weights, again.tagger.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_answers_of_others_know_nothing_of_a_sentence(learned):
    """Its annotation turned round, they stay as they were; its own tagger's do not."""
    tokens, _, allowed, fit = learned
    row = fit.annotated[3]
    turned = list(allowed)
    turned[row] = np.where(allowed[row].all(axis=1, keepdims=True), True, ~allowed[row])
    turned[row][:, 1] = True
    other = fit_tagger(tokens, turned, LABELS, LEGAL, seed=2)
    # Alike but for the temperature, which is of all annotations together.
    one, two = (np.log(f.cross_fitted[3].marginals.clip(1e-9)) for f in (fit, other))
    ratio = float(fit.tagger.temperature / other.tagger.temperature)
    states = [f.cross_fitted[3].mode.tolist() for f in (fit, other)]
    assert states[0] == states[1]
    assert one.argsort(axis=1).tolist() == two.argsort(axis=1).tolist()
    assert abs(np.log(ratio)) < 1
    of_all = np.abs(fit.fitted[3].marginals - other.fitted[3].marginals).max()
    assert of_all > np.abs(fit.cross_fitted[3].marginals - other.cross_fitted[3].marginals).max()


def test_groups_are_in_one_fold():
    group = np.array([*range(10), 0, 1])
    fold = folds(group, seed=0)
    assert fold[10] == fold[0]
    assert fold[11] == fold[1]
    assert sorted(np.unique(fold)) == [0, 1, 2, 3, 4]
    assert np.bincount(fold[:10]).max() <= 2
    assert folds(np.array([0, 0]), seed=0).tolist() == [0, 0]


def test_near_copies_are_left_out_together():
    """A sentence once more with another article, in capitals, or turned round."""
    random = np.random.default_rng(0)
    words = [f"{a}{b}" for a in "bcdfghkl" for b in "aeiouy"]
    made = [["the", *random.choice(words, 9, replace=False), "a"] for _ in range(30)]
    changed = [["a", *made[0][1:]], [word.upper() for word in made[1]], made[2][::-1]]
    short = [["yes"], ["Yes"], ["no"], made[3][:6]]
    tokens = [*made, *changed, *short]
    group = sentence_copies(tokens, np.arange(len(tokens)))
    assert group[30:34].tolist() == group[[0, 1, 2, 34]].tolist()
    assert len(np.unique(group)) == 30 + 3
    fit = fit_tagger(
        tokens, [np.eye(2, dtype=bool)[np.arange(len(s)) % 2] for s in tokens], ["A", "B"],
        (np.ones(2, bool), np.ones((2, 2), bool), np.ones(2, bool)),
    )  # fmt: skip
    assert fit.group.tolist() == group.tolist()
    assert fit.fold[30:33].tolist() == fit.fold[:3].tolist()
    assert fit.fold[33] == fit.fold[34]


def test_one_annotated_sentence_is_enough():
    tokens, states = made_sentences(8, seed=3)
    allowed = [np.eye(3, dtype=bool)[states[0]], *[None] * 7]
    fit = fit_tagger(tokens, allowed, LABELS, LEGAL)
    assert fit.fitted[0].mode.tolist() == states[0]
    # By a chain that was trained on nothing: what is legal, and no more.
    paths = [
        path
        for path in itertools.product(range(3), repeat=len(states[0]))
        if LEGAL[0][path[0]] and all(LEGAL[1][pair] for pair in itertools.pairwise(path))
    ]
    expected = [np.mean([path[0] == state for path in paths]) for state in range(3)]
    np.testing.assert_allclose(fit.cross_fitted[0].marginals[0], expected, atol=1e-5)


def test_too_sure_potentials_are_cooled():
    """Annotations are drawn from chains whose potentials are a third of those that are told."""
    random = np.random.default_rng(4)
    unary, known = [], []
    moves = 0.5 * random.normal(size=(3, 3))
    for _ in range(300):
        potentials = random.normal(size=(3, 3))
        paths = list(itertools.product(range(3), repeat=3))
        scores = [
            sum(potentials[range(3), path]) + sum(moves[pair] for pair in itertools.pairwise(path))
            for path in paths
        ]
        weights = np.exp(scores)
        path = paths[random.choice(len(paths), p=weights / weights.sum())]
        unary.append(3 * potentials)
        known.append(np.eye(3, dtype=bool)[list(path)])
    everything = np.ones(3, bool), np.ones((3, 3), bool), np.ones(3, bool)
    found, _ = fit_temperature([(unary, 3 * moves, known)], everything)
    assert 2.5 < found < 3.5


def test_spans_are_searched_by_expected_f1():
    """By enumeration of all legal paths of three words: which penalty is worth most."""
    labels = ("O", "B-X", "I-X", "E-X", "S-X")
    follows = {"O": "OBS", "E": "OBS", "S": "OBS", "B": "IE", "I": "IE"}
    legal = (
        np.array([label[0] in "OBS" for label in labels]),
        np.array([[after[0] in follows[before[0]] for after in labels] for before in labels]),
        np.array([label[0] in "OES" for label in labels]),
    )
    random = np.random.default_rng(5)
    unary = [random.normal([2.2, 0, 0, 0, 0], size=(3, 5)) for _ in range(12)]
    moves = random.normal(size=(5, 5))
    paths = [
        path
        for path in itertools.product(range(5), repeat=3)
        if legal[0][path[0]]
        and legal[2][path[-1]]
        and all(legal[1][pair] for pair in itertools.pairwise(path))
    ]

    def spans(path):
        ends = [place for place, state in enumerate(path) if state in (3, 4)]
        begins = [place for place, state in enumerate(path) if state in (1, 4)]
        return set(zip(begins, ends, strict=True))

    def score(potentials, path, penalty):
        total = sum(potentials[range(3), path]) - penalty * path.count(0)
        return total + sum(moves[pair] for pair in itertools.pairwise(path))

    def expected_f1(penalty):
        right = found = existing = 0.0
        for potentials in unary:
            weights = np.exp([score(potentials, path, 0) for path in paths])
            weights /= weights.sum()
            best = spans(max(paths, key=lambda path: score(potentials, path, penalty)))
            found += len(best)
            for path, weight in zip(paths, weights, strict=True):
                right += weight * len(best & spans(path))
                existing += weight * len(spans(path))
        return 2 * right / (found + existing)

    chosen = outside_penalty([(unary, moves)], legal, labels)
    assert chosen > 0
    values = {penalty: expected_f1(penalty) for penalty in (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0)}
    assert values[chosen] == pytest.approx(max(values.values()))
    assert outside_penalty([(unary, moves)], legal, ("A", "B", "C", "D", "E")) == 0


def test_regression_on_spelling_is_that_of_normal_equations():
    import scipy.sparse

    random = np.random.default_rng(6)
    inputs = (random.random((30, 8)) < 0.4).astype(np.float32)
    outputs = random.normal(size=(30, 4)).astype(np.float32)
    weights = random.random(30).astype(np.float32)
    expected = np.linalg.solve(
        inputs.T @ (weights[:, np.newaxis] * inputs) + 3 * np.eye(8),
        inputs.T @ (weights[:, np.newaxis] * outputs),
    )
    found = _ridge(scipy.sparse.csr_matrix(inputs), outputs, weights)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_words_among_the_same_words_have_vectors_that_are_alike():
    tokens, _ = made_sentences(200, seed=7)
    learned = FormVectors.fit(tokens, seed=0)
    vectors = dict(zip(learned.features, learned.vectors, strict=True))

    def of(word):
        prefixes = [f"p{n} {word[:n]}" for n in range(1, 5) if n < len(word)]
        suffixes = [f"s{n} {word[-n:]}" for n in range(1, 6) if n < len(word)]
        names = [*prefixes, *suffixes, f"l {word}", "f x", "i x"]
        return sum(vectors[name] for name in names if name in vectors)

    def cosine(one, other):
        one, other = of(one), of(other)
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    assert cosine("badol", "kurim") > cosine("badol", "sends") + 0.5
    assert cosine("mitap", "rutap") > cosine("mitap", "tolks") + 0.3  # Neither was seen.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": [["a", ""], ["b"]]}, "tokens: expected strings that are not empty.*sentence 0"),
        ({"tokens": [[], ["b"]]}, "tokens: expected strings that are not empty.*sentence 0"),
        ({"allowed": [None]}, "allowed: expected 2 sentences"),
        ({"allowed": [None, None]}, "allowed: expected at least one annotated token"),
        ({"allowed": [None, np.ones((1, 3), bool)]}, "at least one annotated token"),
        ({"allowed": [np.eye(3, dtype=bool)[[0]], None]}, r"shape \[2, 3\] in sentence 0"),
        ({"allowed": [None, np.eye(3, dtype=bool)[[2]]]}, "none such in sentence 1"),
        ({"legal": (*LEGAL[:2], np.ones(2, bool))}, r"legal: expected the shapes \[3\]"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(change, message):
    given = {
        "tokens": [["a", "c"], ["b"]],
        "allowed": [np.eye(3, dtype=bool)[[0, 1]], None],
        "labels": LABELS,
        "legal": LEGAL,
    }
    with pytest.raises(ValueError, match=message):
        fit_tagger(**given | change)


@pytest.mark.parametrize(
    "sentence",
    [["a"], ["\u200b", "a b"], [f"w{place % 7}" for place in range(400)]],
    ids=["one word", "unseen and blank", "400 words"],
)
def test_sentences_of_all_kinds_are_learned(sentence):
    states = [0, 1, 1][: len(sentence)] + [1] * (len(sentence) - 3)
    fit = fit_tagger([sentence], [np.eye(3, dtype=bool)[states]], LABELS, LEGAL)
    assert fit.fitted[0].mode.tolist() == states
    np.testing.assert_allclose(fit.cross_fitted[0].marginals.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(fit.tagger.vectors.numpy()).all()
