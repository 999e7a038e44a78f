"""Tables of texts whose topics are asked for, and where their results may go."""

import json

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import (
    DataError,
    check_cluster_results,
    check_topic_folder,
    check_topic_table,
    digest,
    file_digest,
    read_topic_settings,
    read_topic_table,
)

TABLE = "text,kind,mine,when\na b,x,,2024-05-31\nc,,t,2024-05-31T12:30:00+02:00\nd,?,u,\n"


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_classes_topics_and_dates(tmp_path):
    found = read_topic_table(
        write(tmp_path, TABLE),
        text_columns=["text"],
        label_column="kind",
        seed_column="mine",
        date_column="when",
    )
    assert found.texts == ["a b", "c", "d"]
    assert found.labels == ["x", None, None]
    assert found.seeds == [None, "t", "u"]
    expected = np.array(["2024-05-31", "2024-05-31T10:30:00", "NaT"], "datetime64[s]")
    np.testing.assert_array_equal(found.dates, expected)
    assert found.places == ["line 2", "line 3", "line 4"]
    plain = read_topic_table(tmp_path / "t.csv", text_columns=["text"], label_column="kind")
    assert (plain.seeds, plain.dates) == (None, None)


def test_dates_of_parquet(tmp_path):
    dates = pd.to_datetime(["2024-01-02", None])
    pd.DataFrame({"text": ["a", "b"], "when": dates}).to_parquet(tmp_path / "t.parquet")
    found = read_topic_table(tmp_path / "t.parquet", text_columns=["text"], date_column="when")
    np.testing.assert_array_equal(found.dates, np.array(["2024-01-02", "NaT"], "datetime64[s]"))


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["3/4/2024", "5/13/2024"], ["2024-03-04", "2024-05-13"]),
        (["3/4/2024", "13/5/2024"], ["2024-04-03", "2024-05-13"]),
        (["03-04-24", "13-05-98 08:30"], ["2024-04-03", "1998-05-13T08:30:00"]),
        (["12.5.2021", "31.12.2023"], ["2021-05-12", "2023-12-31"]),
        (["2024", "20240531"], ["2024-01-01", "2024-05-31"]),
        (["May 5, 1998", "5 March 2001"], ["1998-05-05", "2001-03-05"]),
    ],
)
def test_all_dates_of_a_column_are_read_alike(tmp_path, cells, read):
    path = write(tmp_path, "text,when\n" + "".join(f'a,"{cell}"\n' for cell in cells))
    found = read_topic_table(path, text_columns=["text"], date_column="when")
    np.testing.assert_array_equal(found.dates, np.array(read, "datetime64[s]"))


@pytest.mark.parametrize(
    ("table", "asked", "said"),
    [
        ("text,when\na,soon\n", {"date_column": "when"}, "line 2, column 'when': expected a date"),
        ("text,when\na,\n", {"date_column": "when"}, "column 'when': expected dates in some rows"),
        ("text,when\na,now\n", {"date_column": "when"}, "line 2, .*a date.* received 'now'"),
        ("text,when\na,12:30\n", {"date_column": "when"}, "line 2, .*a date.* received '12:30'"),
        ("text,when\na,31.2.2024\n", {"date_column": "when"}, "a date.* received '31.2.2024'"),
        (
            "text,when\na,31/12/2023\na,12/31/2023\n",
            {"date_column": "when"},
            "line 3, column 'when': .* order of '31/12/2023' above; received '12/31/2023'",
        ),
        ("text,kind\na,?\n", {"label_column": "kind"}, "expected a value in some rows"),
        ("text\na\n", {"seed_column": "mine"}, "no such column 'mine'"),
    ],
)
def test_odd_columns_are_refused(tmp_path, table, asked, said):
    with pytest.raises(DataError, match=said):
        read_topic_table(write(tmp_path, table), text_columns=["text"], **asked)


def test_a_number_is_no_date(tmp_path):
    path = write(tmp_path, '{"text": "a", "when": 20240501}\n', "t.jsonl")
    with pytest.raises(DataError, match=r"line 1, column 'when': .* received 20240501"):
        read_topic_table(path, text_columns=["text"], date_column="when")


def earlier(folder, **changed):
    """A folder as an earlier run leaves it."""
    folder.mkdir()
    words = "a: [b]\n"
    (folder / "documents.csv").write_text("text,topic\n")
    settings = {
        "versions": {"tfp-dgm": "0"},
        "source": "t.csv",
        "output": folder.name,
        "kind": "topic",
        "text_columns": ["text"],
        "names": ["a"],
        "topic_words": digest(words),
        "documents": file_digest(folder / "documents.csv"),
    } | changed
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "topics.yaml").write_text(words)
    return folder


def test_only_what_an_earlier_run_wrote_is_replaced(tmp_path):
    source = write(tmp_path, TABLE)
    assert check_topic_folder(source, tmp_path / "new") == tmp_path / "new" / "documents.csv"
    assert check_topic_folder(source, earlier(tmp_path / "old")).name == "documents.csv"
    with pytest.raises(DataError, match=r"belongs to 's\.csv' and would be replaced"):
        check_topic_folder(source, earlier(tmp_path / "other", source="s.csv"))
    (tmp_path / "old" / "topics.yaml").write_text("mine: [b]\n")
    with pytest.raises(DataError, match=r"topics\.yaml was edited and would be replaced"):
        check_topic_folder(source, tmp_path / "old")
    corrected = earlier(tmp_path / "corrected") / "documents.csv"
    corrected.write_text("text,topic\na,rockets\n")
    with pytest.raises(DataError, match=r"documents\.csv was edited and would be replaced"):
        check_topic_folder(source, tmp_path / "corrected")
    write(earlier(tmp_path / "kept"), TABLE, "documents.old.csv")
    with pytest.raises(DataError, match=r"would be replaced, and holds documents\.old\.csv"):
        check_topic_folder(source, tmp_path / "kept")
    (tmp_path / "full").mkdir()
    write(tmp_path / "full", "x", "notes.txt")
    with pytest.raises(DataError, match=r"output: .* or one that `dgm topics` wrote"):
        check_topic_folder(source, tmp_path / "full")
    inside = write(tmp_path / "full", TABLE, "in.csv")
    with pytest.raises(DataError, match="would be replaced, and holds"):
        check_topic_folder(inside, tmp_path / "full")
    with pytest.raises(DataError, match="expected a folder or nothing; found a file"):
        check_topic_folder(source, source)


def test_a_zipped_table_stays_zipped(tmp_path):
    (tmp_path / "t.TSV.gz").write_bytes(b"")
    assert check_topic_folder(tmp_path / "t.TSV.gz", tmp_path / "new").name == "documents.tsv.gz"


def test_tables_that_may_be_replaced(tmp_path):
    source = write(tmp_path, TABLE)
    for kind in ("topic", "cluster"):
        name = f"{kind}.csv"
        check_topic_table(
            write(tmp_path, f"text,{kind},{kind}_probability\na,b,1\n", name), [source]
        )
    with pytest.raises(DataError, match="found a file without the columns topic"):
        check_cluster_results(source, write(tmp_path, "text,topic\n", "mine.csv"))
    assert check_cluster_results(source, tmp_path / "o.csv") == tmp_path / "o.model"
    with pytest.raises(DataError, match=r"t\.csv"):
        check_topic_table(source, [source])


def test_settings_are_those_of_topics_or_clusters(tmp_path):
    assert read_topic_settings(earlier(tmp_path / "old"))["names"] == ["a"]
    with pytest.raises(DataError, match="a folder that `dgm topics` or `dgm cluster` wrote"):
        read_topic_settings(tmp_path)
