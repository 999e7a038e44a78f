"""What a person should know about annotations of several labels, in sentences."""

from collections.abc import Iterator, Sequence

import numpy as np

from tfp_dgm.data.data_error import listing
from tfp_dgm.data.visible_text import spelling

_FEWEST = 3
_SHOWN = 10


def mark_warnings(
    marks: np.ndarray, counts: np.ndarray, classes: Sequence[str], *, defined: bool = False
) -> Iterator[str]:
    """Sentences on copies, on classes that the annotations leave open, and on partial ones.

    Args:
      marks: int8 [n, K]; of the annotated rows.
      counts: [n]; what each counts.
      classes: K names.
      defined: whether something is said of the classes, which teaches beside the annotations.
    """
    if defined and not len(counts):
        return
    rows, texts = len(counts), round(float(counts.sum()))
    if rows > texts:
        yield (
            f"{rows - texts:,} of the {rows:,} annotated rows are copies of others, or all but "
            "copies. A text counts once, however often it was annotated."
        )
    applies, absent = (marks == 1).sum(axis=0), (marks == 0).sum(axis=0)
    if not defined and (names := _names(classes, (applies > 0) & (absent == 0))):
        yield (
            f"No annotated row is without {names}: whether other rows are cannot be learned. "
            "Annotate rows to which this does not apply."
        )
    if names := _names(classes, applies == 0):
        yield f"No annotated row has {names}: " + (
            "predictions of such a class come from what is said of it, and cannot be checked."
            if defined
            else "such a class is never predicted."
        )
    if names := _names(classes, (applies > 0) & (applies < _FEWEST)):
        yield (
            f"Fewer than {_FEWEST} rows have {names}: predictions of such a class cannot be "
            "checked; annotate more of it."
        )
    complete = (marks >= 0).all(axis=1)
    if 2 * complete.sum() < rows:
        yield (
            f"{rows - int(complete.sum()):,} of the {rows:,} annotated rows leave classes open. "
            "Probabilities and what is accepted hold if what is open is no other than what is "
            "known; annotate some rows in full to make them sure."
        )


def _names(classes: Sequence[str], chosen: np.ndarray) -> str:
    found = [spelling(name) for name, here in zip(classes, chosen, strict=True) if here]
    return listing(found, limit=_SHOWN) if found else ""
