"""What a person should know of how little tags tell, in sentences."""

from __future__ import annotations

from tfp_dgm.confidence import MIN_ACCEPTED
from tfp_dgm.tagging.tag_outcome import Acceptance

_FEW_SENTENCES = 20


def few_sentences(annotated: int, different: int) -> list[str]:
    """Sentences on how little is annotated."""
    found = []
    if different < _FEW_SENTENCES:
        found.append(
            f"Different sentences with tags: only {different:,}. With fewer than {_FEW_SENTENCES} "
            "what is promised of accepted tags rests on little; annotate the sentences that the "
            "report lists first."
        )
    if annotated > different:
        copies = annotated - different
        one = copies == 1
        what = "is a copy or near-copy of another" if one else "are copies or near-copies of others"
        found.append(
            f"{copies:,} of the {annotated:,} sentences with tags {what}: together "
            "they tell as much as one."
        )
    return found


def too_few_tags(words: Acceptance, spans: Acceptance | None, min_precision: float) -> list[str]:
    """Sentences on that nothing can be accepted."""
    found = []
    of_words = "tags" if spans is None else "words outside spans"
    for acceptance, name in ((words, of_words), (spans, "spans")):
        if acceptance is None or acceptance.threshold is not None:
            continue
        if len(acceptance.open) >= MIN_ACCEPTED:
            found.append(
                f"Too few tags are given to tell which predicted {name} are right "
                f"{100 * min_precision:g}% of the time: none is accepted. Annotate the sentences "
                "that the report lists first."
            )
    return found


def unlike_tagged(sentences: int) -> list[str]:
    """A sentence on sentences of another kind than the tagged ones."""
    if not sentences:
        return []
    which = "1 sentence is" if sentences == 1 else f"{sentences:,} sentences are"
    return [
        f"{which} of words that next to no sentence with tags has (another language, symbols, "
        "noise?): nothing in them is accepted, and their probabilities mean little. Tag some of "
        "their kind."
    ]
