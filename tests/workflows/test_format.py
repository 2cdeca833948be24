"""Every file has what JEX and n8n's public API want of it."""

import json

import pytest

from files import FILES, nodes, note, read

TOOLS = [file.stem for file in FILES if note(read(file.stem))]
OFF = {"home_state", "home_control", "weather"}


def test_these_are_tools_and_these_are_off_by_default():
    assert len(TOOLS) == 17
    assert [file.stem for file in FILES if file.stem not in TOOLS] == ["speak_due_reminders"]
    assert {tool for tool in TOOLS if not note(read(tool)).get("enabled", True)} == OFF


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_a_file_is_what_the_public_api_takes(name):
    workflow = read(name)

    assert set(workflow) == {"name", "nodes", "connections", "settings"}
    assert workflow["settings"]["availableInMCP"] is False
    names = [node["name"] for node in workflow["nodes"]]
    assert len(names) == len(set(names)) and len({node["id"] for node in workflow["nodes"]}) == len(names)
    for source, outputs in workflow["connections"].items():
        targets = [link["node"] for output in outputs["main"] for link in output]
        assert source in names and set(targets) <= set(names)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_has_one_webhook_that_asks_for_the_token(name):
    [webhook] = nodes(read(name), "webhook")

    assert webhook["parameters"] == {
        "httpMethod": "POST",
        "path": name,
        "authentication": "headerAuth",
        "responseMode": "responseNode",
        "options": {},
    }
    assert webhook["credentials"]["httpHeaderAuth"]["name"] == "JEX webhook"


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_tells_what_it_does_and_what_it_takes(name):
    said = note(read(name))

    assert set(said) <= {"description", "parameters", "effect", "says", "enabled"}
    assert 10 < len(said["description"]) <= 200
    parameters = said["parameters"]
    assert parameters["type"] == "object" and parameters["additionalProperties"] is False
    assert set(parameters["required"]) <= set(parameters["properties"])
    for argument in parameters["properties"].values():
        assert argument["type"] == "number" or "enum" in argument or argument["maxLength"] <= 5000
    if said["effect"] == "changes":
        # What is asked for is said in full: the arguments that must be there, outside of brackets.
        assert set(said["says"]) == {"en", "de"}
        for template in said["says"].values():
            outside = "".join(piece.split("]")[-1] for piece in template.split("["))
            assert all(f"{{{argument}}}" in outside for argument in parameters["required"])
    else:
        assert said["effect"] == "reads" and "says" not in said


@pytest.mark.parametrize("name", TOOLS)
def test_each_node_that_can_fail_leads_to_a_sentence(name):
    workflow = read(name)
    [why] = [node for node in nodes(workflow, "respondToWebhook") if node["name"] == "Say why"]

    assert why["parameters"]["options"]["responseCode"] == 500
    for node in workflow["nodes"]:
        if node["type"].rsplit(".")[-1] in ("stickyNote", "webhook", "respondToWebhook"):
            continue
        outputs = workflow["connections"][node["name"]]["main"]
        if node["type"] == "n8n-nodes-base.if":
            assert outputs[1][0]["node"] == "Say why"
            continue
        if node["name"] == "Make the table":
            # It fails where another call makes it; the same node once more tells.
            [again] = [each for each in workflow["nodes"] if each["name"] == outputs[0][0]["node"]]
            assert again["parameters"] == node["parameters"] and again["onError"] == "continueErrorOutput"
        elif node.get("alwaysOutputData"):
            # With an error output it would go on by both. So the code after it looks whether it failed.
            assert node["onError"] == "continueRegularOutput" and len(outputs) == 1, node["name"]
            [after] = [each for each in workflow["nodes"] if each["name"] == outputs[0][0]["node"]]
            assert "$input.first().json.error" in after["parameters"]["jsCode"]
        else:
            assert node["onError"] == "continueErrorOutput", node["name"]
            [failed] = outputs[1]
            assert failed["node"] == "Say why"


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_keeps_the_calls_id_and_runs_nothing_that_it_was_told(name):
    workflow = read(name)
    code = [node["parameters"]["jsCode"] for node in nodes(workflow, "code")]

    assert sum("$execution.customData.set('jex_call', call)" in each for each in code) == 1
    assert not any(word in json.dumps(code) for word in ("eval(", "new Function", "require("))
