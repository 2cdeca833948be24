"""What goes to other servers: the home, the weather, a webhook of the owner."""

import uuid

import pytest

from servers import Server


class Door(Server):
    def answer(self, method, path, headers, body):
        return (200, {"door": "open"}) if path == "/open" else (503, {"door": "stuck"})


@pytest.fixture
def door(n8n):
    """A server, and two webhooks of the owner's that lead to it."""
    server = Door()
    # The table is made by the first call.
    n8n.call("call_webhook", name="none")
    table = n8n.table("jex_webhooks")
    mark = uuid.uuid4().hex[:8]
    rows = [
        {"name": f"{name} {mark}", "url": f"http://{server.address}/{path}"}
        for name, path in (("Garage", "open"), ("Attic", "stuck"))
    ]
    n8n.api("POST", f"data-tables/{table}/rows", {"data": rows})
    server.mark = mark
    yield server
    server.stop()


def test_a_webhook_is_called_by_its_name(n8n, door):
    call = str(uuid.uuid4())

    result = n8n.result("call_webhook", call=call, name=f"garage {door.mark}", message="for the cat")

    assert result == {"called": f"Garage {door.mark}", "answer": '{"door":"open"}'}
    [(method, path, _, body)] = door.asked
    assert (method, path) == ("POST", "/open")
    assert body == {"call": call, "name": f"Garage {door.mark}", "message": "for the cat"}


def test_a_webhook_that_fails_or_is_not_there_is_told(n8n, door):
    failed = n8n.refusal("call_webhook", name=f"Attic {door.mark}")
    assert n8n.refusal("call_webhook", name=f"Nowhere {door.mark}")
    assert n8n.refusal("call_webhook", name=f"Nonsense {door.mark}")
    unknown = n8n.refusal("call_webhook", name="cellar")

    assert "503" in failed or "unavailable" in failed.lower()
    assert unknown.startswith('There is no webhook "cellar". There are: ')


def test_the_home_is_looked_at_by_the_names_of_things(n8n, home):
    assert n8n.result("home_state", name="living room temperature") == {
        "things": [{"name": "Living room temperature", "state": "21.5 °C"}],
        "more": 0,
    }
    assert [thing["name"] for thing in n8n.result("home_state", name="Kitchen")["things"]] == [
        "Kitchen light",
        "Kitchen table",
    ]
    assert n8n.refusal("home_state", name="dungeon") == 'Home Assistant knows nothing that is called "dungeon".'


@pytest.mark.parametrize(
    ("asked", "service", "body"),
    [
        ({"name": "kitchen light", "action": "turn on"}, "light/turn_on", {"entity_id": "light.kitchen"}),
        ({"name": "switch.heater", "action": "turn off"}, "switch/turn_off", {"entity_id": "switch.heater"}),
        ({"name": "bedroom", "action": "close"}, "cover/close_cover", {"entity_id": "cover.bedroom"}),
        ({"name": "all lights", "action": "turn on"}, "homeassistant/turn_on", {"entity_id": "group.all_lights"}),
        ({"name": "all lights", "action": "turn off"}, "homeassistant/turn_off", {"entity_id": "group.all_lights"}),
        ({"name": "all lights", "action": "toggle"}, "homeassistant/toggle", {"entity_id": "group.all_lights"}),
        (
            {"name": "kitchen table", "action": "brightness", "value": 40},
            "light/turn_on",
            {"entity_id": "light.kitchen_table", "brightness_pct": 40},
        ),
        (
            {"name": "living room", "action": "temperature", "value": 21.5},
            "climate/set_temperature",
            {"entity_id": "climate.living_room", "temperature": 21.5},
        ),
    ],
)
def test_things_at_home_are_switched(n8n, home, asked, service, body):
    done = n8n.result("home_control", **asked)

    assert done["done"] == asked["action"]
    assert home.asked[-1][:2] == ("POST", f"/api/services/{service}") and home.asked[-1][3] == body


def test_nothing_is_switched_where_it_is_unclear_what(n8n, home):
    before = len([asked for asked in home.asked if asked[0] == "POST"])

    unclear = n8n.refusal("home_control", name="kitchen", action="turn on")
    wrong = n8n.refusal("home_control", name="bedroom blinds", action="lock")
    unknown = n8n.refusal("home_control", name="kitchen light", action="explode")

    assert unclear == "Which one? There are: Kitchen light, Kitchen table."
    assert wrong == 'Nothing called "bedroom blinds" can do that.'
    assert unknown.startswith('"explode" is nothing that can be done.')
    assert len([asked for asked in home.asked if asked[0] == "POST"]) == before


@pytest.mark.parametrize("mood", ["failing", "hanging up"])
def test_what_home_assistant_did_not_do_is_not_called_done(n8n, home, monkeypatch, mood):
    monkeypatch.setattr(home, "mood", mood)

    assert n8n.refusal("home_control", name="kitchen light", action="turn on")


def test_a_home_assistant_that_refuses_the_token_is_told_without_it(n8n, home, monkeypatch):
    token = home.TOKEN
    monkeypatch.setattr(home, "TOKEN", "another one since today")

    refused = n8n.refusal("home_state", name="kitchen")

    assert refused and token not in refused


def test_the_weather(n8n, open_meteo):
    told = n8n.result("weather", place="Berlin")

    assert told["place"] == "Berlin, Germany"
    assert told["now"] == {"temperature_c": 3.4, "sky": "light rain", "wind_km_h": 14.2}
    assert told["days"][2] == {
        "date": "2026-11-29",
        "lowest_c": 2.0,
        "highest_c": 6.2,
        "sky": "thunderstorm",
        "rain_chance_percent": 60,
    }


def test_a_weather_that_cannot_be_had_is_told(n8n):
    path = "weather_from_nowhere"
    nowhere = ("https://geocoding-api.open-meteo.com", "http://127.0.0.1:9")
    n8n.publish("weather", path=('"path": "weather"', f'"path": "{path}"'), places=nowhere)

    assert "known by the name" not in n8n.refusal(path, place="Berlin")
    assert n8n.refusal("weather", place="Atlantis") == 'No place is known by the name "Atlantis".'
