import pytest

from tfp_dgm.data.folders_of_columns import column_folders


@pytest.mark.parametrize(
    ("columns", "folders"),
    [
        (["topic", "mood"], ["topic", "mood"]),
        (["a/b", "a\\b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
        (["..", ".", ""], ["__", "_", "__2"]),
        (["Topic", "topic", "TOPIC_2"], ["Topic", "topic_2", "TOPIC_2_2"]),
        (["con", "Lpt1", "com"], ["con_", "Lpt1_", "com"]),
        # A letter and its accent, in one character and in two.
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "caf\u00e9_2"]),
        (["x" * 300, "x" * 299], ["x" * 40, "x" * 40 + "_2"]),
    ],
)
def test_folders_are_plain_and_differ_whatever_the_case(columns, folders):
    assert list(column_folders(columns).values()) == folders
