"""Packages of the distribution: installed where that is allowed, with their services off, else told how."""

import subprocess

import pytest

from checkout import Checkout, kill, wait_until


@pytest.fixture
def policy(checkout):
    """policy-rc.d of this test, which is root."""
    policy = checkout.home / "policy-rc.d"
    checkout.edit("parts/system", "policy=/usr/sbin/policy-rc.d", f"policy='{policy}'")
    checkout.edit("parts/system", "EUID == 0", "0 == 0")
    checkout.without("cmake")
    return policy


def ordinary_user(checkout: Checkout):
    checkout.edit("parts/system", "EUID == 0", "1000 == 0")


def test_nothing_is_said_where_nothing_is_missing(checkout):
    done = checkout.run("parts/system", "up", "build", "test")

    assert (done.stdout, done.stderr) == ("", "")


def test_without_sudo_the_command_is_printed_as_a_shell_takes_it(checkout):
    ordinary_user(checkout)
    checkout.without("cmake", "espeak-ng")
    checkout.program("apt-get", "exit 1")

    said = checkout.run("parts/system", "up", "build", succeeds=False).stderr

    [command] = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True)
    system = str(checkout.path / "parts/system")
    assert words.stdout.splitlines() == ["sudo", "bash", system, "--install", "espeak-ng", "cmake"]


def test_another_distribution_is_told_the_names(checkout):
    checkout.without("cmake")

    said = checkout.run("parts/system", "build", succeeds=False).stderr

    assert "cmake" in said and "your package manager" in said


def test_services_are_forbidden_while_packages_are_installed(checkout, policy):
    checkout.program("apt-get", f"""cat '{policy}' >"$HOME/during"; echo "$@" >"$HOME/asked" """)
    policy.write_text("the owner's")

    checkout.run("parts/system", "build")

    assert "exit 101" in (checkout.home / "during").read_text()
    assert (checkout.home / "asked").read_text().split()[-1] == "cmake"
    assert policy.read_text() == "the owner's"


def test_after_a_kill_ours_is_not_taken_for_the_owners(checkout, policy):
    checkout.program("apt-get", 'touch "$HOME/begun"; exec sleep 60')
    killed = checkout.start("parts/system", "build")
    wait_until((checkout.home / "begun").exists)
    kill(killed)
    assert "exit 101" in policy.read_text()

    checkout.program("apt-get", "true")
    checkout.run("parts/system", "build")

    assert not policy.exists()


def test_a_failed_installation_shows_why(checkout, policy):
    checkout.program("apt-get", "echo 'E: Unable to locate package cmake'; exit 100")

    failed = checkout.run("parts/system", "build", succeeds=False)

    assert "Unable to locate package cmake" in failed.stderr
    assert not policy.exists()


def test_a_chromium_that_is_a_snap_does_not_count(checkout):
    checkout.program("chromium-browser", "exec /snap/bin/chromium")
    checkout.without("chromium")

    said = checkout.run("parts/system", "test", succeeds=False).stderr
    checkout.program("google-chrome-stable", "true")

    assert "chromium" in said
    checkout.run("parts/system", "test")
