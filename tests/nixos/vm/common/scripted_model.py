"""A language model that calls what it is asked for: for machines that have no model which can."""

import json
import threading

from model import Model, call, words


def scripted(messages):
    """Calls what it is asked for, and then says what came of it."""
    last = messages[-1]
    if last["role"] == "tool":
        result = json.loads(last["content"])
        return words(f"{result['status']}: {json.dumps(result['data'])}")
    said = last["content"].lower()
    if "what" in said:
        return call("read_list", list="shopping")
    if "milk" in said:
        return call("add_to_list", item="milk", list="shopping")
    return call("take_note", text="a note")


if __name__ == "__main__":
    Model(scripted, port=8000)
    threading.Event().wait()
