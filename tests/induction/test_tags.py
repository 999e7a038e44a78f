"""The induction of tags: what the folder holds, what kills leave, every model."""

import json
import multiprocessing
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.induction.toy_grammar import CLASS_OF, sentences, treebank
from tests.labelling.tiny_encoder import write_tiny_encoder
from tfp_dgm import induction, layers, models, training
from tfp_dgm.data import DataError, read_conllu
from tfp_dgm.evaluation import tag_induction_scores
from tfp_dgm.induction import TagSettings, building, claim_tags, induce_tags, results, starts
from tfp_dgm.induction import training as job
from tfp_dgm.induction.kept_starts import best_of_starts
from tfp_dgm.models import load_model
from tfp_dgm.settings import read_settings

ROWS = sentences(80)
WORDS = [word for row in ROWS for word in row]
# Endings tell nothing of the classes of these words.
VECTORS = ["num_tags=5", "model.units=6", "model.contexts=20", "model.spelling=false"]


def settings_of(*assignments):
    return read_settings(TagSettings, None, assignments)


def induced(folder, text, settings, **kwargs):
    with claim_tags(folder, settings, **kwargs) as run:
        return induce_tags(text, run, settings, say=lambda message: None)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "toy.conllu").write_text(treebank(ROWS))
    (folder / "toy.txt").write_text("".join(" ".join(row) + "\n" for row in ROWS))
    return folder / "toy.conllu"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("runs") / "tags"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "_SERVED_BATCHES", (1,))
        return folder, induced(folder, text, settings_of(*VECTORS, "model.iterations=6"))


@pytest.mark.slow
def test_the_classes_of_a_small_grammar_are_found(finished):
    _, numbers = finished
    assert numbers["num_gold_tags"] == numbers["num_tags_used"] == 5
    assert numbers["many_to_one"] > 0.95  # By chance: the share of the commonest class, 0.29.
    assert numbers["v_measure"] > 0.9


@pytest.mark.slow
def test_files_and_models_tell_the_same_tags(finished):
    folder, numbers = finished
    tagged = read_conllu(folder / "tagged.conllu")
    assert [row.words for row in tagged] == ROWS
    names = [tag for row in tagged for tag in row.xpos]
    scores = tag_induction_scores([CLASS_OF[word] for word in WORDS], names)
    assert {name: numbers[name] for name in scores} == pytest.approx(scores)
    assert json.loads((folder / "metrics.json").read_text()) == numbers
    texts = tf.constant([" ".join(row) for row in ROWS[:9]] + ["the zebra sees a cat ."])
    expected = [[int(tag[1:]) for tag in row.xpos] for row in tagged[:9]]
    reloaded = load_model(folder / "model.keras").structure(texts).mode().numpy()
    served = tf.saved_model.load(folder / "saved_model" / "1").signatures["serving_default"]
    answer = {name: value.numpy() for name, value in served(text=texts).items()}
    for place, tags in enumerate(expected):
        assert reloaded[place, : len(tags)].tolist() == tags
        assert answer["tags"][place].tolist() == tags + [-1] * (answer["tags"].shape[1] - len(tags))
    # A word that the text lacks is tagged by where it stands.
    assert answer["tokens"][9, 1] == b"zebra"
    noun = {names[i] for i, word in enumerate(WORDS) if word == "dog"}
    assert f"T{answer['tags'][9, 1]:02}" in noun
    known = answer["tags"] >= 0
    assert (answer["probabilities"][known] > 0.2).all()  # Of five.
    assert (answer["probabilities"][~known] == 0).all()


@pytest.mark.slow
def test_history_and_page(finished):
    folder, numbers = finished
    ((start,),) = [json.loads((folder / "history.json").read_text())]
    assert np.diff(start["log_likelihood"]).min() > -1e-2
    per_word = start["log_likelihood"][-1] / len(WORDS)
    assert numbers["log_likelihood_per_word"] == pytest.approx(per_word)
    page = (folder / "report.html").read_text()
    assert len(re.findall(r'<ul class="sentence">', page)) == 40
    counts = {word: WORDS.count(word) for word in ("dog", "sees")}
    for word, count in counts.items():
        assert f'<bdi>{word}</bdi> <span class="muted">{count}</span>' in page
    assert not re.search(r"<script|https?://", page)


