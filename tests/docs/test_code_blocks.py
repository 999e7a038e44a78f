"""The Python of README and docs runs (`make pages`), and makes what its comments say."""

import pytest

from tests.docs.brief import brief
from tests.docs.made_files import digits, make_texts
from tests.docs.page_python import run_python
from tests.docs.pages import PAGES

# Their Python needs what their commands made: test_commands_run.py runs both.
ELSEWHERE = {"induction.md", "labelling.md", "scale.md", "serving.md", "tagging.md", "topics.md"}


@pytest.fixture
def place(tmp_path, monkeypatch, eager):
    """The folder that a page's blocks run in, with the files that they read."""
    make_texts(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfp_dgm.data.image_sets.fetch", lambda name: digits(tmp_path))
    brief(monkeypatch)
    return tmp_path


@pytest.mark.pages
@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if path.name not in ELSEWHERE],
    ids=lambda path: path.name,
)
def test_python_of_a_page_runs(path, place):
    _, wrong = run_python(path.read_text(encoding="utf-8"))
    assert wrong == []


def test_a_shape_that_is_told_wrongly_is_found():
    page = (
        "```python\nimport numpy as np\n\nx = np.zeros((2, 3))  # [2, T]\ny = x.T  # [2, 3]\n```\n"
    )
    _, wrong = run_python(page)
    assert wrong == ["y: [2, 3], is [3, 2]"]
