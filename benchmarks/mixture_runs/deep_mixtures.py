"""Language models of K clusters, beside one without clusters and a naive Bayes mixture."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.layers import ClusterTexts
from tfp_dgm.models import LanguageModel, LanguageModelMixture
from tfp_dgm.networks import LSTMDecoder
from tfp_dgm.text import WordCounts, WordVocabulary
from tfp_dgm.token_ids import NUM_SPECIAL, PAD
from tfp_dgm.topic_modelling import fit_clusters

SYSTEMS = (
    "naive Bayes mixture",
    "language model",
    "language model of 72 units",
    "deep mixture",
    "deep mixture, embeddings",
    "deep mixture, started at random",
)
_BATCH = 32
_LARGER = 72  # Units of a language model with at least the weights of the largest mixture here.


@dataclass(frozen=True)
class Setting:
    """What all systems of a corpus share.

    Attributes:
      words: V, special tokens included.
      length: tokens of a text at most, END included; what follows is cut for all.
      units: D of the LSTM, and of its embeddings.
      epochs: of training; that of the best bound on a tenth of the training texts is kept.
      rate: Adam's.
      dropout: of embeddings and outputs.
      pseudo_count: see `LanguageModelMixture.start_clusters`.
    """

    words: int = 2_000
    length: int = 30
    units: int = 64
    epochs: int = 40
    rate: float = 1e-2
    dropout: float = 0.3
    pseudo_count: float = 0.5


def measured(
    texts: Sequence[str], classes: Sequence[str], system: str, seed: int, setting: Setting
) -> dict[str, float]:
    """Figures of a system: perplexity of a tenth of the texts, agreement of all with classes.

    K is the number of classes. The vocabulary is that of the training texts; unknown words and the
    end of a text count as tokens.
    """
    order = np.random.default_rng(seed).permutation(len(texts))
    cut = len(texts) // 10
    held_out, chosen, training = order[:cut], order[cut : 2 * cut], order[2 * cut :]
    vocabulary = WordVocabulary.fit([texts[row] for row in training], size=setting.words)
    vocabulary.max_length = setting.length
    token_ids = np.zeros((len(texts), setting.length), np.int32)
    for start in range(0, len(texts), 1_000):
        part = vocabulary(tf.constant(texts[start : start + 1_000])).numpy()
        token_ids[start : start + len(part), : part.shape[1]] = part
    num_clusters = len(set(classes))
    began = time.process_time()
    keras.utils.set_random_seed(seed)
    figures: dict[str, float] = {}
    clusters = None
    if system not in ("language model", "language model of 72 units"):
        clusters, memberships = _naive_bayes(vocabulary, token_ids, training, num_clusters, seed)
    if system != "naive Bayes mixture":
        counts = np.bincount(token_ids[training].ravel(), minlength=vocabulary.size)
        counts[PAD] = 0
        model = _model(system, counts, num_clusters, seed, setting)
        if system in ("deep mixture", "deep mixture, embeddings"):
            model.start_clusters(
                token_ids[training], memberships, pseudo_count=setting.pseudo_count
            )
        _fit(model, token_ids[training], token_ids[chosen], setting)
        log_px, clusters = _answers(model, token_ids, held_out)
        figures["perplexity"] = np.exp(-log_px.sum() / (token_ids[held_out] != PAD).sum())
        figures["weights"] = model.count_params()
    if clusters is not None:
        scores = clustering_scores(classes, clusters.tolist())
        shares = np.bincount(clusters, minlength=num_clusters) / len(clusters)
        figures |= {
            "accuracy": scores["accuracy"],
            "NMI": scores["normalized_mutual_information"],
            "usage entropy": float(-(shares * np.log(np.maximum(shares, 1e-12))).sum()),
        }
    return figures | {"CPU s": time.process_time() - began}


def _naive_bayes(
    vocabulary: WordVocabulary,
    token_ids: np.ndarray,
    training: np.ndarray,
    num_clusters: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of all texts, and the training texts' memberships, of the words that all see."""
    words = np.array(["", "", "", "", *vocabulary.tokens], object)
    joined = [" ".join(words[row[row >= NUM_SPECIAL]]) for row in token_ids]
    counter = WordCounts.fit([joined[row] for row in training])
    counts = counter.count_matrix(joined)
    fit = fit_clusters(counts[training], num_clusters=num_clusters, seed=seed)
    return fit.mixtures_of(counts).argmax(axis=1), fit.mixtures


def _model(
    system: str, counts: np.ndarray, num_clusters: int, seed: int, setting: Setting
) -> LanguageModel | LanguageModelMixture:
    units = _LARGER if system.endswith("72 units") else setting.units
    decoder = LSTMDecoder(
        len(counts),
        units,
        embedding_units=units,
        conditioning_units=16 if system == "deep mixture, embeddings" else 0,
        dropout=setting.dropout,
        seed=seed,
    )
    if system.startswith("language model"):
        model = LanguageModel(decoder, seed=seed)
    else:
        likelihood = ClusterTexts(decoder, num_clusters, setting.length)
        model = LanguageModelMixture(likelihood, seed=seed)
    model.build()
    # All systems start at the words' frequencies: without them, the first epochs are spent there.
    decoder.output_bias.assign(
        np.where(counts > 0, np.log(np.maximum(counts, 1) / counts.sum()), 0.0)
    )
    if system.endswith("at random"):
        random = np.random.default_rng(seed)
        bias = model.likelihood.cluster_bias
        bias.assign(random.normal(scale=0.1, size=bias.shape))
    return model


def _fit(
    model: LanguageModel | LanguageModelMixture,
    training: np.ndarray,
    chosen: np.ndarray,
    setting: Setting,
) -> None:
    model.compile(keras.optimizers.Adam(setting.rate, clipnorm=5.0))
    best = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=3, restore_best_weights=True
    )
    model.fit(
        training,
        validation_data=(chosen,),
        batch_size=_BATCH,
        epochs=setting.epochs,
        callbacks=[best],
        verbose=0,
    )


def _answers(
    model: LanguageModel | LanguageModelMixture, token_ids: np.ndarray, held_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """log p(x) of what is held out, and the clusters of all."""
    if isinstance(model, LanguageModel):
        return model.predict(token_ids[held_out], batch_size=100, verbose=0), None
    log_joint = tf.function(model.log_joint, autograph=False, reduce_retracing=True)
    found = np.concatenate(
        [log_joint(token_ids[row : row + 100]).numpy() for row in range(0, len(token_ids), 100)]
    )
    return np.logaddexp.reduce(found[held_out], axis=1), found.argmax(axis=1)
