"""Reviews of either kind: of the rows of a labelling, or of the sentences of a tagging."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfp_dgm.data import (
    DataError,
    read_label_settings,
    read_tag_settings,
    read_topic_settings,
)
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_export import export_review
from tfp_dgm.reviewing.tag_export import export_tags
from tfp_dgm.reviewing.tag_review import TagReview

if TYPE_CHECKING:
    from tfp_dgm.reviewing.trainings import Trainings


def is_tagging(model: str | os.PathLike[str]) -> bool:
    """Whether `dgm tag` wrote a folder, and not `dgm label`.

    Raises:
      DataError: if neither did; of topics or clusters, says how labels are made of them.
    """
    try:
        read_tag_settings(model)
    except DataError:
        try:
            read_label_settings(model)
        except DataError as error:
            _refuse_topics(model)
            said = str(error).replace("`dgm label`", "`dgm label` or `dgm tag`")
            raise DataError(said) from error
        return False
    return True


def _refuse_topics(model: str | os.PathLike[str]) -> None:
    try:
        kind = read_topic_settings(model)["kind"]
    except DataError:
        return
    raise DataError(
        f"{model}: expected a folder that `dgm label` or `dgm tag` wrote; found one of {kind}s. "
        f"Correct the column sure_{kind} of its table, give it to `dgm label` as the column of "
        "labels, and review what that writes"
    )


def label_columns_of(model: str | os.PathLike[str]) -> list[str]:
    """The label columns of a labelling, where there are several; none of a tagging."""
    return [] if is_tagging(model) else read_label_settings(model).get("label_columns") or []


def open_review(
    model: str | os.PathLike[str], label_column: str | None = None
) -> Review | TagReview:
    """The review of what `dgm label` or `dgm tag` wrote.

    Args:
      model: the folder; the labelled table, or the tagged file, lies beside it.
      label_column: which of several is reviewed.
    Raises:
      DataError: as `Review` and `TagReview`.
    """
    if not is_tagging(model):
        return Review(model, label_column)
    if label_column is not None:
        raise DataError(f"label_column: expected none of a tagging; received {label_column!r}")
    return TagReview(model)


def export_answers(
    review: Review | TagReview,
    output: str | os.PathLike[str],
    *,
    others: Sequence[Review] = (),
    guard_formulas: bool = False,
) -> int:
    """Writes the source with the answers, as `export_review` or `export_tags`.

    Args:
      review: what was answered.
      output: a path whose ending tells the format.
      others: reviews of other label columns; see `export_review`.
      guard_formulas: whether a CSV or TSV is made safe for spreadsheets; of tags none is.
    Returns:
      How many rows, or words, somebody has answered.
    Raises:
      DataError: if it cannot be written there, or is a file that was read.
    """
    if isinstance(review, TagReview):
        return export_tags(review, output)
    return export_review(review, output, others=others, guard_formulas=guard_formulas)


def trainings_of(review: Review | TagReview) -> Trainings:
    """What later trainings of a review are asked for, and give; loads TensorFlow.

    Args:
      review: with the guesses that it began with.
    """
    if isinstance(review, TagReview):
        from tfp_dgm.reviewing.tag_trainings import TagTrainings

        return TagTrainings(review)
    from tfp_dgm.reviewing.row_trainings import RowTrainings

    return RowTrainings(review)
