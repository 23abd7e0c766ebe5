"""Settings models: an error is one line with the key, its value and what is possible; tables derive from the fields."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from leuknet._config import Settings, possible, read_toml, setting
from leuknet.exceptions import LeuknetError


class Lamp(Settings):
    """A model with one field of each kind."""

    subject = "lamp: "
    watts: float = setting(40.0, "Power.", "W", gt=0, le=100)


class Room(Settings):
    """A model that holds another."""

    name: str = setting(description="What it is called.")
    seats: int = setting(4, "How many can sit.", "seats", ge=1, le=9)
    kind: Literal["study", "kitchen"] = setting("study")
    open: bool = setting(False)
    share: float = setting(0.5, ge=0, lt=1)
    sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = setting(None, strict=False, min_length=1)
    lamp: Lamp | None = setting(Lamp(), strict=False)

    @model_validator(mode="after")
    def _check(self):
        if self.kind == "kitchen" and self.seats > 8:
            raise ValueError("a kitchen has 8 seats at most")
        return self


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"seats": "x"}, "seats = 'x': give a whole number from 1 to 9"),
        ({"seats": True}, "seats = True: give a whole number from 1 to 9"),
        ({"seats": 10**9}, "seats = 1000000000: give a whole number from 1 to 9"),
        ({"seats": None}, "seats = None: give a whole number from 1 to 9"),
        ({"seats": 2.0}, "seats = 2.0: give a whole number from 1 to 9"),
        ({"kind": "hall"}, "kind = 'hall': give one of study, kitchen"),
        ({"open": 1}, "open = 1: give true or false"),
        ({"share": 1.0}, "share = 1.0: give a number of at least 0 and below 1"),
        ({"share": float("nan")}, "share = nan: give a number of at least 0 and below 1"),
        (
            {"sizes": [3, 0]},
            "sizes = [3, 0]: give a list in brackets, not empty, of which each is a whole number of at",
        ),
        ({"sizes": []}, "sizes = []: give a list in brackets, not empty"),
        ({"name": 3}, "name = 3: give a text in quotes"),
        ({"lamp": "x"}, "lamp = 'x': give a table"),
        ({"lamp": {"watts": 0}}, "lamp: watts = 0: give a number above 0 and of at most 100"),
        ({"lamp": {"wats": 1}}, "lamp: unknown setting 'wats': did you mean watts?"),
        ({"seat": 3}, "unknown setting 'seat': did you mean seats?"),
        ({"zzz": 3}, "unknown setting 'zzz': known are name, seats, kind, open, share, sizes, lamp"),
        ({"kind": "kitchen", "seats": 9}, "a kitchen has 8 seats at most"),
    ],
)
def test_an_impossible_value_is_one_line_that_says_what_is_possible(values, line):
    with pytest.raises(LeuknetError) as raised:
        Room(**{"name": "a"} | values)
    assert str(raised.value).startswith(line) and "\n" not in str(raised.value)
    with pytest.raises(LeuknetError):
        Room(name="a").but(**values)


def test_a_missing_value_is_named():
    with pytest.raises(LeuknetError, match="name is missing: give a text in quotes"):
        Room()


def test_settings_round_trip_compare_and_hash():
    room = Room(name="a", sizes=[1, 2], lamp={"watts": 60})
    assert Room.from_dict(room.as_dict()) == room and hash(Room.from_dict(room.as_dict())) == hash(room)
    assert room.as_dict()["sizes"] == [1, 2] and room.lamp == Lamp(watts=60.0)
    assert room.but(seats=5) != room and room.but(lamp=None).lamp is None
    with pytest.raises(ValueError, match="frozen"):
        room.seats = 3


def test_what_is_possible_derives_from_the_field():
    assert possible(Room, "seats") == "a whole number from 1 to 9"


def test_a_toml_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "broken.toml").write_text("a = [")
    with pytest.raises(LeuknetError, match="broken.toml: not TOML"):
        read_toml(tmp_path / "broken.toml")
    with pytest.raises(LeuknetError, match=r"none.toml: cannot be read \(No such file"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "good.toml").write_text("a = 3")
    assert read_toml(tmp_path / "good.toml") == {"a": 3}
