"""What n8n keeps of a call."""

import uuid

from n8n import wait_until


def executions(n8n, workflow: str) -> list[dict]:
    kept = n8n.api("GET", f"executions?workflowId={n8n.workflows[workflow]}&includeData=true&limit=5")["data"]
    return [execution for execution in kept if execution["finished"] or execution["status"] in ("error", "success")]


def found(n8n, call: str) -> list[dict]:
    return [each for each in executions(n8n, "calculate") if (each.get("customData") or {}).get("jex_call") == call]


def test_a_call_is_found_again_by_its_id(n8n):
    call = str(uuid.uuid4())
    n8n.result("calculate", call=call, expression="6 * 7")

    [execution] = wait_until(lambda: found(n8n, call), what="the execution is kept")

    assert execution["status"] == "success"


def test_a_refused_call_is_found_again_as_well(n8n):
    call = str(uuid.uuid4())
    n8n.refusal("calculate", call=call, expression="nonsense")

    wait_until(lambda: found(n8n, call), what="the execution is kept")


def test_looking_for_due_reminders_leaves_no_executions(n8n):
    n8n.result("list_reminders")

    assert executions(n8n, "speak_due_reminders") == []
