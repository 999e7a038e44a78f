"""Induced dependencies beside those that people drew, and beside the simplest guesses."""

from collections.abc import Sequence

from tfp_dgm.evaluation import attachment_scores

_SENTENCES = 40  # Words of a sentence that the literature judges, at most, besides short ones.


def dependency_scores(
    gold: Sequence[Sequence[int]], induced: Sequence[Sequence[int]], max_length: int
) -> dict[str, float]:
    """Directed and undirected accuracy, of short sentences, of those of up to 40 words, and of all.

    Beside them those of two guesses: that each word hangs at the one before it (the first at the
    root), "head_previous", and at the one after it (the last at the root), "head_next".

    Args:
      gold, induced: see `attachment_scores`; sentences without words count for nothing.
      max_length: words of a short sentence, at most.
    Returns:
      "directed", "undirected", "directed_head_previous" and so on of the short sentences, where
      there are any; the same with "_up_to_40" and with "_any_length".
    """
    found: dict[str, float] = {}
    groups = {
        "": max_length,
        f"_up_to_{_SENTENCES}": _SENTENCES,
        "_any_length": max(map(len, gold)),
    }
    for ending, longest in groups.items():
        rows = [i for i, heads in enumerate(gold) if 0 < len(heads) <= longest]
        if not rows:
            continue
        lengths = [len(gold[i]) for i in rows]
        guesses: dict[str, list[Sequence[int]]] = {
            "": [induced[i] for i in rows],
            "_head_previous": [list(range(length)) for length in lengths],
            "_head_next": [[*range(2, length + 1), 0] for length in lengths],
        }
        for name, heads in guesses.items():
            scores = attachment_scores([gold[i] for i in rows], heads)
            found |= {f"{score}{name}{ending}": value for score, value in scores.items()}
    return found
