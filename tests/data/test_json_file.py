"""JSON files that are at fault in their form."""

import pytest

from tfp_dgm.data import DataError, check_label_results, read_json, read_label_settings

DEEP = "[" * 100_000


def test_lists_too_deep_in_each_other_are_refused_with_the_file(tmp_path):
    (tmp_path / "metrics.json").write_text(DEEP)
    with pytest.raises(DataError, match=r"metrics\.json: not JSON: maximum recursion depth"):
        read_json(tmp_path / "metrics.json", "the metrics")


def test_a_folder_of_such_settings_is_none_of_a_labelling(tmp_path):
    folder = tmp_path / "out.model"
    folder.mkdir()
    (folder / "settings.json").write_text(DEEP)
    with pytest.raises(DataError, match="expected a folder that `dgm label` wrote; maximum recurs"):
        read_label_settings(folder)
    (tmp_path / "in.csv").write_text("text,label\n")
    with pytest.raises(DataError, match="expected nothing, an empty folder or one that"):
        check_label_results(tmp_path / "in.csv", tmp_path / "out.csv", None)
