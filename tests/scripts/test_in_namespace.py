"""A network of a test's own, and what is said where the machine allows none."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from checkout import ORIGINAL, kill, wait_until

REFUSAL = "unshare: write failed /proc/self/uid_map: Operation not permitted"
IN_NAMESPACE = str(ORIGINAL / "tests/in-namespace")


@pytest.fixture
def refused(checkout):
    """A machine that allows none, with `tests/` beside the rest."""
    shutil.copytree(ORIGINAL / "tests", checkout.path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    checkout.program("unshare", f"echo '{REFUSAL}' >&2; exit 1")
    checkout.program("sudo", "echo 'sudo: a password is required' >&2; exit 1")


def test_a_refusal_is_shown_with_the_remedy(checkout, refused):
    done = checkout.run("tests/in-namespace", "true", succeeds=False)

    assert done.returncode == 125
    assert REFUSAL in done.stderr
    assert "sysctl kernel.apparmor_restrict_unprivileged_userns=0" in done.stderr


def test_a_missing_program_is_an_error_not_a_refusal(checkout, refused):
    (checkout.programs / "ip").unlink()
    # The real one may lie where only root's PATH has it.
    checkout.edit("tests/in-namespace", "export PATH=$PATH:/usr/sbin:/sbin", "")

    done = checkout.run("tests/in-namespace", "true", succeeds=False)

    assert done.returncode == 1
    assert "no 'ip' here" in done.stderr and "apt-get install iproute2" in done.stderr


def test_end_to_end_tests_that_cannot_run_are_told_last(checkout, refused):
    checkout.cache.mkdir(parents=True)
    (checkout.cache / "parts.toml").touch()

    done = checkout.run("tests/all", "e2e")

    told = done.stdout[done.stdout.index("SKIPPED: the end-to-end tests") :]
    assert REFUSAL in told and "===" not in told


def test_what_a_killed_run_has_started_ends_with_it(tmp_path):
    begun = tmp_path / "begun"
    script = f'(exec -a "sleeper of {tmp_path}" setsid sleep 300) & touch {begun}; exec sleep 300'
    run = subprocess.Popen(
        [IN_NAMESPACE, "bash", "-c", script], stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    wait_until(lambda: begun.exists() or run.poll() is not None)
    if run.poll() == 125:
        pytest.skip(run.stderr.read().decode())

    kill(run)

    wait_until(lambda: not running(f"sleeper of {tmp_path}"), 5)


def running(name: str) -> bool:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        # Processes end meanwhile.
        with suppress(OSError):
            if command.read_text(errors="replace").startswith(name):
                return True
    return False
