"""The job of a person who finishes a labelling: accepted rows checked by a sample.

Nothing is imported until a name is used: checks of tables load no TensorFlow.
"""

from typing import TYPE_CHECKING

from tfp_dgm.lazy_names import lazy_names

if TYPE_CHECKING:
    from tfp_dgm.reviewing.certificates import Certificate, certify
    from tfp_dgm.reviewing.check_files import CheckedTable, check_table

__all__ = ["Certificate", "CheckedTable", "certify", "check_table"]

__getattr__ = lazy_names(
    __name__,
    {
        "certificates": ("Certificate", "certify"),
        "check_files": ("CheckedTable", "check_table"),
    },
)
