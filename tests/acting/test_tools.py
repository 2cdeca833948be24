"""The agent in a room of the real LiveKit, on a real PostgreSQL, with a scripted model: asked, done, written down.

Run inside a private network namespace (`tests/in-namespace`): libwebrtc ignores loopback.
"""

import asyncio
import json
import uuid

from agent import OLD
from conftest import FACT, SUMMARY, Caller


async def test_after_a_typed_yes_it_is_done_and_written_down(caller, stage):
    await caller.types("Please remember my bicycle.")
    question = await caller.asked()
    assert "remember" in question["text"] and "bicycle" in question["text"]
    assert stage.database.rows("select text from facts") == []

    await caller.types("Yes, please.")
    await caller.hears("The tool says: done.")

    assert stage.database.rows("select text from facts") == [FACT]
    calls = stage.database.rows("select tool, decision, outcome from tool_calls")
    assert calls == ["remember|confirmed|done"]
    assert not caller.attributes.get("jex.question")
    assert not caller.attributes.get("jex.acting")


async def test_after_a_no_it_is_not(caller, stage):
    before = stage.database.rows("select count(*) from facts")
    await caller.types("Please remember my bicycle.")
    await caller.asked()

    await caller.types("No.")
    await caller.hears("The tool says: not called.")

    assert stage.database.rows("select count(*) from facts") == before
    assert "remember|not_confirmed|" in stage.database.rows("select tool, decision, outcome from tool_calls")


async def test_the_page_answers_by_rpc(caller, stage):
    await caller.types("Please remember my bicycle.")
    question = await caller.asked()

    await caller.presses(question, yes=True)

    await caller.hears("The tool says: done.")


async def test_what_only_reads_is_not_asked_for(caller, stage):
    await caller.types("What time is it?")

    await caller.hears("The tool says: done.")

    result = json.loads(stage.model.requests[-1]["messages"][-1]["content"])
    assert ":" in result["data"]["time"]


async def test_a_call_that_is_written_out_between_words_is_not_said(caller, stage):
    before = len(stage.model.requests)
    await caller.types("Write it out.")

    # It was asked for once more, and wrote it out again.
    await caller.hears("Sure. Sure.")
    assert len(stage.model.requests) == before + 2
    assert [message["content"].strip() for message in stage.model.requests[-1]["messages"][-3:-1]] == [
        "Write it out.",
        "Sure.",
    ]
    assert not any(sign in told.text for told in caller.texts for sign in ("{", "tell_time", "There"))


async def test_an_announcement_is_said_in_the_room_and_once(caller, stage):
    number = str(uuid.uuid4())
    assert stage.agent.announce(number, "Drink water.", token="another") == 403

    assert stage.agent.announce(number, "Drink water.") == 204
    assert stage.agent.announce(number, "Drink water.") == 204
    await caller.hears("Drink water.")

    spoken = f"select spoken_at is not null from announcements where id = '{number}'"
    await caller.until("spoken", lambda: stage.database.rows(spoken) == ["t"])
    assert sum("Drink water." in told.text for told in caller.texts) == 1


async def test_what_was_said_is_in_the_history(caller, stage):
    await caller.types("Good evening.")
    await caller.hears("Hello.")

    query = "select speaker, said, typed from turns where said in ('Good evening.', 'Hello.') order by at"
    await caller.until("history", lambda: len(stage.database.rows(query)) == 2)
    assert stage.database.rows(query) == ["caller|Good evening.|t", "assistant|Hello.|f"]


async def test_the_conversation_goes_on_without_the_database_and_nothing_is_lost(caller, stage):
    await caller.types("Hello?")
    await caller.hears("Hello.")
    stage.database.stop()
    try:
        await caller.types("Still there?")
        await caller.hears("Hello.", times=2)
    finally:
        stage.database.start()

    query = "select count(*) from turns where said = 'Still there?'"
    await caller.until("history", lambda: stage.database.rows(query) == ["1"])


