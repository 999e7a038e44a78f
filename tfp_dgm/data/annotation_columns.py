"""Which columns of a table hold its annotations, and whether one hand or several wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tfp_dgm.data.data_error import DataError, listing


@dataclass(frozen=True)
class AnnotationColumns:
    """The columns of a labelling, as they were asked for.

    Attributes:
      labels: columns of labels.
      answers: columns of one annotator's labels each, in place of `labels`.
      annotator: names who gave each row's label, beside one column of `labels`; or None.
    """

    labels: tuple[str, ...]
    answers: tuple[str, ...] = ()
    annotator: str | None = None

    @classmethod
    def of(
        cls,
        label_column: str | Sequence[str] | None,
        answer_columns: Sequence[str] | None = None,
        annotator_column: str | None = None,
        defined: bool = False,
    ) -> AnnotationColumns:
        """The arguments of `labelling.label_file`, checked before any file is read.

        Where classes are `defined` in a file, there may be no column at all.

        Raises:
          DataError: if they contradict each other, or a column is given twice.
        """
        labels = (label_column,) if isinstance(label_column, str) else tuple(label_column or ())
        answers = tuple(answer_columns or ())
        if labels and answers:
            raise DataError(
                "answer_columns: expected in place of `label_column`, of several annotators' "
                f"labels; received both, {_names(answers)} and {_names(labels)}"
            )
        if not labels and not answers and not defined:
            raise DataError(
                "label_column: expected a column of labels, or two or more of `answer_columns`; "
                "received none"
            )
        if annotator_column is not None and len(labels) != 1:
            raise DataError(
                "annotator_column: expected one `label_column` beside it, of all annotators' "
                f"answers; received {_names(labels or answers)}"
            )
        if len(answers) == 1:
            raise DataError(
                "answer_columns: expected two or more, one of each annotator; received "
                f"{_names(answers)} alone, which is a `label_column`"
            )
        for argument, names in (("label_column", labels), ("answer_columns", answers)):
            if repeated := [repr(name) for name, count in Counter(names).items() if count > 1]:
                raise DataError(
                    f"{argument}: expected each column once; received {listing(repeated)} again"
                )
        return cls(labels, answers, annotator_column)


def _names(columns: Sequence[str]) -> str:
    return listing([repr(name) for name in columns])
