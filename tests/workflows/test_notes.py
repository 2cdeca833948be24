"""Notes are kept, found and deleted."""

import uuid


def test_notes_are_found_by_their_words(n8n):
    mark = uuid.uuid4().hex[:8]
    for text in (f"The spare key {mark} is under the pot", f"Paint for the fence: {mark} green"):
        assert n8n.result("take_note", text=text) == {"noted": text}

    found = n8n.result("find_notes", words=f"{mark} FENCE")

    assert [note["text"] for note in found["notes"]] == [f"Paint for the fence: {mark} green"]
    assert found["more"] == 0


def test_the_newest_come_first_and_ten_at_most(n8n):
    mark = uuid.uuid4().hex[:8]
    for number in range(12):
        n8n.result("take_note", text=f"{mark} number {number}")

    found = n8n.result("find_notes", words=mark)

    assert [note["text"] for note in found["notes"]] == [f"{mark} number {number}" for number in range(11, 1, -1)]
    assert found["more"] == 2


def test_a_call_that_is_made_again_notes_nothing(n8n):
    call, mark = str(uuid.uuid4()), uuid.uuid4().hex[:8]
    for _ in range(2):
        n8n.result("take_note", call=call, text=mark)

    assert len(n8n.result("find_notes", words=mark)["notes"]) == 1


def test_a_note_is_deleted_when_it_is_clear_which(n8n):
    mark = uuid.uuid4().hex[:8]
    for text in (f"{mark} one", f"{mark} two"):
        n8n.result("take_note", text=text)

    unclear = n8n.refusal("delete_note", words=mark)
    deleted = n8n.result("delete_note", words=f"{mark} two")
    unknown = n8n.refusal("delete_note", words=f"{mark} two")

    assert unclear == "2 notes have these words. Say more of the one that is meant."
    assert deleted == {"deleted": f"{mark} two"}
    assert unknown == f'No note has the words "{mark} two".'
    assert not any(mark in row["text"] and "two" in row["text"] for row in n8n.rows("jex_notes"))
