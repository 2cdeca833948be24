"""One real n8n for all tests of `workflows/`: it takes a quarter of a minute to start.

It keeps its data in SQLite, in a folder of the test; nothing is shared with an n8n of the owner.
"""

import pytest

from n8n import N8n
from servers import HomeAssistant, Jex, OpenMeteo

TOOLS = """set_reminder list_reminders cancel_reminder add_to_list read_list remove_from_list take_note find_notes
delete_note calculate convert_units time_in call_webhook what_can_you_do""".split()


@pytest.fixture(scope="session")
def jex():
    server = Jex()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def home():
    server = HomeAssistant()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def open_meteo():
    server = OpenMeteo()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def n8n(tmp_path_factory, jex, home, open_meteo):
    running = N8n(tmp_path_factory.mktemp("n8n"))
    running.start()
    try:
        running.set_up()
        running.credential(
            "Home Assistant", "homeAssistantApi", host="127.0.0.1", port=home.port, ssl=False, accessToken=home.TOKEN
        )
        for name in TOOLS:
            running.publish(name)
        running.publish("speak_due_reminders", address=("127.0.0.1:7890", jex.address))
        running.publish("home_state")
        running.publish("home_control")
        running.publish(
            "weather",
            places=("https://geocoding-api.open-meteo.com", f"http://{open_meteo.address}"),
            forecasts=("https://api.open-meteo.com", f"http://{open_meteo.address}"),
        )
        yield running
    finally:
        running.kill()
