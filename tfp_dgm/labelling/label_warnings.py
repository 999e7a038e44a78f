"""What a person should know about the labels that were given, in sentences."""

from collections.abc import Sequence

import numpy as np

from tfp_dgm.data.data_error import listing
from tfp_dgm.data.visible_text import beginning
from tfp_dgm.labelling.class_levels import JudgedLevel
from tfp_dgm.labelling.class_shares import FEWEST_LABELS, ClassShares

NO_LABELS_YET = (
    "There are no labels yet: predictions come from what is said of the classes alone, how sure "
    "they are is not known, and none is accepted. Label the rows that the report lists first, and "
    "run again."
)
_WIDE = 0.1  # A range of shares from which on it is told.


def label_warnings(
    class_shares: ClassShares, share_draws: np.ndarray, classes: Sequence[str]
) -> list[str]:
    """Sentences on labels of copies and on shares that the labels leave open.

    Args:
      class_shares: of the annotated rows.
      share_draws: float [S, K]; draws of the shares among the rows without annotation.
      classes: K names.
    """
    if not len(class_shares.rows):
        return [NO_LABELS_YET]
    found = []
    rows, texts = len(class_shares.rows), len(np.unique(class_shares.group))
    if rows > texts:
        found.append(
            f"{rows - texts:,} of the {rows:,} rows with a label are copies of others, or all but "
            "copies. A text counts once, however often it was labelled."
        )
    low, high = np.quantile(share_draws, [0.1, 0.9], axis=0)
    widest = int(np.argmax(high - low))
    if high[widest] - low[widest] > _WIDE:
        found.append(
            "Labels were drawn unevenly, and how often each class occurs among the other rows can "
            f"only be estimated: {beginning(classes[widest])} is between {low[widest]:.0%} and "
            f"{high[widest]:.0%} of them. Confidences and expected precisions hold as far as that "
            "does; more labels of classes that have few make it sure."
        )
    return found


def unknown_share(class_shares: ClassShares, share_draws: np.ndarray) -> float:
    """What share of the rows may be of classes with hardly a label: at most, in nine of ten draws.

    Arguments as for `label_warnings`.
    """
    return float(np.quantile(share_draws[:, class_shares.unknown].sum(axis=1), 0.9))


def unknown_warning(
    names: Sequence[str], share: float, *, answers: str = "predictions", kind: str = "class"
) -> str:
    """Says that nothing is accepted, since a share of the rows may be of unknown classes.

    Args:
      names: of these.
      share: at most; see `unknown_share`.
      answers: what none is accepted of.
      kind: what the names are of.
    """
    has, these = "has", f"this {kind}"
    if len(names) > 1:
        has, these = "have", f"these {kind}es" if kind.endswith("s") else f"these {kind}s"
    named = listing([beginning(name) for name in names])
    return (
        f"Too few labels to tell which {answers} are right. None of the {answers} is accepted: "
        f"{named} {has} fewer than {FEWEST_LABELS} labels, and up to {share:.0%} of the rows may "
        f"be of {these}, taken for others. Label more of them first."
    )


def level_warnings(levels: Sequence[JudgedLevel], min_precision: float) -> list[str]:
    """What `unknown_warning` says, of the levels of groups."""
    return [
        unknown_warning(
            judged.unknown, judged.unknown_share, answers="predictions of groups", kind="group"
        )
        for judged in levels
        if judged.unknown_share > 1 - min_precision
    ]
