"""What workflows talk to, as servers of this test: JEX itself, Home Assistant, Open-Meteo, a webhook of the owner."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from n8n import ANNOUNCE_TOKEN


class Server:
    """Keeps what it was asked."""

    def __init__(self):
        self.asked: list[tuple[str, str, dict, object]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length).decode()
                body = json.loads(raw) if raw else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.command, self.path, headers, body))
                answer = outer.answer(self.command, self.path, headers, body)
                if answer is None:
                    return
                status, reply = answer
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, headers: dict, body) -> tuple[int, object] | None:
        """None: it hangs up."""
        return 200, {}

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class Jex(Server):
    """`POST /announce` of jex-agent; away as often as it is told to be."""

    def __init__(self):
        super().__init__()
        self.away = 0
        self.announced: list[dict] = []

    def answer(self, method, path, headers, body):
        if (method, path) != ("POST", "/announce"):
            return 404, {}
        if headers.get("x-jex-token") != ANNOUNCE_TOKEN:
            return 403, {}
        if self.away:
            self.away -= 1
            return 503, {}
        self.announced.append(body)
        return 200, {}


class HomeAssistant(Server):
    """Its REST API, states and services, as https://developers.home-assistant.io/docs/api/rest describes it."""

    TOKEN = "a long-lived access token"

    def __init__(self):
        super().__init__()
        # What it does with calls of services: answers, says that it failed, or hangs up.
        self.mood = "well"
        self.things = {
            "light.kitchen": ("off", {"friendly_name": "Kitchen light"}),
            "light.kitchen_table": ("on", {"friendly_name": "Kitchen table"}),
            "cover.bedroom": ("open", {"friendly_name": "Bedroom blinds"}),
            "climate.living_room": ("heat", {"friendly_name": "Living room heating", "temperature": 20}),
            "sensor.living_room": ("21.5", {"friendly_name": "Living room temperature", "unit_of_measurement": "°C"}),
            "switch.heater": ("off", {}),
            "group.all_lights": ("off", {"friendly_name": "All lights"}),
        }

    def state(self, thing: str) -> dict:
        state, attributes = self.things[thing]
        seen = "2026-11-27T12:00:00+00:00"
        return {
            "entity_id": thing,
            "state": state,
            "attributes": attributes,
            "last_changed": seen,
            "last_updated": seen,
        }

    def has(self, domain: str, service: str, kind: str) -> bool:
        """Whether there is such a service for things of that kind; a group has none that switches it."""
        if domain == "homeassistant":
            return service in ("turn_on", "turn_off", "toggle")
        return domain == kind != "group"

    def answer(self, method, path, headers, body):
        if headers.get("authorization") != f"Bearer {self.TOKEN}":
            return 401, {"message": "401: Unauthorized"}
        if (method, path) == ("GET", "/api/states"):
            return 200, [self.state(thing) for thing in self.things]
        if method == "POST" and path.startswith("/api/services/"):
            if self.mood == "failing":
                return 500, {"message": "500: Internal Server Error"}
            if self.mood == "hanging up":
                return None
            domain, service = path.removeprefix("/api/services/").split("/")
            thing = body["entity_id"]
            if thing not in self.things or not self.has(domain, service, thing.split(".")[0]):
                return 400, {"message": "400: Bad Request"}
            if service in ("turn_on", "turn_off"):
                self.things[thing] = (service.removeprefix("turn_"), self.things[thing][1])
            # The states that changed while the service ran.
            return 200, [self.state(thing)]
        return 404, {"message": "404: Not Found"}


class OpenMeteo(Server):
    """Geocoding and forecast as https://open-meteo.com/en/docs describes them."""

    def answer(self, method, path, headers, body):
        asked = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path == "/v1/search":
            if query["name"] != "Berlin":
                # It leaves the list out where nothing is found.
                return 200, {"generationtime_ms": 0.5}
            berlin = {
                "name": "Berlin",
                "country": "Germany",
                "latitude": 52.52,
                "longitude": 13.41,
                "timezone": "Europe/Berlin",
            }
            return 200, {"results": [berlin]}
        if asked.path == "/v1/forecast" and (query["latitude"], query["longitude"]) == ("52.52", "13.41"):
            days = int(query["forecast_days"])
            return 200, {
                "current": {
                    "time": "2026-11-27T12:00",
                    "temperature_2m": 3.4,
                    "weather_code": 61,
                    "wind_speed_10m": 14.2,
                },
                "daily": {
                    "time": [f"2026-11-{27 + day}" for day in range(days)],
                    "weather_code": [61, 3, 95][:days],
                    "temperature_2m_max": [4.1, 5.0, 6.2][:days],
                    "temperature_2m_min": [0.5, 1.1, 2.0][:days],
                    "precipitation_probability_max": [80, 10, 60][:days],
                },
            }
        return 400, {"error": True, "reason": "not as documented"}
