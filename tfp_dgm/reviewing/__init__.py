"""The job of a person on a labelling: rows answered on a page, accepted rows checked by a sample.

Nothing is imported until a name is used: checks of tables load no TensorFlow.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.reviewing.answer_import import ImportedAnswers, import_answers
    from tfp_dgm.reviewing.certificates import Certificate, certify
    from tfp_dgm.reviewing.check_files import CheckedTable, check_table
    from tfp_dgm.reviewing.item_review import journal_of
    from tfp_dgm.reviewing.page.review_server import ReviewServer
    from tfp_dgm.reviewing.retrainer import Retrainer
    from tfp_dgm.reviewing.review import Review
    from tfp_dgm.reviewing.review_export import export_review
    from tfp_dgm.reviewing.reviews import export_answers, label_columns_of, open_review
    from tfp_dgm.reviewing.rows_that_teach import teaching_rows
    from tfp_dgm.reviewing.sentences_that_teach import teaching_sentences
    from tfp_dgm.reviewing.tag_review import TagReview

__all__ = [
    "Certificate",
    "CheckedTable",
    "ImportedAnswers",
    "Retrainer",
    "Review",
    "ReviewServer",
    "TagReview",
    "certify",
    "check_table",
    "export_answers",
    "export_review",
    "import_answers",
    "journal_of",
    "label_columns_of",
    "open_review",
    "teaching_rows",
    "teaching_sentences",
]

__getattr__ = lazy_names(
    __name__,
    {
        "answer_import": ("ImportedAnswers", "import_answers"),
        "certificates": ("Certificate", "certify"),
        "check_files": ("CheckedTable", "check_table"),
        "page.review_server": ("ReviewServer",),
        "retrainer": ("Retrainer",),
        "item_review": ("journal_of",),
        "review": ("Review",),
        "review_export": ("export_review",),
        "reviews": ("export_answers", "label_columns_of", "open_review"),
        "rows_that_teach": ("teaching_rows",),
        "sentences_that_teach": ("teaching_sentences",),
        "tag_review": ("TagReview",),
    },
)
