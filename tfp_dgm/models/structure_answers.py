"""What is served of the structures of texts."""

import functools
from collections.abc import Callable

import tensorflow as tf

from tfp_dgm.distributions import (
    DependencyTreeWithValence,
    GrammarTree,
    LinearChain,
    Structure,
    TaggedDependencyTree,
)
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.text_inputs import words_alone
from tfp_dgm.text import WordVocabulary

NO_TAG = NO_HEAD = NO_WORD = -1  # Where a sentence has ended.
Answer = dict[str, tf.Tensor]


def signature_of_texts(
    vocabulary: WordVocabulary, parse: Callable[[tf.Tensor], tuple[Structure, Answer]]
) -> Signature:
    """text -> tokens [T] (filled with ""), and what is best of their structure: see `answer_of`.

    Args:
      vocabulary: of words between spaces.
      parse: token ids [B, T] without END -> the structure, and what else is told.
    """

    def body(text: tf.Tensor) -> Answer:
        tokens = tf.strings.split(text).to_tensor("")
        width = tf.maximum(tf.shape(tokens)[1], 1)  # Of empty texts alone, 1.
        end = tf.fill([tf.shape(text)[0], 1], "")
        tokens = tf.concat([tokens, end], axis=1)[:, :width]  # [B, T]
        structure, told = parse(words_alone(vocabulary(text))[:, :width])
        return {"tokens": tokens, **told, **answer_of(structure, tokens != "")}

    words = " ".join(vocabulary.tokens[:3])
    examples = {"text": [words, vocabulary.tokens[0]]}
    return Signature({"text": tf.TensorSpec([None], tf.string)}, body, examples, xla=False)


@functools.singledispatch
def answer_of(structure: Structure, known: tf.Tensor) -> Answer:
    """What is served of a posterior over structures.

    Of a `LinearChain`: tags int32 [B, T], the best states, `NO_TAG` in the padding, and
    probabilities [B, T] of each of them, 0 there. Of a `DependencyTreeWithValence`: heads int32
    [B, T] of the best tree, 1 .. T or 0 for the root, `NO_HEAD` in the padding, and probabilities
    [B, T] of each of their arcs. Of a `TaggedDependencyTree`: these, the arcs of all tags, and
    tags int32 [B, T] of the same tree, `NO_TAG` in the padding, and tag_probabilities [B, T] of
    each. Of a `GrammarTree`: spans int32 [B, T - 1, 2], the first and the
    last word, counted from 0, of each constituent of two words or more of the tree that
    `minimum_bayes_risk` gives, parents before their children and from left to right, `NO_WORD` in
    the padding, and probabilities [B, T - 1] of each.

    Args:
      structure: batch shape [B].
      known: bool [B, T], where there are words.
    Raises:
      NotImplementedError: if none is registered.
    """
    raise NotImplementedError(f"no answer is known for a {type(structure).__name__}")


@answer_of.register(LinearChain)
def _(structure: LinearChain, known: tf.Tensor) -> Answer:
    tags = structure.mode()
    probabilities = tf.gather(structure.marginals().unary, tags, axis=-1, batch_dims=2)
    return {
        "tags": tf.where(known, tags, NO_TAG),
        "probabilities": tf.where(known, probabilities, 0.0),
    }


@answer_of.register(DependencyTreeWithValence)
def _(structure: DependencyTreeWithValence, known: tf.Tensor) -> Answer:
    arcs = tf.reduce_sum(structure.marginals().arcs, axis=-1)
    return _answer_of_heads(structure.mode(), arcs, known)


@answer_of.register(TaggedDependencyTree)
def _(structure: TaggedDependencyTree, known: tf.Tensor) -> Answer:
    heads, tags = tf.unstack(structure.mode(), axis=-1)
    arcs = structure.marginals().arcs  # [B, T + 1, T + 1, K]
    of_tags = tf.reduce_sum(arcs, axis=1)[:, 1:]
    probabilities = tf.gather(of_tags, tags, axis=-1, batch_dims=2)
    return {
        **_answer_of_heads(heads, tf.reduce_sum(arcs, axis=-1), known),
        "tags": tf.where(known, tags, NO_TAG),
        "tag_probabilities": tf.where(known, probabilities, 0.0),
    }


@answer_of.register(GrammarTree)
def _(structure: GrammarTree, known: tf.Tensor) -> Answer:
    width = tf.shape(known)[1]
    probabilities = structure.span_probabilities()
    brackets = structure.minimum_bayes_risk(probabilities)[:, :width, :width]  # Without END's.
    place = tf.range(width)
    wide = (brackets >= 0) & (place[:, tf.newaxis] < place)
    # Numbered so that those that begin first, and of these the widest, come first.
    cells = place[:, tf.newaxis] * width + (width - 1 - place)
    none = width * width
    cells = tf.reshape(tf.where(wide, cells, none), [-1, none])
    cells = tf.sort(cells, axis=1)[:, : width - 1]  # [B, T - 1]
    spans = tf.stack([cells // width, width - 1 - cells % width], axis=-1)
    exists = cells < none
    found = tf.gather_nd(probabilities, tf.where(exists[..., tf.newaxis], spans, 0), batch_dims=1)
    return {
        "spans": tf.where(exists[..., tf.newaxis], spans, NO_WORD),
        "probabilities": tf.where(exists, found, 0.0),
    }


def _answer_of_heads(heads: tf.Tensor, arcs: tf.Tensor, known: tf.Tensor) -> Answer:
    """Of heads [B, T], with the probabilities [B, T + 1, T + 1] of all arcs."""
    of_words = tf.transpose(arcs[:, :, 1:], [0, 2, 1])
    probabilities = tf.gather(of_words, heads, axis=-1, batch_dims=2)
    return {
        "heads": tf.where(known, heads, NO_HEAD),
        "probabilities": tf.where(known, probabilities, 0.0),
    }
