"""A reminder is spoken once, when it is due, whatever happens meanwhile."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from n8n import wait_until

BERLIN = ZoneInfo("Europe/Berlin")


def row(n8n, call: str) -> dict:
    [found] = [row for row in n8n.rows("jex_reminders") if row["call"] == call]
    return found


def due(n8n, when: str, zone: str = "Europe/Berlin", tool: str = "set_reminder", **given) -> datetime:
    """When a reminder that is set now is due; it is cancelled at once."""
    call = str(uuid.uuid4())
    n8n.result(tool, call=call, text=call, when=when, zone=zone, **given)
    moment = datetime.fromisoformat(row(n8n, call)["due"])
    n8n.result("cancel_reminder", text=call)
    return moment


@pytest.fixture(scope="module")
def due_when_said(n8n):
    """When a reminder is due that is said at a moment, both in Berlin's time."""
    tool = "set_reminder_at"
    path = ('"path": "set_reminder"', f'"path": "{tool}"')
    n8n.publish("set_reminder", path=path, now=("DateTime.now()", "DateTime.fromISO(given.now)"))

    def ask(said: str, when: str) -> str:
        now = datetime.fromisoformat(said).replace(tzinfo=BERLIN).isoformat()
        return due(n8n, when, tool=tool, now=now).astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")

    return ask


def tried(n8n, workflow: str) -> bool:
    """Whether a run of it came as far as telling JEX."""
    kept = n8n.api("GET", f"executions?workflowId={workflow}&includeData=true&limit=5")["data"]
    return any("Speak it" in execution["data"]["resultData"]["runData"] for execution in kept)


def announcements(jex, call: str) -> list[str]:
    return [said["text"] for said in jex.announced if said["id"] == call]


@pytest.mark.parametrize(
    ("when", "minutes"),
    [
        ("in 90 minutes", 90),
        ("in one hour", 60),
        ("in an hour and 30 minutes", 90),
        ("half an hour", 30),
        ("2 hours from now", 120),
        ("in 1.5 hours", 90),
        ("in einer Stunde", 60),
        ("3h", 180),
    ],
)
def test_a_while_from_now(n8n, when, minutes):
    expected = datetime.now(UTC) + timedelta(minutes=minutes)

    assert abs(due(n8n, when) - expected) < timedelta(seconds=10)


# Clocks go back on 26 October 2036 and forward on 29 March 2037: so far ahead that nothing is spoken meanwhile.
@pytest.mark.parametrize(
    ("said", "when", "expected"),
    [
        ("2036-10-21 11:00", "in 1 week", "2036-10-28 11:00"),
        ("2037-03-28 10:00", "in 2 days", "2037-03-30 10:00"),
        ("2037-03-28 10:00", "in zwei Tagen", "2037-03-30 10:00"),
        ("2037-03-28 10:00", "in 1 day and 2 hours", "2037-03-29 12:00"),
        ("2037-03-28 10:00", "in 24 hours", "2037-03-29 11:00"),
        ("2036-10-25 10:00", "in 1440 minutes", "2036-10-26 09:00"),
        ("2036-12-01 10:00", "in 1.5 days", "2036-12-02 22:00"),
    ],
)
def test_days_and_weeks_keep_the_time_of_day_and_hours_pass(due_when_said, said, when, expected):
    assert due_when_said(said, when) == expected


@pytest.mark.parametrize(
    ("when", "days", "hour", "minute"),
    [
        ("tomorrow at 7:30", 1, 7, 30),
        ("tomorrow at 7:30 pm", 1, 19, 30),
        ("Tomorrow.", 1, 9, 0),
        ("tomorrow 12 am", 1, 0, 0),
        ("morgen um 18 Uhr", 1, 18, 0),
        ("morgen um 8", 1, 8, 0),
    ],
)
def test_tomorrow_is_tomorrow_where_the_owner_is(n8n, when, days, hour, minute):
    for zone in ("Europe/Berlin", "Pacific/Auckland"):
        local = datetime.now(ZoneInfo(zone)) + timedelta(days=days)

        assert due(n8n, when, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == datetime(
            local.year, local.month, local.day, hour, minute
        )


def test_a_time_is_the_next_one(n8n):
    now = datetime.now(BERLIN)
    earlier = (now - timedelta(minutes=5)).strftime("%H:%M")

    moment = due(n8n, f"at {earlier}").astimezone(BERLIN)

    assert moment.strftime("%H:%M") == earlier and timedelta(hours=22) < moment - now < timedelta(hours=26)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("friday at 18:00", "2036-12-05 18:00"),
        ("Freitag um 18 Uhr", "2036-12-05 18:00"),
        ("next friday at 18:00", "2036-12-12 18:00"),
        ("on Friday, 8:15", "2036-12-12 08:15"),
        ("friday", "2036-12-12 09:00"),
        ("saturday at 8:15", "2036-12-06 08:15"),
        ("next monday at 8:15", "2036-12-08 08:15"),
        ("Donnerstag um 8.15 Uhr", "2036-12-11 08:15"),
    ],
)
def test_a_weekday_is_the_next_one_today_while_its_time_is_ahead(due_when_said, when, expected):
    friday = "2036-12-05 10:00"

    assert due_when_said(friday, when) == expected


