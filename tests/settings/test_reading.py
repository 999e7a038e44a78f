"""The reader of settings: files of three formats, single settings over them, and refusals."""

import json
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt
from pydantic import Field

from tfp_dgm.data import DataError
from tfp_dgm.settings import read_settings, settings_class, settings_table


@settings_class
class Dog:
    """A dog.

    Attributes:
      legs: it stands on.
    """

    kind: Literal["dog"] = "dog"
    legs: Annotated[int, Ge(1)] = 4


@settings_class
class Bird:
    """A bird.

    Attributes:
      wings: it flies by; those of
        a penguin are none.
      song: what it sings; null for nothing.
    """

    kind: Literal["bird"] = "bird"
    wings: int = 2
    song: str | None = None


@settings_class
class Zoo:
    """A zoo.

    Attributes:
      animal: who lives there.
      guest: who is visiting.
      fee, tax: to be paid.
      days: it is open.
    """

    animal: Annotated[Dog | Bird, Field(discriminator="kind")] = Dog()
    guest: Annotated[Dog | Bird, Field(discriminator="kind")] | None = None
    fee: Annotated[float, Gt(0)] = 2.5
    tax: float = 0.0
    days: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        if self.tax > self.fee:
            raise ValueError(f"tax must be at most fee; received {self.tax} and {self.fee}")


WANTED = Zoo(animal=Bird(wings=0, song="peep"), fee=0.001, days=(5,))


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("yaml", "animal: {kind: bird, wings: 0, song: peep}\nfee: 1e-3\ndays: [5]\n"),
        (
            "toml",
            'fee = 1e-3\ndays = [5]\n[animal]\nkind = "bird"\nwings = 0\nsong = "peep"\n',
        ),
        (
            "json",
            '{"animal": {"kind": "bird", "wings": 0, "song": "peep"}, "fee": 1e-3, "days": [5],'
            ' "data": {"train_file": "x"}}',
        ),
    ],
)
def test_formats(tmp_path, ending, text):
    file = tmp_path / f"zoo.{ending}"
    file.write_text(text)
    assert read_settings(Zoo, file) == WANTED


def test_nothing_is_the_defaults(tmp_path):
    (tmp_path / "empty.yaml").write_text("# none\n")
    assert read_settings(Zoo, tmp_path / "empty.yaml") == read_settings(Zoo) == Zoo()


@pytest.mark.parametrize(
    ("assignments", "wanted"),
    [
        (["animal.wings=1", "animal.kind=bird"], Zoo(animal=Bird(wings=1))),
        (["animal.kind=dog"], Zoo(animal=Dog())),  # And not with the file's wings.
        (["guest.kind=dog", "guest.legs=1"], Zoo(animal=Bird(wings=7), guest=Dog(legs=1))),
        (["guest=null", "fee=3"], Zoo(animal=Bird(wings=7), fee=3.0)),
        (["animal={kind: dog, legs: 2}"], Zoo(animal=Dog(legs=2))),
    ],
)
def test_single_settings_win_over_the_file(tmp_path, assignments, wanted):
    (tmp_path / "zoo.yaml").write_text("animal: {kind: bird, wings: 7}\n")
    assert read_settings(Zoo, tmp_path / "zoo.yaml", assignments) == wanted