def test_texts_are_shown_as_they_are(tmp_path):
    page = job.render_report(
        "<b>", [["<script>", "\x00", "x" * 99]], [[0, 1, 0]], ["T0", "T1"], {}, {0: [1.0]}, best=0
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\x00" not in page
    assert "x" * 61 not in page


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "assignments",
    [
        ["model.kind=hidden_markov", "model.iterations=2"],
        [
            "model.kind=neural_hidden_markov",
            "model.units=4",
            "model.characters=3",
            "model.epochs=1",
            "model.batch_size=99",
        ],
        [*VECTORS[1:], "model.iterations=1", "model.flow.epochs=1", "model.flow.batch_size=99"],
    ],
    ids=["words", "networks", "flow"],
)
def test_every_model_is_trained_and_comes_back(assignments, text, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)  # As above.
    settings = settings_of("num_tags=3", *assignments)
    numbers = induced(tmp_path / "run", text.with_suffix(".txt"), settings)
    assert numbers["num_sentences"] == len(ROWS)
    assert "many_to_one" not in numbers  # Plain text has nothing to compare with.
    model = load_model(tmp_path / "run" / "model.keras")
    total = np.sum(model(tf.constant([" ".join(row) for row in ROWS])))
    curve = json.loads((tmp_path / "run" / "history.json").read_text())[0]["log_likelihood"]
    if model.likelihood.name.startswith("hidden_markov"):
        assert total == pytest.approx(curve[-1], rel=1e-5)
    else:  # Of an epoch in which the weights moved.
        assert total > curve[0]


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_killed_run_goes_on_after_the_last_start(text, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)
    settings = settings_of("num_tags=3", "model.kind=hidden_markov", "model.iterations=2")
    several = settings_of(
        "num_tags=3", "model.kind=hidden_markov", "model.iterations=2", "starts=3"
    )
    done, kills = [], [False, True]

    def killed(settings, vocabulary, embedding, rows, seed, *, progress):
        if seed == 2 and kills.pop():
            raise KeyboardInterrupt
        done.append(seed)
        return starts.train_start(settings, vocabulary, embedding, rows, seed, progress=progress)

    monkeypatch.setattr(job, "train_start", killed)
    with pytest.raises(KeyboardInterrupt):
        induced(tmp_path / "run", text, several)
    assert done == [0, 1]
    other = text.with_name("other.txt")
    other.write_text("a b c\n")
    with pytest.raises(DataError, match="the unfinished run has other data: text_file"):
        induced(tmp_path / "run", other, several, resume=True)
    with pytest.raises(DataError, match="the unfinished run has other settings: starts is 3"):
        induced(tmp_path / "run", text, settings, resume=True)
    numbers = induced(tmp_path / "run", text, several, resume=True)
    assert done == [0, 1, 2]
    curves = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [curve["seed"] for curve in curves] == [0, 1, 2]
    best = max(curve["log_likelihood"][-1] for curve in curves)
    assert numbers["log_likelihood_per_word"] == pytest.approx(best / len(WORDS))
    assert not (tmp_path / "run" / "state").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_starts_that_are_trained_at_once_are_those_of_one_process(
    text, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)
    settings = settings_of(
        "num_tags=3", "model.kind=hidden_markov", "model.iterations=2", "starts=2"
    )
    induced(tmp_path / "one", text, settings)
    told = []
    capfd.readouterr()
    with claim_tags(tmp_path / "two", settings) as run:
        induce_tags(
            text,
            run,
            settings,
            processes=2,
            progress=lambda *step: told.append(step),
            say=lambda message: None,
        )
    assert told == [("Starts", 1, 2), ("Starts", 2, 2)]
    assert capfd.readouterr().err == ""  # Not even TensorFlow's lines, which every process prints.
    one, two = (json.loads((tmp_path / run / "history.json").read_text()) for run in ("one", "two"))
    assert [curve["seed"] for curve in one] == [curve["seed"] for curve in two] == [0, 1]
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_allclose(ours["log_likelihood"], theirs["log_likelihood"], rtol=1e-5)
    assert one[0]["log_likelihood"] != one[1]["log_likelihood"]


