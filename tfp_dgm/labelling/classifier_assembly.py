"""What was learned, put together into one Keras model."""

from collections.abc import Sequence

import keras

from tfp_dgm.confidence import Calibration
from tfp_dgm.labelling.class_levels import JudgedLevel
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.features import Features
from tfp_dgm.labelling.head_layers import BagOfHeads, ClassGroups
from tfp_dgm.labelling.members import Members
from tfp_dgm.labelling.no_class_fitting import RowsOfNoClass
from tfp_dgm.labelling.text_distance import TextDistance
from tfp_dgm.networks import TemperedMixture


def assembled(
    features: Features,
    members: Members,
    calibration: Calibration,
    classes: Sequence[str],
    threshold: float | None,
    levels: Sequence[JudgedLevel],
    strangers: RowsOfNoClass | None,
    distance: TextDistance,
) -> TextClassifier:
    """The classifier, built, with all weights.

    Args:
      features: of all texts.
      members: heads and naive Bayes models, and how they are mixed.
      calibration: of their mixture.
      classes: K names.
      threshold: the least probability that is accepted; None accepts nothing.
      levels: groups of classes, from the deepest to the top.
      strangers: what tells rows of no class; None where nothing speaks for any.
      distance: how far texts like these are from each other.
    """
    num_classes = len(classes)
    temperatures, weights, floor = calibration.components()
    model = TextClassifier(
        classes,
        threshold,
        vae_words=features.vae_words,
        vae_scale=features.vae_scale,
        word_counts=features.word_counts,
        tf_idf=features.tf_idf,
        lsa=features.lsa_layer,
        vae=features.vae,
        encoder=features.encoder if members.tuned is None else members.tuned.encoder,
        word_order=features.word_order,
        heads=[BagOfHeads(num_classes, heads.head_weights()) for heads in members.heads],
        naive_bayes=[_softmax(num_classes) for _ in members.naive_bayes],
        student=_softmax(num_classes),
        ensemble=TemperedMixture(members.ensemble_temperatures, members.ensemble_weights),
        combination=TemperedMixture(members.combination_temperatures, members.combination_weights),
        calibration=TemperedMixture(temperatures, weights, floor),
        levels=[
            ClassGroups(
                judged.level.names,
                judged.level.group,
                judged.threshold,
                *judged.calibration.components(),
            )
            for judged in levels
        ],
        no_class=None if strangers is None else strangers.layer(),
        novelty=distance.layer(),
    )
    model.build()
    for layer, heads in zip(model.heads, members.heads, strict=True):
        layer.set_weights(heads.kernel_and_bias())
    for dense, bayes in zip(
        [*model.naive_bayes, model.student],
        [*members.naive_bayes, members.student],
        strict=True,
    ):
        dense.set_weights([array[..., 0] for array in bayes.coefficients()])
    return model


def _softmax(num_classes: int) -> keras.layers.Dense:
    return keras.layers.Dense(num_classes, activation="softmax", dtype="float32")