def test_a_kind_that_is_not_named_is_the_default_one():
    assert read_settings(Zoo, None, ["animal.legs=3"]) == Zoo(animal=Dog(legs=3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "fee: 1\nanimal:\n  legz: 3\n",
            "line 3: no such setting 'animal.legz'; did you mean 'animal.legs'?",
        ),
        ("legs: 3\n", "did you mean 'animal.legs' or 'guest.legs'?"),
        ("xyzzy: 3\n", "line 1: no such setting 'xyzzy'; there are animal, guest, fee, tax, days"),
        ("animal: {wings: 3}\n", "no setting 'animal.wings' here: it is of animal.kind=bird"),
        ("\nanimal: {kind: cat}\n", "line 2: animal.kind must be one of 'dog', 'bird'; received"),
        ("animal: bird\n", "must be names and values, animal.kind among them (bird); received"),
        ("guest: {legs: 3}\n", "guest.kind among them (dog, bird); received {'legs': 3}"),
        ("animal: {legs: 0}\n", "animal.legs must be greater than or equal to 1; received 0"),
        ("animal: {legs: 1.5}\n", "animal.legs must be a valid integer"),
        ("animal: {legs: true}\n", "animal.legs must be a valid integer; received True"),
        ("fee: .inf\n", "fee must be a finite number"),
        ("fee: x\n", "fee must be a valid number; received 'x'"),
        ("days: [1, x]\n", "days must be a valid integer; received 'x'"),
        ("tax: 3\n", "tax must be at most fee; received 3.0 and 2.5"),
        ("fee: 1\nfee: 2\n", "'fee' stands twice"),
        ("- fee\n", "expected names and values; received list"),
        ("fee: [\n", "not YAML"),
    ],
)
def test_a_file_is_refused_by_file_line_and_name(tmp_path, text, message):
    (tmp_path / "zoo.yaml").write_text(text)
    with pytest.raises(DataError) as caught:
        read_settings(Zoo, tmp_path / "zoo.yaml")
    assert str(caught.value).startswith(str(tmp_path / "zoo.yaml"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("legz", "assignments: expected name=value; received 'legz'"),
        ("=3", "assignments: expected name=value; received '=3'"),
        ("animal.legz=3", "assignments: no such setting 'animal.legz'; did you mean"),
        ("fee=[", "assignments: fee is not YAML"),
        (
            "fee=" + "[" * 5000,
            "assignments: fee is not to be read: lists and mappings are too deep",
        ),
        ("animal={kind: bird, song: 3}", "assignments: animal.song must be a valid string"),
        ("fee.x=3", "assignments: fee must be a valid number; received {'x': 3}"),
    ],
)
def test_a_single_setting_is_refused_by_name(assignment, message):
    with pytest.raises(DataError) as caught:
        read_settings(Zoo, None, [assignment])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zoo.txt", b"", r"expected settings, in a file ending in \.yaml, \.yml, \.toml, \.json"),
        ("zoo.yaml", b"fee: \xff", "expected settings in UTF-8"),
        ("zoo.toml", b"fee = ", "not TOML"),
        ("zoo.json", b"{", "not JSON"),
        ("zoo.json", b"[" * 100_000, r"zoo\.json: not to be read: lists and mappings are"),
        ("zoo.toml", b"fee = " + b"[" * 5000, r"zoo\.toml: not to be read: lists and mappings are"),
        ("zoo.yaml", b"fee: " + b"[" * 5000, r"zoo\.yaml: not to be read: lists and mappings are"),
        ("none.json", None, "expected a file of settings: No such file"),
    ],
)
def test_files_that_are_none(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_settings(Zoo, tmp_path / name)


def test_one_made_in_python_is_checked_too():
    with pytest.raises(ValueError, match="legs"):
        Dog(legs=0)
    with pytest.raises(ValueError, match="tax must be at most fee"):
        Zoo(tax=3.0)
    with pytest.raises(ValueError, match="integer"):
        Dog(legs="4")
    with pytest.raises(AttributeError):
        Dog().legs = 3


def test_an_earlier_version_is_turned_into_this_one(tmp_path):
    (tmp_path / "old.json").write_text(json.dumps({"price": 3}))
    found = read_settings(
        Zoo, tmp_path / "old.json", ["tax=1"], earlier=lambda values: {"fee": values["price"]}
    )
    assert found == Zoo(fee=3.0, tax=1.0)


def test_the_table_of_a_class():
    assert settings_table(Zoo).splitlines()[2:] == [
        "| `animal.kind` | dog, bird | dog | who lives there. |",
        "| `animal.legs` (dog) | whole number, 1 or more | 4 | it stands on. |",
        "| `animal.wings` (bird) | whole number | 2 | it flies by; those of a penguin are none. |",
        "| `animal.song` (bird) | text or null | null | what it sings; null for nothing. |",
        "| `guest.kind` | dog, bird or null | null | who is visiting. |",
        "| `guest.legs` (dog) | whole number, 1 or more | 4 | it stands on. |",
        "| `guest.wings` (bird) | whole number | 2 | it flies by; those of a penguin are none. |",
        "| `guest.song` (bird) | text or null | null | what it sings; null for nothing. |",
        "| `fee` | number, above 0 | 2.5 | to be paid. |",
        "| `tax` | number | 0.0 | to be paid. |",
        "| `days` | list of whole number | [1, 2] | it is open. |",
    ]
