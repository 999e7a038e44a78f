"""Single precision reads as the decimal it was written as."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tfp_dgm.data import read_labelled_table, write_table


def test_single_precision_keeps_its_decimals(tmp_path):
    original = pa.table(
        {
            "text": ["a", "b", "c"],
            "label": pa.array([0.1, 16777216, None], pa.float32()),
            "half": pa.array([0.1, None, 2.5], pa.float16()),
            "list": pa.array([[0.1, None], [], None], pa.list_(pa.float32())),
            "deep": pa.array([{"x": 0.3, "n": 1}, None, {"x": None, "n": 2}],
                             pa.struct([("x", pa.float32()), ("n", pa.int64())])),
            "double": [0.1, 1 / 3, float(np.float32(0.1))],
        }
    )  # fmt: skip
    pq.write_table(original, tmp_path / "in.parquet")
    table = read_labelled_table(
        tmp_path / "in.parquet", text_columns=["text"], label_column="label"
    )
    assert table.classes == ("0.1", "16777216")
    write_table(table.frame, tmp_path / "out.jsonl", {"new": np.array([0.1, 0.2, 0.3], np.float32)})
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row.get("label") for row in rows] == [0.1, 16777216.0, None]
    assert [row.get("half") for row in rows] == [0.1, None, 2.5]
    assert [row.get("list") for row in rows] == [[0.1, None], [], None]
    assert [row.get("deep") for row in rows] == [{"x": 0.3, "n": 1}, None, {"x": None, "n": 2}]
    assert [row["double"] for row in rows] == [0.1, 1 / 3, 0.10000000149011612]
    assert [row["new"] for row in rows] == [0.1, 0.2, 0.3]
    write_table(table.frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith('a,0.1,0.1,"[0.1, null]"')
    write_table(table.frame, tmp_path / "out.parquet")  # There the types stay.
    assert pq.read_table(tmp_path / "out.parquet").cast(original.schema).equals(original)
