"""Trains a tagger on partially tagged sentences, judges it, and tags the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tfp_dgm.confidence import check_min_precision
from tfp_dgm.data import TagScheme
from tfp_dgm.networks import WordEncoder
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.settings import check_seed
from tfp_dgm.tagging.annotation_checks import check_tokens
from tfp_dgm.tagging.given_spans import with_unseen_spans
from tfp_dgm.tagging.judged_tagger import JudgedTagger
from tfp_dgm.tagging.scheme_space import space_of_scheme
from tfp_dgm.tagging.sentence_readings import TaggerReader, reading_of_answer
from tfp_dgm.tagging.tag_judgement import judge_tags
from tfp_dgm.tagging.tag_outcome import TagOutcome
from tfp_dgm.tagging.tag_readings import TagReadings
from tfp_dgm.tagging.tagger_fitting import fit_tagger
from tfp_dgm.timed import timed


def tag_sentences(
    tokens: Sequence[Sequence[str]],
    given: Sequence[Sequence[tuple[str, ...]]],
    scheme: TagScheme,
    *,
    min_precision: float = 0.95,
    encoder: str | WordEncoder | None = None,
    seed: int = 0,
    warnings: Sequence[str] = (),
    progress: Progress = no_progress,
) -> tuple[JudgedTagger, TagOutcome]:
    """Tags the words of sentences that have no tag.

    Args:
      tokens: S lists of T words, none of them empty.
      given: S lists of T tuples of tags: () = nothing known, one, or "one of these".
      scheme: what the tags mean.
      min_precision: the share of accepted tags, or spans, that must be right.
      encoder: "auto", "none" or None, or a pretrained text encoder; see `fit_tagger`.
      seed: the same seed gives the same tags.
      warnings: what the person should know already; the outcome holds them first.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      The tagger, which tags other sentences alike; and the sentences tagged.
    Raises:
      ValueError: if nothing is tagged, `tokens` and `given` differ in shape, tags are no tuples, or
        the scheme has no such tag.
      DataError: if `min_precision` is not between 0 and 1, or the seed is none.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    check_min_precision(min_precision)
    check_seed(seed)
    _check_given(tokens, given)
    space = space_of_scheme(scheme)
    allowed = [scheme.allowed(tags) if any(tags) else None for tags in given]
    legal = (scheme.initial, scheme.transitions, scheme.final)
    seconds: dict[str, float] = {}
    with timed(seconds, "training"):
        fit = fit_tagger(
            tokens, allowed, space.labels, legal, encoder=encoder, seed=seed, progress=progress
        )
    step = "Tagging"
    with timed(seconds, "tagging"):
        reader = TaggerReader(fit.tagger, space)
        progress(step, 0, len(tokens))
        found = reader(tokens, allowed, lambda done: progress(step, done, len(tokens)))
        readings = TagReadings(
            tokens,
            given,
            allowed,
            fit.annotated,
            fit.group,
            with_unseen_spans(found, given, fit.annotated, fit.unseen, legal, space),
            [reading_of_answer(answer, space) for answer in fit.cross_fitted],
            [reading_of_answer(answer, space) for answer in fit.fitted],
        )
    with timed(seconds, "judging"):
        calibrations, outcome = judge_tags(
            readings,
            scheme,
            space,
            min_precision=min_precision,
            seed=seed,
            warnings=warnings,
        )
    model = JudgedTagger.of(fit.tagger, scheme, calibrations)
    return model, replace(outcome, seconds=seconds, encoder_choice=fit.encoder_choice)


def _check_given(
    tokens: Sequence[Sequence[str]], given: Sequence[Sequence[tuple[str, ...]]]
) -> None:
    """Refuses tags that do not stand beside words, a tuple of them for each.

    Raises:
      ValueError: names the sentence and the word, from 0.
    """
    for name, rows in (("tokens", tokens), ("given", given)):
        if isinstance(rows, str) or not isinstance(rows, Sequence):
            raise ValueError(f"{name}: expected a list of sentences; received {rows!r}")
    if len(given) != len(tokens):
        raise ValueError(
            f"given: expected {len(tokens)} sentences, as in `tokens`; received {len(given)}"
        )
    for number, (words, tags) in enumerate(zip(tokens, given, strict=True)):
        check_tokens(words, number)
        if isinstance(tags, str) or not isinstance(tags, Sequence):
            raise ValueError(
                f"given: expected a list of tuples of tags in sentence {number}; received {tags!r}"
            )
        if len(tags) != len(words):
            raise ValueError(
                f"given: expected {len(words)} words, as in `tokens`, in sentence {number}; "
                f"received {len(tags)}"
            )
        for place, options in enumerate(tags):
            if not isinstance(options, tuple | list):
                raise ValueError(
                    f"given: expected a tuple of tags, () where none is known, at word {place} of "
                    f"sentence {number}; received {options!r}"
                )
