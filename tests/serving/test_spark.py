"""Columns of Spark come back with what the model itself answers."""

import os
import shutil
import sys

import numpy as np
import pytest

from tests.serving.toys import Letters
from tfp_dgm.serving import export
from tfp_dgm.serving.spark import batch_answers, predict_udf

TEXTS = ["abba", "head of cabbage", "zzz", "", "gag" * 50, None]


class LettersOrNot(Letters):
    """Tells also whether a text has a letter that it knows."""

    def name_label(self, probabilities, class_id):
        named = super().name_label(probabilities, class_id)
        return {**named, "known": probabilities[:, 0] != 0.5}


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    model = LettersOrNot()
    folder = tmp_path_factory.mktemp("models") / "letters"
    signatures = model.serving_signatures()
    del signatures["classify"]
    export(model, folder, batch_sizes=[1], signatures=signatures)
    return model, folder


def _labels(model):
    """What the Python of the model says."""
    texts = [text for text in TEXTS if text is not None]
    found = model.serving_signatures()["serving_default"].plain()(texts)
    return [label.decode() for label in found["label"].numpy()], found["probabilities"].numpy()


def test_a_worker_gives_rows_of_the_struct(letters):
    model, folder = letters
    answer = batch_answers(str(folder), "serving_default")
    rows = answer(np.array(TEXTS, object))
    labels, probabilities = _labels(model)
    assert [row["label"] for row in rows] == [*labels, ""]
    found = np.array([list(row["probabilities"]) for row in rows[:-1]], float)
    np.testing.assert_allclose(found, probabilities, 1e-6)
    assert [row["refusal"] for row in rows] == [
        *([""] * 5),
        "'text': expected a string or bytes; received None",
    ]
    assert len(rows[-1]["probabilities"]) == 0
    drawn = batch_answers(str(folder), "draw")
    assert len(drawn(np.array([[1, 2], [3, 4]]), np.array([1.0, 0.5]))) == 2


def test_without_spark_it_says_what_to_install(letters, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ImportError, match=r"predict_udf needs .*pip install tfp-dgm\[spark\]"):
        predict_udf(letters[1])


@pytest.fixture
def spark(monkeypatch):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


# pyspark 4.3, of pandas 3: what is used here works.
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_a_column_of_spark_is_answered_as_by_the_model(letters, spark):
    model, folder = letters
    table = spark.createDataFrame([*enumerate(TEXTS)], "id int, text string")
    answered = table.withColumn("answer", predict_udf(folder, batch_size=2)("text"))
    rows = answered.select("id", "text", "answer.*").orderBy("id").collect()
    labels, probabilities = _labels(model)
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == [*labels, ""]
    np.testing.assert_allclose([row["probabilities"] for row in rows[:-1]], probabilities, 1e-6)
    assert [row["known"] for row in rows] == [True, True, False, False, True, False]
    assert [bool(row["refusal"]) for row in rows] == [False] * 5 + [True]
    seeds = spark.createDataFrame([([1, 2], 1.0), ([1, 2], 1.0)], "seed array<int>, t double")
    drawn = seeds.select(predict_udf(folder, signature="draw")("seed", "t")["letter"]).collect()
    assert drawn[0] == drawn[1]
    assert drawn[0][0] in "abcdefgh"
