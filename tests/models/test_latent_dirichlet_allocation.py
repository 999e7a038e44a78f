import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import digamma, gammaln, logsumexp
from sklearn.decomposition import LatentDirichletAllocation as Peer

from tests.saving import assert_comes_back
from tfp_dgm.models import LatentDirichletAllocation, load_model
from tfp_dgm.objectives import ELBO
from tfp_dgm.serving import export

K, V = 3, 7
COUNTS = np.random.default_rng(0).poisson(1.3, (5, V)).astype(np.float32)
COUNTS[4] = 0
CONCENTRATION = np.array([0.4, 1.1, 0.7], np.float32)
TOPICS = np.random.default_rng(1).gamma(1.2, size=(K, V)).astype(np.float32) + 0.2
WORDS = ["ale", "bee", "cat", "dog", "elk", "fox", "gnu"]


def lda(**kwargs):
    model = LatentDirichletAllocation(K, V, seed=3, **{"steps": 200, **kwargs})
    model.assign(CONCENTRATION, TOPICS)
    return model


@pytest.mark.usefixtures("eager")
def test_mixtures_are_those_of_scikit_learn():
    """Which has one concentration for all topics."""
    model = lda()
    model.assign(np.full(K, 0.6), TOPICS)
    peer = Peer(K, doc_topic_prior=0.6, max_doc_update_iter=500, mean_change_tol=1e-9)
    peer.partial_fit(COUNTS)  # It knows then how many words there are.
    peer.components_ = TOPICS.astype(np.float64)
    peer.exp_dirichlet_component_ = np.exp(
        digamma(TOPICS) - digamma(TOPICS.sum(axis=1, keepdims=True))
    ).astype(np.float64)
    wanted = peer.transform(COUNTS)
    np.testing.assert_allclose(model(COUNTS), wanted, atol=1e-4)
    np.testing.assert_allclose(
        model.sparse_mixtures(tf.sparse.from_dense(COUNTS)), wanted, atol=1e-4
    )


@pytest.mark.usefixtures("eager")
def test_no_documents_have_no_mixtures():
    empty = tf.sparse.from_dense(COUNTS[:0])
    assert lda().sparse_mixtures(empty).shape == lda()(COUNTS[:0]).shape == (0, K)


@pytest.mark.usefixtures("eager")
def test_the_evidence_is_that_of_enumeration():
    """log p(x) = log sum over the topics of all tokens, the mixture integrated out."""
    x = np.array([[1, 0, 2, 0, 0, 1, 0]], np.float32)
    tokens = np.repeat(np.arange(V), x[0].astype(int))
    log_topics = np.log(TOPICS / TOPICS.sum(axis=1, keepdims=True))
    total = CONCENTRATION.sum()
    terms = []
    for assigned in np.ndindex(*[K] * len(tokens)):
        used = np.bincount(assigned, minlength=K)
        mixture = (
            gammaln(total)
            - gammaln(total + len(tokens))
            + (gammaln(CONCENTRATION + used) - gammaln(CONCENTRATION)).sum()
        )
        terms.append(mixture + sum(log_topics[k, v] for k, v in zip(assigned, tokens, strict=True)))
    evidence = logsumexp(terms)
    model = lda()
    joint = model.joint(x)
    draws = joint.prior.sample([100_000, 1], seed=[1, 2])
    found = logsumexp(joint.log_likelihood(draws), axis=0) - np.log(100_000)
    np.testing.assert_allclose(found, [evidence], atol=0.02)
    bound = model.bound(x, objective=ELBO(num_samples=10_000), seed=[1, 2])
    assert evidence - 1 < bound.value[0] < evidence


@pytest.mark.usefixtures("eager")
def test_a_document_without_words_has_the_prior():
    prior = CONCENTRATION / CONCENTRATION.sum()
    np.testing.assert_allclose(lda()(COUNTS)[4], prior, rtol=1e-5)
    np.testing.assert_allclose(lda().shares, prior, rtol=1e-5)


def test_gradient_steps_bring_the_bound_up():
    """Of many steps, which are traced, in one epoch."""
    model = lda(steps=20)
    model.compile(keras.optimizers.Adam(0.05))
    before = model.evaluate(COUNTS, verbose=0, return_dict=True)["bound"]
    model.fit(tf.data.Dataset.from_tensors(COUNTS).repeat(40), shuffle=False, verbose=0)
    assert model.evaluate(COUNTS, verbose=0, return_dict=True)["bound"] > before + 0.5


def test_comes_back_from_a_file_and_trains_on(tmp_path):
    assert_comes_back(lda(steps=4), (COUNTS,), tmp_path)


def test_serves_strings_as_it_serves_counts(tmp_path):
    model = lda(vocabulary=WORDS)
    model.save(tmp_path / "model.keras")
    copy = load_model(tmp_path / "model.keras")
    texts = ["Cat, cat and FOX; ale!", "nothing that it knows", ""]
    counts = np.zeros((3, V), np.float32)
    counts[0, [0, 2, 5]] = [1, 2, 1]
    version = export(copy, tmp_path / "served", version=1, batch_sizes=[1])
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = served(texts=tf.constant(texts))
    np.testing.assert_allclose(answer["mixture"], model(counts), atol=1e-5)
    topic = np.argmax(model(counts), axis=1)
    np.testing.assert_array_equal(answer["topic"], topic)
    # The lift of a word by hand: its probability in the topic beside that in all of them.
    topics = TOPICS / TOPICS.sum(axis=1, keepdims=True)
    lift = topics / (CONCENTRATION / CONCENTRATION.sum() @ topics)
    best = np.array(WORDS)[np.argmax(topics * lift, axis=1)]
    assert answer["words"].numpy()[:, 0].astype(str).tolist() == best[topic].tolist()


def test_without_a_vocabulary_strings_are_refused():
    with pytest.raises(TypeError, match="reads strings where it is given a `vocabulary`"):
        lda()(tf.constant(["cat"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_topics": 0}, "`num_topics` must be >= 1; received 0"),
        ({"num_words": 0}, "`num_words` must be >= 1; received 0"),
        ({"steps": 0}, "`steps` must be >= 1; received 0"),
        ({"vocabulary": ["ale"]}, "expected `vocabulary` of 7 words; received 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"LatentDirichletAllocation: {message}"):
        LatentDirichletAllocation(**{"num_topics": K, "num_words": V, **arguments})
