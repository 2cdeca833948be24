"""The workflows as files."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "workflows"
FILES = sorted(FOLDER.glob("*.json"))

BLOCK = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def nodes(workflow: dict, kind: str) -> list[dict]:
    """Its nodes of a type, such as `webhook`."""
    return [node for node in workflow["nodes"] if node["type"] == f"n8n-nodes-base.{kind}"]


def note(workflow: dict) -> dict | None:
    """What the sticky note `jex` says of the tool; none in a workflow that is no tool."""
    notes = [node for node in nodes(workflow, "stickyNote") if node["name"] == "jex"]
    if not notes:
        return None
    [jex] = notes
    [block] = BLOCK.findall(jex["parameters"]["content"])
    return json.loads(block)