class Diverging:
    """Of seed 1, a loss is no number any more."""

    def train(self, seed, progress):
        if seed == 1:
            raise training.NonFiniteLossError("the loss is nan")
        return models.ExactLikelihoodModel(layers.HiddenMarkovText(6, 2, 3)), [0.0]


@pytest.mark.slow
def test_a_start_that_diverges_in_a_process_ends_the_run(tmp_path):
    settings = settings_of("starts=2")
    with (
        pytest.raises(DataError, match="run: the loss is nan"),
        claim_tags(tmp_path / "run", settings) as run,
    ):
        best_of_starts(
            run, [0, 1], Diverging(), Diverging, processes=2, progress=lambda *step: None
        )
    assert not multiprocessing.active_children()


def test_a_loss_that_is_no_number_ends_the_run(text, tmp_path, monkeypatch):
    def diverging(*args, **kwargs):
        raise training.NonFiniteLossError("the loss is nan")

    monkeypatch.setattr(job, "train_start", diverging)
    with pytest.raises(DataError, match="run: the loss is nan"):
        induced(tmp_path / "run", text, settings_of("model.kind=hidden_markov"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_encoder_has_a_say_in_the_vectors(text, tmp_path, monkeypatch):
    """Of words that the text uses alike, those that the encoder does not know come closer."""
    given = {}
    vectors_of = building.distributional_vectors

    def kept(*args, pretrained, **kwargs):
        given[pretrained is not None] = pretrained
        return vectors_of(*args, pretrained=pretrained, **kwargs)

    monkeypatch.setattr(building, "distributional_vectors", kept)
    words = induction.read_words(text)
    encoder = write_tiny_encoder(tmp_path / "encoder", ["dog", "sees", "the"])
    tables, vocabulary = [], job.fit_vocabulary(settings_of(), words)
    for more in ([], [f"model.encoder={encoder}"]):
        settings = settings_of(*VECTORS, *more)
        rows = job.token_rows(vocabulary, words)
        layer = building.build_embedding(settings, vocabulary, rows)
        tables.append(layer.embeddings.numpy()[4:])
    assert given[False] is None
    place = list(vocabulary.tokens).index
    unknown = [given[True][place(word)] for word in ("cat", "a")]
    np.testing.assert_allclose(unknown[0], unknown[1], atol=1e-5)
    assert np.abs(given[True][place("dog")] - unknown[0]).max() > 0.01
    without, beside = (table @ table.T / 6 for table in tables)  # Cosines.
    assert beside[place("cat"), place("a")] > without[place("cat"), place("a")] + 0.1


def test_an_encoder_that_is_not_there_is_named(text, tmp_path):
    settings = settings_of(*VECTORS, f"model.encoder={tmp_path / 'none'}")
    with pytest.raises(DataError, match=r"settings: model\.encoder: expected a folder or preset"):
        induced(tmp_path / "run", text, settings)
    assert not (tmp_path / "run").exists()


def test_words_are_cut_where_the_graph_cuts_them(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a\u00a0b  c\td\n\n")
    found = induction.read_words(path)
    assert found.words == [["a\u00a0b", "c", "d"]]
    assert found.gold_tags("xpos") is None
    assert found.warnings == ["1 of 2 lines left out, empty: line 2"]
    rows = job.token_rows(job.fit_vocabulary(TagSettings(), found), found)
    assert [len(row) for row in rows] == [3]


def test_a_form_with_a_space_is_one_word_and_written_as_it_was(tmp_path):
    path = tmp_path / "t.conllu"
    path.write_text("1\t1 000\t_\tNUM\t_\t_\t_\t_\t_\t_\n")
    found = induction.read_words(path)
    assert found.words == [["1_000"]]
    assert found.forms == [["1 000"]]
    assert found.gold_tags("upos") == ["NUM"]
    assert found.gold_tags("xpos") is None


def test_no_word_is_lost_to_a_vocabulary_of_one(text):
    words = induction.read_words(text)
    rows = job.token_rows(job.fit_vocabulary(settings_of("vocabulary_size=5"), words), words)
    assert sum(map(len, rows)) == len(WORDS)
    assert {int(token) for row in rows for token in row} == {3, 4}