def test_a_date_is_taken_as_local_time_unless_it_says_otherwise(n8n):
    year = datetime.now(UTC).year + 1

    assert due(n8n, f"{year}-07-01T08:00") == datetime(year, 7, 1, 6, tzinfo=UTC)
    assert due(n8n, f"{year}-07-01 08:00") == datetime(year, 7, 1, 6, tzinfo=UTC)
    assert due(n8n, f"{year}-07-01T08:00Z") == datetime(year, 7, 1, 8, tzinfo=UTC)


def test_those_that_wait_are_listed_in_order_and_cancelled_by_their_words(n8n):
    mark = uuid.uuid4().hex[:8]
    for text, when in ((f"{mark} pizza", "in 2 hours"), (f"{mark} laundry", "in 1 hour")):
        n8n.result("set_reminder", text=text, when=when)

    listed = [each["text"] for each in n8n.result("list_reminders")["reminders"] if mark in each["text"]]
    unclear = n8n.refusal("cancel_reminder", text=mark)
    cancelled = [n8n.result("cancel_reminder", text=f"{mark} {word}") for word in ("PIZZA", "laundry")]
    unknown = n8n.refusal("cancel_reminder", text=mark)

    assert listed == [f"{mark} laundry", f"{mark} pizza"]
    assert unclear.startswith("Which one? There are: ")
    assert cancelled == [{"cancelled": f"{mark} pizza"}, {"cancelled": f"{mark} laundry"}]
    assert mark not in str(n8n.result("list_reminders")) and "reminder" in unknown


def test_a_reminder_is_spoken_when_it_is_due(n8n, jex):
    english, german = str(uuid.uuid4()), str(uuid.uuid4())
    asked = datetime.now(UTC)
    set_ = n8n.result("set_reminder", call=english, text="drink water", when="in 2 seconds")
    n8n.result("set_reminder", call=german, text="Wasser trinken", when="in 2 Sekunden", language="de")
    assert set_["text"] == "drink water"

    wait_until(lambda: announcements(jex, english) and announcements(jex, german), 20, "both are spoken")

    assert timedelta(seconds=2) <= datetime.now(UTC) - asked < timedelta(seconds=12)
    assert announcements(jex, english) == ["Reminder: drink water"]
    assert announcements(jex, german) == ["Erinnerung: Wasser trinken"]
    wait_until(lambda: row(n8n, english)["told"], what="it is marked as told")
    assert row(n8n, english)["text"] == "", "what JEX has is not kept twice"


def test_while_jex_is_away_it_is_tried_again_with_the_same_id(n8n, jex):
    call = str(uuid.uuid4())
    jex.away = 2
    n8n.result("set_reminder", call=call, text="turn off the oven", when="in 1 second")

    wait_until(lambda: announcements(jex, call), 40, "it is spoken")
    wait_until(lambda: row(n8n, call)["told"], what="it is marked as told")

    tries = [body for _, path, _, body in jex.asked if path == "/announce" and body["id"] == call]
    assert len(tries) == 3 and announcements(jex, call) == ["Reminder: turn off the oven"]


def test_what_could_not_be_told_is_not_marked_as_told(n8n, jex):
    call, later = str(uuid.uuid4()), str(uuid.uuid4())
    working = n8n.workflows["speak_due_reminders"]
    n8n.api("POST", f"workflows/{working}/deactivate")
    broken = n8n.publish(
        "speak_due_reminders",
        address=("127.0.0.1:7890", jex.address),
        credential=('"name": "JEX announce"', '"name": "gone"'),
        kept=('"saveDataSuccessExecution": "none"', '"saveDataSuccessExecution": "all"'),
    )
    n8n.result("set_reminder", call=call, text="still there", when="in 1 second")

    wait_until(lambda: tried(n8n, broken), 30, "it is tried without a credential")
    before = row(n8n, call)["told"]
    n8n.api("DELETE", f"workflows/{broken}")
    n8n.api("POST", f"workflows/{working}/activate")
    n8n.result("set_reminder", call=later, text="later", when="in 1 second")
    wait_until(lambda: announcements(jex, later), 30, "the later one is spoken")

    assert before is None
    assert announcements(jex, call) == ["Reminder: still there"]


def test_a_call_that_is_made_again_sets_one_reminder_and_it_is_told_once(n8n, jex):
    call, later = str(uuid.uuid4()), str(uuid.uuid4())
    n8n.result("set_reminder", call=call, text="once", when="in 1 second")
    n8n.result("set_reminder", call=call, text="once", when="in 1 second")
    wait_until(lambda: row(n8n, call)["told"], 20, "it is marked as told")
    n8n.result("set_reminder", call=call, text="once", when="in 1 second")

    # One that is told afterwards shows that it was looked again.
    n8n.result("set_reminder", call=later, text="later", when="in 2 seconds")
    wait_until(lambda: announcements(jex, later), 20, "the later one is spoken")

    assert announcements(jex, call) == ["Reminder: once"]


def test_a_reminder_survives_the_death_of_n8n(n8n, jex):
    call, later = str(uuid.uuid4()), str(uuid.uuid4())
    n8n.result("set_reminder", call=call, text="drink water", when="in 3 seconds")

    n8n.kill()
    n8n.start()

    wait_until(lambda: announcements(jex, call), 40, "it is spoken")
    n8n.result("set_reminder", call=later, text="later", when="in 1 second")
    wait_until(lambda: announcements(jex, later), 20, "the later one is spoken")
    assert announcements(jex, call) == ["Reminder: drink water"]
