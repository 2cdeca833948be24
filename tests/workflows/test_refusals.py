"""What must not work does not, and says so."""

import uuid

import pytest

from conftest import TOOLS

ALL = [*TOOLS, "home_state", "home_control", "weather"]


@pytest.mark.parametrize("tool", ALL)
@pytest.mark.parametrize("token", [None, "a wrong one"])
def test_without_the_token_nothing_runs(n8n, tool, token):
    status, _ = n8n.post(tool, {"call": str(uuid.uuid4()), "arguments": {}}, token)

    assert status == 403


@pytest.mark.parametrize("tool", ALL)
@pytest.mark.parametrize("body", [{}, {"call": "no id", "arguments": {}}, {"call": 7}])
def test_a_call_without_an_id_is_refused(n8n, tool, body):
    status, reply = n8n.post(tool, body)

    assert (status, reply) == (500, {"error": "The call has no id."})


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("set_reminder", {"when": "in 5 minutes"}, "A reminder needs a text"),
        ("set_reminder", {"text": "x" * 501, "when": "in 5 minutes"}, "A reminder needs a text"),
        ("set_reminder", {"text": "tea"}, "is no time that can be understood"),
        ("set_reminder", {"text": "tea", "when": "when the kettle boils"}, "is no time that can be understood"),
        ("set_reminder", {"text": "tea", "when": "at 25:00"}, "is no time that can be understood"),
        ("set_reminder", {"text": "tea", "when": "2020-01-01T08:00"}, "That time is over already."),
        ("set_reminder", {"text": "tea", "when": "in 9000 weeks"}, "more than five years ahead"),
        ("cancel_reminder", {}, "Say which reminder."),
        ("add_to_list", {"list": "shopping"}, "An item needs 1 to 200 characters."),
        ("add_to_list", {"item": "milk"}, "Say which list"),
        ("add_to_list", {"item": ["milk"] * 100, "list": "shopping"}, "An item needs 1 to 200 characters."),
        ("read_list", {"list": "x" * 41}, "Say which list"),
        ("take_note", {"text": " "}, "A note needs 1 to 5000 characters."),
        ("find_notes", {"words": "x" * 201}, "Look for at most 200 characters."),
        ("delete_note", {}, "Say some words of the note"),
        ("calculate", {}, "Give something to calculate"),
        ("convert_units", {"from": "km", "to": "mi"}, "Give a number to convert."),
        ("convert_units", {"value": "many", "from": "km", "to": "mi"}, "Give a number to convert."),
        ("time_in", {}, "Say the place"),
        ("call_webhook", {}, "Say which webhook"),
        ("call_webhook", {"name": "door", "message": "x" * 1001}, "A message may have at most 1000 characters."),
        ("home_state", {}, "Say what to look at"),
        ("home_control", {"action": "turn on"}, "Say what to switch"),
        ("home_control", {"name": "kitchen light", "action": "brightness", "value": 300}, "0 to 100 percent"),
        ("home_control", {"name": "living room heating", "action": "temperature"}, "Say the temperature."),
        ("weather", {}, "Say the place"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence(n8n, tool, arguments, sentence):
    assert sentence in n8n.refusal(tool, **arguments)


@pytest.mark.parametrize(
    ("tool", "old", "new", "arguments"),
    [
        ("read_list", '"keyName": "list"', '"keyName": "nothing"', {"list": "shopping"}),
        ("remove_from_list", '"keyName": "list"', '"keyName": "nothing"', {"list": "shopping", "item": "milk"}),
        ("list_reminders", '"keyName": "told"', '"keyName": "nothing"', {}),
        ("find_notes", '"orderByColumn": "createdAt"', '"orderByColumn": "nothing"', {}),
        ("add_to_list", '"keyName": "list"', '"keyName": "nothing"', {"list": "shopping", "item": "milk"}),
        ("take_note", '"keyName": "call"', '"keyName": "nothing"', {"text": "a note"}),
    ],
)
def test_a_table_that_cannot_be_read_is_told_and_not_taken_for_an_empty_one(n8n, tool, old, new, arguments):
    path = f"{tool}_of_a_broken_table"
    n8n.publish(tool, path=(f'"path": "{tool}"', f'"path": "{path}"'), column=(old, new))

    refused = n8n.refusal(path, **arguments)

    assert "nothing" in refused or "could not be" in refused


@pytest.mark.parametrize(
    ("tool", "credential", "arguments"),
    [
        ("what_can_you_do", "JEX n8n", {}),
        ("home_state", "Home Assistant", {"name": "kitchen"}),
        ("home_control", "Home Assistant", {"name": "kitchen light", "action": "turn on"}),
    ],
)
def test_a_credential_that_is_not_there_is_told(n8n, tool, credential, arguments):
    path = f"{tool}_without_a_credential"
    absent = (f'"name": "{credential}"', '"name": "not there"')
    n8n.publish(tool, path=(f'"path": "{tool}"', f'"path": "{path}"'), credential=absent)

    assert n8n.refusal(path, **arguments)
