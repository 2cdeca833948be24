"""The shopping list, the to-do list and others."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def name() -> str:
    """A list of this test's own."""
    return f"list {uuid.uuid4().hex[:8]}"


def test_what_was_added_is_read_back_in_order(n8n, name):
    for item in ("Oat milk", "bread", "Äpfel"):
        assert n8n.result("add_to_list", item=item, list=name) == {"added": item, "list": name}

    assert n8n.result("read_list", list=name) == {"list": name, "items": ["Oat milk", "bread", "Äpfel"]}


def test_an_empty_list_is_a_list(n8n, name):
    assert n8n.result("read_list", list=name)["items"] == []


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("my shopping list", "shopping"),
        ("Groceries", "shopping"),
        ("Einkaufsliste", "shopping"),
        ("to do", "to-do"),
        ("the to-do list", "to-do"),
        ("todo", "to-do"),
    ],
)
def test_a_list_is_known_by_several_names(n8n, said, known):
    assert n8n.result("read_list", list=said)["list"] == known


def test_a_call_that_is_made_again_adds_nothing(n8n, name):
    call = str(uuid.uuid4())
    for _ in range(2):
        n8n.result("add_to_list", call=call, item="milk", list=name)
    n8n.result("add_to_list", item="Milk", list=name)

    assert [item.lower() for item in n8n.result("read_list", list=name)["items"]] == ["milk"]


def test_the_first_calls_of_all_may_come_at_once(n8n):
    table = f"lists_{uuid.uuid4().hex[:8]}"
    for tool in ("add_to_list", "read_list"):
        n8n.publish(tool, path=(f'"path": "{tool}"', f'"path": "{tool}_{table}"'), table=("jex_lists", table))

    with ThreadPoolExecutor(8) as several:
        added = list(several.map(lambda item: n8n.call(f"add_to_list_{table}", item=item, list="new"), "abcdefgh"))

    assert [status for status, _ in added] == [200] * 8
    assert sorted(n8n.result(f"read_list_{table}", list="new")["items"]) == list("abcdefgh")


def test_an_item_is_taken_off_by_a_part_of_its_name(n8n, name):
    for item in ("oat milk", "bread"):
        n8n.result("add_to_list", item=item, list=name)

    assert n8n.result("remove_from_list", item="Milk", list=name) == {"removed": "oat milk", "list": name}

    assert n8n.result("read_list", list=name)["items"] == ["bread"]


def test_only_what_is_meant_is_taken_off(n8n, name):
    assert n8n.refusal("remove_from_list", item="milk", list=name) == f"The list {name} is empty."
    for item in ("oat milk", "soy milk"):
        n8n.result("add_to_list", item=item, list=name)

    unclear = n8n.refusal("remove_from_list", item="milk", list=name)
    unknown = n8n.refusal("remove_from_list", item="beer", list=name)

    assert unclear == f"Which one? On the list {name} are: oat milk, soy milk."
    assert unknown == f'"beer" is not on the list {name}. On it are: oat milk, soy milk.'
    assert len(n8n.result("read_list", list=name)["items"]) == 2


def test_lists_do_not_mix(n8n, name):
    n8n.result("add_to_list", item="milk", list=name)

    assert n8n.result("read_list", list=f"{name} too")["items"] == []


def test_words_that_mean_something_to_a_database_are_only_words(n8n, name):
    item = "'; DROP TABLE data_table; -- {{ $json.item }} ${1+1}"

    n8n.result("add_to_list", item=item, list=name)

    assert n8n.result("read_list", list=name)["items"] == [item]
