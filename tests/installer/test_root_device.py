"""What keeps a machine from a configuration whose disk it does not have."""

import os
import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "hosts/root-device-check.sh"


@pytest.fixture
def check(tmp_path):
    """Runs it on a machine whose root is the device `sda2`."""
    (tmp_path / "sda2").touch()
    findmnt = tmp_path / "findmnt"
    findmnt.write_text(f"#!/bin/sh\necho {tmp_path}/sda2\n")
    findmnt.chmod(0o755)

    def run(declared: Path) -> subprocess.CompletedProcess:
        env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(["bash", CHECK, declared], env=env, capture_output=True, text=True)

    return run


def test_the_declared_disk_by_another_name_is_accepted(check, tmp_path):
    (tmp_path / "disk-main-root").symlink_to(tmp_path / "sda2")

    assert check(tmp_path / "disk-main-root").returncode == 0


def test_another_disk_is_refused_with_the_way_out(check, tmp_path):
    (tmp_path / "disk-main-root").touch()

    refused = check(tmp_path / "disk-main-root")

    assert refused.returncode == 1
    assert f"runs from {tmp_path}/sda2" in refused.stderr
    assert f"at {tmp_path}/disk-main-root" in refused.stderr
    assert "nix flake init -t" in refused.stderr


def test_a_disk_that_is_not_there_is_refused(check, tmp_path):
    assert check(tmp_path / "disk-main-root").returncode == 1


def test_it_reads_this_machine():
    root = subprocess.run(["findmnt", "--noheadings", "--output", "SOURCE", "/"], capture_output=True, text=True)

    refused = subprocess.run(["bash", CHECK, "/dev/no-such-disk"], capture_output=True, text=True)

    assert refused.returncode == 1
    assert f"runs from {root.stdout.strip()}" in refused.stderr
