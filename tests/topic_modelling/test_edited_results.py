"""What a person edits while a run learns stays, and so does what the run found."""

import shutil
import tempfile
from functools import partial

import pytest

from tests.topic_modelling.made_texts import write_texts
from tfp_dgm.data import DataError
from tfp_dgm.topic_modelling import clusters_of_file, topics_of_file

TEXT = ["text"]


@pytest.mark.slow
def test_what_a_person_edits_while_a_run_learns_is_not_replaced(tmp_path, monkeypatch):
    write_texts(tmp_path / "in.csv", 60)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    topics = partial(topics_of_file, tmp_path / "in.csv", tmp_path / "out", num_topics=3)
    clusters = partial(clusters_of_file, tmp_path / "in.csv", tmp_path / "c.csv", num_clusters=3)
    for find, edited, made in (
        (topics, tmp_path / "out/topics.yaml", "out/documents.csv"),
        (topics, tmp_path / "out/documents.csv", "out/topics.yaml"),
        (clusters, tmp_path / "c.csv", "c.csv"),
    ):
        find(text_columns=TEXT)

        def edit(step, done, total, edited=edited):
            if step.startswith("Fitting") and done == total:
                edited.write_text(edited.read_text() + "mine: [rocket, moon]\n")

        with pytest.raises(DataError, match=rf"{edited.name} was edited .*kept") as error:
            find(text_columns=TEXT, progress=edit)
        assert edited.read_text().endswith("mine: [rocket, moon]\n")
        (kept,) = (tmp_path / "temporary").glob("*-*")  # Keras, too, may have files there.
        assert str(kept) in str(error.value)
        assert (kept / made).is_file()
        edited.write_text(edited.read_text().removesuffix("mine: [rocket, moon]\n"))
        find(text_columns=TEXT)  # As it was written, again.
        shutil.rmtree(kept)
