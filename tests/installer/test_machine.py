"""What the machine has, and what of it lacks."""

import pytest

from conftest import call


@pytest.fixture
def sys(tmp_path):
    def make(**files: str) -> str:
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        return str(tmp_path)

    return make


def has(what: str, sys: str) -> bool:
    return call("machine.sh", f"has_{what} && echo yes || echo no", JEX_SYS=sys) == "yes\n"


@pytest.mark.parametrize(
    ("vendor", "kind", "expected"),
    [
        ("0x10de", "0x030000", True),
        ("0x10de", "0x030200", True),
        # Its sound, and another maker's card.
        ("0x10de", "0x040300", False),
        ("0x1002", "0x030000", False),
    ],
)
def test_an_nvidia_card_is_a_display_controller_of_theirs(sys, vendor, kind, expected):
    card = {"bus__pci__devices__0__vendor": vendor, "bus__pci__devices__0__class": kind}

    assert has("nvidia", sys(**card)) == expected


def test_without_any_card_there_is_none(sys):
    assert not has("nvidia", sys())


@pytest.mark.parametrize(("version", "expected"), [("2", True), ("1", False)])
def test_only_a_tpm_of_version_2_can_open_a_disk(sys, version, expected):
    assert has("tpm2", sys(class__tpm__tpm0__tpm_version_major=version)) == expected


def test_without_tpm_there_is_none(sys):
    assert not has("tpm2", sys())


def test_memory_is_what_the_kernel_says():
    with open("/proc/meminfo") as file:
        kibibytes = int(file.readline().split()[1])

    assert int(call("machine.sh", "memory_gib")) == kibibytes // (1 << 20)


@pytest.mark.parametrize(
    ("count", "words"), [(2_147_483_648, "2.1 GB"), (500_107_862_016, "500 GB"), (9_990_000_000, "10.0 GB")]
)
def test_sizes_read_as_on_the_package(count, words):
    assert call("machine.sh", f"in_gb {count}") == words


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("four words and one", "four words and two", "differ"),
        ("short", "short", "too short"),
        ("schöne grüne wörter", "schöne grüne wörter", "every keyboard"),
        ("correct horse battery", "correct horse battery", ""),
        ("ten chars!", "ten chars!", ""),
    ],
)
def test_a_passphrase_is_long_typed_twice_and_on_every_keyboard(first, second, words):
    said = call("encryption.sh", f"why_not_passphrase '{first}' '{second}'", passphrase_file="/dev/null")

    assert words in said if words else said == ""
