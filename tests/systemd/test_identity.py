"""Each daemon is a user of its own, and reads its own secrets alone."""

import pytest

import units

# What systemd gives to users that exist while a unit runs (systemd.exec, DynamicUser=).
DYNAMIC = range(61184, 65520)
SECRETS = "/var/lib/jex/secrets"


def user_of(container, unit: str) -> int:
    process = container.property(unit, "MainPID")
    return int(container.said("stat", "--format=%u", f"/proc/{process}"))


def credentials_of(unit: str) -> list[str]:
    return [value.partition(":")[0] for value in units.values(unit, "LoadCredential")]


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_its_user_exists_only_while_it_runs(booted, unit):
    user = user_of(booted, unit)

    assert user in DYNAMIC
    assert str(user) not in booted.said("cat", "/etc/passwd")


def test_no_two_are_the_same_user(booted):
    users = [user_of(booted, unit) for unit in units.DAEMONS]

    assert len(set(users)) == len(users)


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_reads_its_credentials(probe, booted, unit):
    for name in credentials_of(unit):
        assert probe(unit, f"cat $CREDENTIALS_DIRECTORY/{name}") == booted.said("cat", f"{SECRETS}/{name}")


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_nobody_else_reads_its_credentials(booted, unit):
    for name in credentials_of(unit):
        credential = f"/run/credentials/{unit}/{name}"
        assert booted.said("cat", credential)
        others = [user_of(booted, other) for other in units.DAEMONS if other != unit]
        for other in [*others, 65534]:
            as_other = ["setpriv", f"--reuid={other}", f"--regid={other}", "--clear-groups"]
            assert "Permission denied" in booted.run(*as_other, "cat", credential, check=False).stderr


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_does_not_see_where_the_secrets_lie(probe, unit):
    said = probe(unit, f"ls {SECRETS} 2>&1 || true")

    assert "Permission denied" in said or "No such file" in said
