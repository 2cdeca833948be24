"""The whole way, as someone at the machine goes it: real questions on a terminal, real disks that are files.

What only the medium has, the copying of a system and the TPM, is a program that notes how it was called.
"""

import http.server
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from conftest import Machine, needs_root

pytestmark = needs_root


@pytest.fixture
def disk(disks):
    return disks("disk", 100)


@pytest.fixture
def online(machine):
    class Cache(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine.env["JEX_CACHE"] = f"http://127.0.0.1:{server.server_port}/"
    yield
    server.shutdown()


def choose_disk(terminal, disk):
    shown = terminal.expect("Everything on it will be erased")
    assert disk.name in shown
    terminal.choose()


def paste_key(terminal, key: str):
    terminal.expect("Where is your public key?")
    terminal.choose()
    terminal.expect("Your public SSH key")
    terminal.enter(key)
    terminal.expect("Which of these may log in?")
    terminal.choose()


def answer(terminal, disk, key: str):
    """Every question up to the last, without encryption."""
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()
    paste_key(terminal, key)


def calls(machine: Machine) -> list[str]:
    file = machine.folder / "nixos-install.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_without_a_network_what_is_carried_is_installed(machine, disk, make_key):
    key = make_key()
    terminal = machine.start()

    shown = terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()
    paste_key(terminal, key)
    summary = terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("JEX is installed", 30)

    assert terminal.end() == 0
    assert "jex-cpu" not in shown and "no network" not in shown and "nonetwork" in shown
    assert "3.0GB" in summary and "tenminutes" in summary
    assert calls(machine) == [
        f"--root {machine.target} --no-root-passwd --no-channel-copy --system /nix/store/carried-none"
    ]
    new = machine.installed(disk)
    assert f'    "{key}"' in (new / "etc/nixos/configuration.nix").read_text()
    assert "jex.nixosModules.jex-airgap" in (new / "etc/nixos/configuration.nix").read_text()
    assert f'"{disk.path}"' in (new / "etc/nixos/hardware-configuration.nix").read_text()
    assert (new / "etc/nixos/flake.nix").exists() and (new / "etc/nixos/jex/flake.nix").exists()
    assert (new / "var/lib/jex-owner/owner").read_text() == f"{key}\n"
    assert "Copying the system" in (new / "var/log/jex-install.log").read_text()


def test_with_a_network_a_system_is_built_on_the_new_disk(machine, online, disk, make_key):
    key = make_key()
    terminal = machine.start()

    terminal.expect("What kind of JEX?")
    terminal.choose(down=1)
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()
    paste_key(terminal, key)
    summary = terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("JEX is installed", 30)

    assert terminal.end() == 0
    assert "6.4GB" in summary and "onehour" in summary
    assert calls(machine) == [
        f"--root {machine.target} --no-root-passwd --no-channel-copy --flake {machine.target}/etc/nixos#jex"
    ]
    assert not (machine.installed(disk) / "var/lib/jex-owner").exists()


def test_a_lost_network_is_tried_again_with_what_is_there(machine, online, disk, make_key):
    machine.program(
        "nixos-install",
        f'echo "$@" >>"{machine.folder}/nixos-install.txt"; (($(wc -l <"{machine.folder}/nixos-install.txt") > 1))',
    )
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose(down=1)
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()
    paste_key(terminal, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)

    terminal.expect("Try again?", 30)
    terminal.choose()
    terminal.expect("JEX is installed", 30)

    assert terminal.end() == 0
    assert len(calls(machine)) == 2


def test_only_the_name_of_the_disk_is_a_yes(machine, disk, make_key):
    terminal = machine.start()
    answer(terminal, disk, make_key())
    before = Path(machine.folder.parent / "disk").read_bytes()

    for typed in ("yes", "sda"):
        terminal.expect("To begin, type its name")
        terminal.enter(typed)
        terminal.expect("The name of the disk is")
        terminal.choose()
    terminal.expect("To begin, type its name")
    terminal.type("\x1b\x1b")

    assert terminal.end() == 3
    assert "Nothing was written to any disk" in terminal.all_text()
    assert Path(machine.folder.parent / "disk").read_bytes() == before


def test_who_leaves_is_told_that_nothing_happened(machine, disk):
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.type("\t\r")

    assert terminal.end() == 3
    assert "Nothing was written to any disk" in terminal.all_text()


def test_ctrl_c_at_a_question_does_nothing(machine, disk):
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.type("\x03")

    assert terminal.end() != 0
    assert "Nothing was written to any disk" in terminal.all_text()


def test_ctrl_c_while_installing_says_what_is_on_the_disk(machine, disk, make_key):
    machine.program("nixos-install", "echo copying; exec sleep 60")
    terminal = machine.start()
    answer(terminal, disk, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("copying", 30)
    terminal.type("\x03")

    assert terminal.end() == 130
    said = terminal.all_text()
    assert f"{disk.path} is partitioned, but JEX is on it in part only" in said
    assert "jex-install" in said and str(machine.log) in said
    assert not os.path.ismount(machine.target)
    assert "ended with exit status 130" in machine.log.read_text()


def test_ctrl_c_while_partitioning_says_that_the_disk_is_empty_now(machine, disk, make_key):
    machine.layout('wipefs --quiet --all "$disk"; echo partitioning now; sleep 60')
    terminal = machine.start()
    answer(terminal, disk, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("partitioning now", 30)
    terminal.type("\x03")

    assert terminal.end() == 130
    assert f"{disk.path} was being partitioned: what was on it is lost" in terminal.all_text()


def test_a_disk_that_fails_is_named_with_the_remedy(machine, disk, make_key):
    machine.layout("echo 'I/O error'; exit 5")
    terminal = machine.start()
    answer(terminal, disk, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)

    assert terminal.end() == 1
    said = terminal.all_text()
    assert f"This did not work (exit status 5): Partitioning {disk.path}" in said
    assert "dmesg" in said
    assert "I/O error" in machine.log.read_text()


def test_the_passphrase_reaches_the_layout_and_nothing_else(machine, disk, make_key):
    (machine.sys / "class/tpm/tpm0").mkdir(parents=True)
    (machine.sys / "class/tpm/tpm0/tpm_version_major").write_text("2\n")
    machine.program("systemd-cryptenroll", f'echo "$@" >"{machine.folder}/enrolled.txt"')
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose(down=2)
    for first, second in (("correct horse", "correct house"), ("correct horse", "correct horse")):
        terminal.expect("A passphrase for the disk")
        terminal.enter(first)
        terminal.expect("The same passphrase again")
        terminal.enter(second)
        if first != second:
            terminal.expect("The two differ")
            terminal.choose()
    paste_key(terminal, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("JEX is installed", 30)

    assert terminal.end() == 0
    assert (machine.folder / "passphrase").read_text() == "correct horse"
    assert oct((machine.folder / "passphrase").stat().st_mode)[-3:] == "600"
    assert not Path("/run/jex-disk-passphrase").exists()
    assert "correct horse" not in machine.log.read_text() + terminal.all_text()
    assert "--system /nix/store/carried-tpm2" in calls(machine)[0]
    assert "--unlock-key-file=/run/jex-disk-passphrase" in (machine.folder / "enrolled.txt").read_text()
    assert 'luks = "tpm2"' in (machine.installed(disk) / "etc/nixos/hardware-configuration.nix").read_text()


def test_a_tpm_that_refuses_does_not_spoil_the_installation(machine, disk, make_key):
    (machine.sys / "class/tpm/tpm0").mkdir(parents=True)
    (machine.sys / "class/tpm/tpm0/tpm_version_major").write_text("2\n")
    machine.program("systemd-cryptenroll", "echo 'TPM2 device is locked out'; exit 1")
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose(down=2)
    terminal.expect("A passphrase for the disk")
    terminal.enter("correct horse")
    terminal.expect("The same passphrase again")
    terminal.enter("correct horse")
    paste_key(terminal, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("JEX is installed", 30)

    assert terminal.end() == 0
    assert "The passphrase opens the disk" in terminal.all_text()


def test_no_tpm_no_such_choice(machine, disk):
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)

    assert "TPM" not in terminal.expect("Encrypt the disk?")


def test_a_wrong_key_is_asked_for_again(machine, disk, make_key):
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()
    terminal.expect("Where is your public key?")
    terminal.choose()
    terminal.expect("Your public SSH key")
    terminal.enter("my key")
    terminal.expect("no public SSH key")
    terminal.choose()

    paste_key(terminal, make_key())

    terminal.expect("To begin, type its name")


def test_without_a_network_no_forge_is_offered(machine, disk):
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)
    terminal.expect("Encrypt the disk?")
    terminal.choose()

    assert "GitHub" not in terminal.expect("Where is your public key?")


def test_a_machine_without_a_fitting_disk_is_told_what_is_needed(machine, disk):
    machine.says["tiers"]["jex-airgap"]["diskGiB"] = 50
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()

    assert terminal.end() == 1
    said = terminal.all_text()
    assert "jex-airgap needs one of 54 GB or more" in said
    assert "Nothing was written to any disk" in said


def test_a_machine_that_starts_by_bios_is_refused(machine):
    (machine.sys / "firmware/efi").rmdir()
    terminal = machine.start()

    assert terminal.end() == 1
    assert "UEFI" in terminal.all_text()


def test_a_wireless_network_is_said_to_be_none_of_jexs(machine):
    machine.program("ip", """echo '[{"dst": "default", "dev": "wlan0"}]'""")
    (machine.sys / "class/net/wlan0/wireless").mkdir(parents=True)
    terminal = machine.start()

    terminal.expect("What kind of JEX?")
    terminal.choose()
    shown = terminal.expect("Install all the same?")

    assert "acableonly" in shown


def test_too_little_memory_is_said_before_anything_is_done(machine):
    machine.says["tiers"]["jex-airgap"]["memoryGiB"] = 4000
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()

    assert "4000ormore" in terminal.expect("Install all the same?")
    terminal.type("\t\r")
    assert terminal.end() == 3


def test_another_disk_with_an_older_jex_is_in_the_way(machine, disks, disk):
    other = disks("other", 100)
    # The names of partitions are udev's to tell, which not every machine that tests has.
    named = f'(.blockdevices[] | select(.path == "{other.path}")).partlabel = "disk-main-root"'
    machine.program("lsblk", f"{shutil.which('lsblk')} \"$@\" | jq '{named}'")
    terminal = machine.start()
    terminal.expect("What kind of JEX?")
    terminal.choose()
    choose_disk(terminal, disk)

    assert terminal.end() == 1
    assert f"{other.path} holds an older JEX" in terminal.all_text()


def test_a_kill_leaves_nothing_mounted(machine, disk, make_key):
    machine.program("nixos-install", "echo copying; exec sleep 5")
    terminal = machine.start()
    answer(terminal, disk, make_key())
    terminal.expect("To begin, type its name")
    terminal.enter(disk.name)
    terminal.expect("copying", 30)
    os.kill(terminal.pid, signal.SIGTERM)

    assert terminal.end() == 143
    assert not os.path.ismount(machine.target)
