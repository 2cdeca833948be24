"""What is worked out: numbers, units, times."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from files import FILES, note, read


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("0.1 + 0.2", 0.3),
        ("15% of 80", 12),
        ("-2^2", -4),
        ("2^3^2", 512),
        ("2^-1", 0.5),
        ("10 mod 4", 2),
        ("sqrt(2 + 2) × 3", 6),
        ("√16 ÷ 2", 2),
        ("round(pi)", 3),
        ("1,234,567 + 1", 1234568),
        ("3,5 plus 1", 4.5),
        ("1e3 / 4", 250),
        ("ln(e)", 1),
        ("sqrt(2)^2", 2),
        ("3.0000000000000004", 3),
        ("1234567 * 7654321", 9449772114007),
        ("-1234567 * 7654321", -9449772114007),
        ("2^53 - 1", 9007199254740991),
        ("4.35 * 1e14", 435000000000000),
    ],
)
def test_calculations(n8n, expression, value):
    assert n8n.result("calculate", expression=expression) == {"expression": expression, "value": value}


@pytest.mark.parametrize("expression", ["2 +", "two", "(1", "1 2", "exit()", "constructor", "2;3", "=1", "(" * 199])
def test_what_is_no_calculation_is_refused(n8n, expression):
    assert n8n.refusal("calculate", expression=expression) == f'"{expression}" cannot be calculated.'


@pytest.mark.parametrize("expression", ["1 / 0", "sqrt(-1)", "10^999"])
def test_what_has_no_result_is_refused(n8n, expression):
    assert "has no result" in n8n.refusal("calculate", expression=expression)


@pytest.mark.parametrize(
    ("value", "unit", "to", "converted"),
    [
        (10, "miles", "km", 16.09344),
        (72, "°F", "celsius", 22.222222),
        (-40, "degrees Celsius", "Fahrenheit", -40),
        (0, "C", "kelvin", 273.15),
        (5, "Feet", "cm", 152.4),
        (2, "cups", "ml", 473.17647),
        (100, "km/h", "mph", 62.137119),
        (60, "miles per hour", "kilometers per hour", 96.56064),
        (1, "GiB", "MB", 1073.7418),
        (1, "GiB", "bytes", 1073741824),
        (123456789012, "bytes", "kB", 123456789),
        (1234.567891, "km", "mm", 1234567891),
        (90, "Minuten", "Stunden", 1.5),
        (2, "inches", "mm", 50.8),
        (1.5, "Pfund", "Gramm", 680.38855),
        (1, "hectare", "m²", 10000),
    ],
)
def test_conversions(n8n, value, unit, to, converted):
    result = n8n.result("convert_units", value=value, from_=unit, to=to)

    assert result == {"value": value, "from": unit, "converted": converted, "to": to}


def test_units_that_do_not_go_together_are_refused(n8n):
    assert n8n.refusal("convert_units", value=1, from_="kg", to="km") == "One is a unit of mass, the other of length."
    assert n8n.refusal("convert_units", value=1, from_="parsec", to="km") == '"parsec" is no unit that is known here.'


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("San Francisco, California", "America/Los_Angeles"),
        ("Mumbai", "Asia/Kolkata"),
        ("München", "Europe/Berlin"),
        ("America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("UTC", "UTC"),
    ],
)
def test_the_time_anywhere(n8n, place, zone):
    before = datetime.now(ZoneInfo(zone))
    told = n8n.result("time_in", place=place)
    after = datetime.now(ZoneInfo(zone))

    assert told["zone"] == zone
    assert told["time"] in {moment.strftime("%H:%M") for moment in (before, after)}
    day = f"%A {after.day} %B %Y"
    assert told["date"] in {before.strftime(f"%A {before.day} %B %Y"), after.strftime(day)}
    here = datetime.now(ZoneInfo("Europe/Berlin")).utcoffset()
    assert told["hours_ahead_of_here"] == (after.utcoffset() - here).total_seconds() / 3600


def test_the_date_is_in_the_callers_language(n8n):
    days = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]

    told = n8n.result("time_in", place="Berlin", language="de")

    assert told["date"].split()[0] in days


def test_an_unknown_place_is_refused(n8n):
    refused = n8n.refusal("time_in", place="Atlantis")

    assert refused == 'No time zone is known for "Atlantis". Name a large city near it.'


def test_it_tells_what_it_can_do(n8n):
    abilities = {ability["name"]: ability for ability in n8n.result("what_can_you_do")["abilities"]}

    tools = {workflow["name"]: note(workflow) for workflow in (read(file.stem) for file in FILES)}
    assert {name: ability["description"] for name, ability in abilities.items()} == {
        name: said["description"] for name, said in tools.items() if said
    }
    assert abilities["Add to a list"]["asks_first"] and not abilities["Calculate"]["asks_first"]
