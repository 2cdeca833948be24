"""Who comes to the database, by their unit's user alone: a real PostgreSQL with the module's own rules."""

import pytest

from container import wait_until

PROGRAMS = "/usr/lib/postgresql/17/bin"
FOLDER = "/var/lib/postgresql/of-the-test"


@pytest.fixture(scope="module")
def database(container):
    settings = " ".join(
        f"-c {setting}"
        for setting in (
            "listen_addresses=",
            "unix_socket_directories=/run/postgresql",
            "hba_file=/opt/jex/files/pg_hba.conf",
            "ident_file=/opt/jex/files/pg_ident.conf",
        )
    )
    container.run("runuser", "-u", "postgres", "--", f"{PROGRAMS}/initdb", "-D", FOLDER)
    container.run("install", "-d", "-o", "postgres", "-m", "0755", "/run/postgresql")
    server = ["systemd-run", "--unit=postgresql-of-the-test", "--uid=postgres", f"{PROGRAMS}/postgres", "-D", FOLDER]
    container.run(*server, *settings.split())
    wait_until(lambda: as_postgres(container, "select 1"), 20, "PostgreSQL answers")
    for name in ("jex", "n8n"):
        as_postgres(container, f"create role {name} login")
        as_postgres(container, f"create database {name} owner {name}")
    yield container
    container.run("systemctl", "stop", "postgresql-of-the-test")


def as_postgres(container, query: str) -> str:
    done = container.run("runuser", "-u", "postgres", "--", "psql", "-Atc", query, check=False)
    return done.stdout.strip()


def role(probe, unit: str, name: str) -> str:
    """As whom a unit comes to a database, or nothing."""
    script = f'psql -h /run/postgresql -U {name} -d {name} -Atc "select current_user" 2>/dev/null || true'
    return probe(unit, script, user=unit.removesuffix(".service")).strip()


@pytest.mark.parametrize("unit", ["jex-agent.service", "jex-web.service", "jex-supervisor.service"])
def test_jexs_own_units_come_as_jex(database, booted, probe, unit):
    assert role(probe, unit, "jex") == "jex"


def test_n8ns_database_is_the_agents_to_clean_and_no_others(database, booted, probe):
    assert role(probe, "jex-agent.service", "n8n") == "n8n"
    assert role(probe, "jex-web.service", "n8n") == ""
    assert role(probe, "jex-supervisor.service", "n8n") == ""


def test_nobody_comes_as_someone_else(database, booted, probe):
    assert role(probe, "jex-agent.service", "postgres") == ""
    other = [
        "runuser",
        "-u",
        "nobody",
        "--",
        "psql",
        "-h",
        "/run/postgresql",
        "-U",
        "jex",
        "-d",
        "jex",
        "-c",
        "select 1",
    ]
    assert database.run(*other, check=False).returncode != 0


def test_the_supervisor_makes_the_tables(database, booted):
    booted.run("systemctl", "restart", "jex-supervisor")

    def tables():
        query = "select count(*) from pg_tables where tablename = 'turns'"
        return database.run("runuser", "-u", "postgres", "--", "psql", "-d", "jex", "-Atc", query).stdout.strip() == "1"

    wait_until(tables, 30, "the tables are there")
