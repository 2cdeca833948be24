"""What jex-upgrade-from refuses, before it touches anything; what follows is Nix's own."""

import os
import platform

import pytest

from scripts import run

SCRIPT = ["nixos-modules/system/upgrade-from.sh"]
HASH = "a" * 32
OURS = f"/nix/store/{HASH}-nixos-system-{platform.node()}-26.05"
REFUSALS = {
    "nothing on it": (None, "holds no system"),
    "not in the store": ("/etc/passwd", "has to name a system"),
    "no system": (f"/nix/store/{HASH}-hello-2.12", "has to name a system"),
    "a way out of the store": (f"{OURS}/../../etc", "has to name a system"),
    "another machine's": (f"/nix/store/{HASH}-nixos-system-elsewhere-26.05", "another machine"),
}


@pytest.fixture(autouse=True)
def commands(tmp_path, monkeypatch):
    """Commands of Nix that only tell that they were run."""
    if os.geteuid() != 0:
        pytest.fail("needs root")
    for name in ("nix", "nix-env"):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\necho "{name} $*" >>"{tmp_path}/ran"\n')
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "ran"


def stick(folder, system: str | None):
    folder.mkdir()
    (folder / "nix-cache-info").write_text("StoreDir: /nix/store\n")
    if system:
        (folder / "system").write_text(f"{system}\n")
    return folder


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_this_machines_system_is_refused(case, commands, tmp_path):
    system, said = REFUSALS[case]

    refused = run("jex-upgrade-from", SCRIPT, stick(tmp_path / "stick", system))

    assert refused.returncode == 1 and said in refused.stderr
    assert not commands.exists()


def test_a_system_that_does_not_start_is_not_kept(commands, tmp_path):
    folder = stick(tmp_path / "stick", OURS)

    # There is no such system here, so nothing can be switched to.
    failed = run("jex-upgrade-from", SCRIPT, folder)

    assert failed.returncode == 1 and "the old one again" in failed.stderr
    assert commands.read_text().splitlines() == [
        f"nix --extra-experimental-features nix-command copy --no-check-sigs --from file://{folder} {OURS}",
        f"nix-env --profile /nix/var/nix/profiles/system --set {OURS}",
        "nix-env --profile /nix/var/nix/profiles/system --rollback",
    ]