async def test_a_long_conversation_is_summed_up_and_the_summary_kept(caller, stage):
    for n in range(1, 41):
        await caller.types(f"Pear number {n}: " + "it was a sweet one " * 40)
        await caller.hears("Hello.", times=n)
        if any(request["messages"][0]["content"].startswith("Sum up") for request in stage.model.requests):
            break

    kept = f"select count(*) from summaries where text = '{SUMMARY}'"
    await caller.until("a summary", lambda: stage.database.rows(kept) == ["1"])
    await caller.types("And now?")
    await caller.hears("Hello.", times=n + 1)

    prompt = stage.model.requests[-1]["messages"]
    assert SUMMARY in prompt[0]["content"]
    assert not any("Pear number 1:" in message["content"] for message in prompt)


async def test_what_was_remembered_is_in_the_prompt_at_once_and_what_was_forgotten_is_not(caller, stage):
    await caller.wants("Please remember my bicycle.")
    await caller.hears("The tool says: done.")

    await caller.types("Good evening.")
    await caller.hears("Hello.")
    assert FACT in stage.model.requests[-1]["messages"][0]["content"]

    await caller.wants("Forget it all.")
    await caller.hears("The tool says: done.", times=2)
    await caller.types("Good night.")
    await caller.hears("Hello.", times=2)

    prompt = json.dumps(stage.model.requests[-1]["messages"])
    assert "bicycle" not in prompt and "Good evening" not in prompt, prompt
    assert stage.database.rows("select count(*) from facts") == ["0"]


async def test_only_the_fact_that_is_meant_is_forgotten(caller, stage):
    await caller.wants("Please remember my bicycle.")
    await caller.hears("The tool says: done.")

    # All facts have these words in common with it: "the", "is".
    await caller.wants("Forget my name and what the dog is called.")
    await caller.hears("The tool says: failed.")
    assert stage.database.rows("select text from facts") == [FACT]

    await caller.wants("Forget my bicycle.")
    await caller.hears("The tool says: done.", times=2)
    assert stage.database.rows("select text from facts") == []
    assert FACT not in str(stage.database.rows("select result from tool_calls where tool = 'forget_fact'"))


async def test_what_was_kept_long_enough_is_gone_and_the_audit_says_so(caller, stage):
    old = f"select count(*) from conversations where id = '{OLD}'"

    await caller.until("the clean-up", lambda: stage.database.rows(old) == ["0"], 60)

    assert stage.database.rows("select count(*) from turns where said = 'Long ago.'") == ["0"]
    assert stage.database.rows("select count(*) from audit where kind = 'retention'") == ["1"]


async def test_what_the_owner_deletes_meanwhile_is_forgotten(caller, stage):
    await caller.wants("Please remember my bicycle.")
    await caller.hears("The tool says: done.")
    await caller.types("My code is 1234.")
    await caller.hears("Hello.")

    await asyncio.to_thread(stage.agent.jex, "history", "delete", "--all", "--yes")
    for asked in range(2, 12):
        await asyncio.sleep(4)
        await caller.types("And now?")
        await caller.hears("Hello.", times=asked)
        prompt = json.dumps(stage.model.requests[-1]["messages"])
        if "1234" not in prompt and FACT not in prompt:
            break

    assert "1234" not in prompt and FACT not in prompt, prompt
    assert "And now?" in prompt


async def test_what_a_caller_said_before_they_left_is_in_the_history(stage):
    guest = Caller()
    await guest.enter(stage.server)
    asked = len(stage.model.requests)
    await guest.types("Take your time, I have to go.")
    await guest.until("the model is asked", lambda: len(stage.model.requests) > asked)

    await guest.leave()

    query = "select speaker, typed from turns where said = 'Take your time, I have to go.'"
    await guest.until("history", lambda: stage.database.rows(query) == ["caller|t"])


async def test_who_says_goodbye_is_let_go_and_not_greeted_again(stage):
    guest = Caller()
    await guest.enter(stage.server)
    greeted = len(guest.texts)
    await guest.types("Bye for now.")

    await guest.until("the room is closed", lambda: not guest.is_in)

    assert [told.text.strip() for told in guest.texts[greeted:]] == ["It was nice to talk."]
    await guest.leave()
