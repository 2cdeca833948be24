"""Secrets are made on the first boot, for root alone, and kept."""

from conftest import start

SECRETS = "/var/lib/jex/secrets"
BOOT = "/proc/sys/kernel/random/boot_id"


def test_they_are_for_root_alone(booted):
    folder, *files = booted.said("find", SECRETS, "-printf", "%U %m\n").splitlines()

    assert folder == "0 700"
    assert files and set(files) == {"0 600"}


def test_they_are_kept_when_the_machine_starts_anew(booted):
    before = booted.said("bash", "-c", f"sha256sum {SECRETS}/*")
    first = booted.said("cat", BOOT)

    booted.stop()
    booted.boot()
    start(booted)

    assert booted.said("cat", BOOT) != first
    assert booted.said("bash", "-c", f"sha256sum {SECRETS}/*") == before
