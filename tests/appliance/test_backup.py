"""Backup and restore against a real PostgreSQL and a real restic; only systemd is not there, and is written down."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from scripts import run

SCRIPTS = "nixos-modules/backup"
SAVE = [f"{SCRIPTS}/{part}.sh" for part in ("dump", "repository", "save")]
RESTORE = [f"{SCRIPTS}/{part}.sh" for part in ("dump", "repository", "restore")]
BEFORE_SWITCH = [f"{SCRIPTS}/{part}.sh" for part in ("dump", "before-switch")]

SYSTEMCTL = """\
#!/bin/sh
[ "$1" = is-active ] && exec test -e "$POSTGRESQL_RUNS"
echo "$*" >>"$SYSTEMCTL_LOG"
"""


def as_postgres(*command, **more):
    return subprocess.run(
        ["runuser", "-u", "postgres", "--", *command], cwd="/", check=True, capture_output=True, text=True, **more
    )


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL of its own, on a socket; its folder."""
    if os.geteuid() != 0 or not shutil.which("initdb"):
        pytest.fail("needs root and PostgreSQL's initdb")
    folder = Path(tempfile.mkdtemp(prefix="jex-postgresql-", dir="/tmp"))
    shutil.chown(folder, "postgres", "postgres")
    as_postgres("initdb", "--auth=peer", "--no-sync", "-D", folder / "data")
    arguments = ["-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    server = subprocess.Popen(
        ["runuser", "-u", "postgres", "--", shutil.which("postgres"), *arguments],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while subprocess.run(["pg_isready", "--quiet", "--host", folder]).returncode:
        assert time.monotonic() < deadline and server.poll() is None, "PostgreSQL does not start"
        time.sleep(0.1)
    yield folder
    server.terminate()
    server.wait(20)
    shutil.rmtree(folder)


class Machine:
    """Where an appliance keeps what is saved, and its commands."""

    def __init__(self, folder: Path, database: Path):
        self.state, self.secrets, self.caddy, self.configuration = (
            folder / name for name in ("backup", "jex/secrets", "caddy", "nixos")
        )
        self.repository = folder / "usb/jex"
        self.log = folder / "systemctl.log"
        for path in (self.state, self.secrets, self.caddy, self.configuration, folder / "bin", folder / "usb"):
            path.mkdir(parents=True)
        self.secrets.chmod(0o700)
        (self.secrets / "livekit-api-key").write_text("the old key")
        (self.secrets / "backup-password").write_text("correct horse")
        (self.caddy / "root.crt").write_text("the old authority")
        (self.configuration / "configuration.nix").write_text("the old disks")
        (folder / "jex.toml").write_text("[llm]\n")
        paths = [self.secrets.parent, self.secrets, self.caddy, self.configuration, folder / "never-used"]
        (folder / "paths").write_text("".join(f"{path}\n" for path in paths))
        systemctl = folder / "bin/systemctl"
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)
        self.postgresql_runs = folder / "postgresql-runs"
        self.postgresql_runs.touch()
        self.env = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PGHOST": str(database),
            "SYSTEMCTL_LOG": str(self.log),
            "POSTGRESQL_RUNS": str(self.postgresql_runs),
            "JEX_STATE": str(self.state),
            "JEX_PATHS": str(folder / "paths"),
            "JEX_SETTINGS": str(folder / "jex.toml"),
            "JEX_KEEP": "--keep-daily 7",
            "JEX_KEPT": "3",
            "JEX_UNITS": "jex-web.service n8n.service",
            "JEX_ASIDE": str(self.configuration),
            "JEX_CREDENTIALS": "",
            "JEX_SSH_KEY": "",
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD_FILE": str(self.secrets / "backup-password"),
        }

    def sql(self, text: str, name: str = "postgres") -> str:
        arguments = ["--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1", "-d", name, "-c", text]
        return as_postgres("psql", *arguments, env=os.environ | self.env).stdout.strip()

    def backup(self, *arguments):
        return run("jex-backup", SAVE, *arguments, env=self.env)

    def restore(self, *arguments, says=""):
        return run("jex-restore", RESTORE, *arguments, env=self.env, says=says)

    def before_switch(self):
        return run("jex-dump-before-switch", BEFORE_SWITCH, env=self.env)

    def snapshots(self) -> int:
        return len(list((self.repository / "snapshots").iterdir())) if self.repository.exists() else 0

    def become_another(self):
        """All that a machine makes itself on its first boot, anew."""
        (self.secrets / "livekit-api-key").write_text("a new key")
        (self.secrets / "backup-password").write_text("a new password")
        (self.caddy / "root.crt").write_text("a new authority")
        (self.configuration / "configuration.nix").write_text("the new disks")
        self.sql("drop database n8n")
        self.sql("create database n8n owner n8n")


@pytest.fixture
def machine(database, tmp_path):
    machine = Machine(tmp_path, database)
    machine.sql("create role n8n login")
    machine.sql("create database n8n owner n8n")
    machine.sql("set role n8n; create table workflow (name text); insert into workflow values ('tea at five')", "n8n")
    yield machine
    for name in machine.sql("select datname from pg_database where not datistemplate").split():
        if name != "postgres":
            machine.sql(f"alter database {name} allow_connections true")
            machine.sql(f"drop database {name}")
    machine.sql("drop role n8n")


@pytest.fixture
def restic():
    """Since 0.17 it tells by its exit status that a repository is not there yet."""
    found = shutil.which("restic")
    version = subprocess.check_output([found, "version"], text=True) if found else "none"
    if not (numbers := re.match(r"restic (\d+)\.(\d+)", version)) or tuple(map(int, numbers.groups())) < (0, 17):
        pytest.fail(f"needs restic 0.17 or newer; there is {version.strip()}")


def succeeded(done):
    assert done.returncode == 0, done.stderr
    return done


def test_another_machine_becomes_what_the_snapshot_says(machine, restic, tmp_path):
    password = tmp_path / "password"
    password.write_text("correct horse")
    succeeded(machine.backup("now"))
    machine.become_another()

    succeeded(machine.restore("--password-file", password, "--yes"))

    assert machine.sql("select name from workflow", "n8n") == "tea at five"
    assert machine.sql("select tableowner from pg_tables where tablename = 'workflow'", "n8n") == "n8n"
    assert (machine.secrets / "livekit-api-key").read_text() == "the old key"
    assert (machine.secrets / "backup-password").read_text() == "correct horse"
    assert (machine.caddy / "root.crt").read_text() == "the old authority"
    assert machine.secrets.stat().st_mode & 0o777 == 0o700
    assert machine.log.read_text().splitlines() == [
        "stop jex-web.service n8n.service",
        "start postgresql.target",
        "restart jex-secrets.service",
        "start multi-user.target",
    ]


def test_the_audit_does_not_seem_cut_off_after_a_restore(machine, restic, tmp_path):
    password = tmp_path / "password"
    password.write_text("correct horse")
    head = machine.caddy.parent / "agent/audit-head.json"
    head.parent.mkdir(mode=0o700)
    head.write_text("3")
    head.chmod(0o600)
    paths = Path(machine.env["JEX_PATHS"])
    paths.write_text(paths.read_text() + f"{head.parent}\n")
    # Somebody speaks while the database is dumped.
    runuser = machine.caddy.parent / "bin/runuser"
    meanwhile = f'case "$*" in *"pg_dump "*) echo 4 >{head} ;; esac'
    runuser.write_text(f'#!/bin/sh\n{meanwhile}\nexec {shutil.which("runuser")} "$@"\n')
    runuser.chmod(0o755)
    succeeded(machine.backup("now"))
    assert head.read_text() == "4\n"
    head.write_text("9")

    succeeded(machine.restore("--password-file", password, "--yes"))

    assert head.read_text() == "3"
    assert head.stat().st_mode & 0o777 == 0o600


def test_the_password_may_be_typed(machine, restic):
    succeeded(machine.backup("now"))
    machine.become_another()

    succeeded(machine.restore(says="correct horse\nyes\n"))

    assert machine.sql("select name from workflow", "n8n") == "tea at five"


def test_the_configuration_of_the_old_machine_does_not_replace_the_new_ones(machine, restic):
    succeeded(machine.backup("now"))
    machine.become_another()

    told = succeeded(machine.restore(says="correct horse\nyes\n")).stdout

    assert (machine.configuration / "configuration.nix").read_text() == "the new disks"
    beside = machine.configuration.with_name("nixos.from-backup")
    assert (beside / "configuration.nix").read_text() == "the old disks" and str(beside) in told


@pytest.mark.parametrize("says", ["wrong\nyes\n", "correct horse\nno\n"], ids=["wrong password", "second thoughts"])
def test_nothing_is_touched_before_all_is_read_and_wanted(machine, restic, says):
    succeeded(machine.backup("now"))
    machine.become_another()

    refused = machine.restore(says=says)

    assert refused.returncode == 1 and "othing was changed" in refused.stderr
    assert (machine.secrets / "livekit-api-key").read_text() == "a new key"
    assert not machine.log.exists()


def test_a_database_that_cannot_be_dumped_makes_no_snapshot(machine, restic):
    machine.sql("create database broken")
    machine.sql("alter database broken allow_connections false")

    failed = machine.backup("now")

    assert failed.returncode == 1 and "could not be dumped" in failed.stderr
    assert machine.snapshots() == 0
    assert not (machine.state / "last-success").exists()


def test_dumps_do_not_stay_where_they_were_staged(machine, restic):
    succeeded(machine.backup("now"))

    assert not (machine.state / "stage").exists()
    assert machine.snapshots() == 1


def test_the_password_is_asked_to_be_kept_until_it_was_shown(machine, restic):
    first = succeeded(machine.backup("now")).stdout

    shown = succeeded(machine.backup("password")).stdout
    second = succeeded(machine.backup("now")).stdout

    assert "jex-backup password" in first and "jex-backup password" not in second
    assert shown.strip() == "correct horse"


def test_a_repository_that_cannot_be_opened_is_not_made_anew(machine, restic):
    succeeded(machine.backup("now"))
    (machine.secrets / "backup-password").write_text("another")

    failed = machine.backup("now")

    assert failed.returncode == 1 and "password" in failed.stderr
    assert machine.snapshots() == 1


def test_a_snapshot_of_something_else_is_refused(machine, restic, tmp_path):
    env = os.environ | machine.env
    subprocess.run(["restic", "init", "--quiet"], env=env, check=True)
    subprocess.run(["restic", "backup", "--quiet", "--tag", "jex", tmp_path / "jex.toml"], env=env, check=True)

    refused = machine.restore("--password-file", machine.secrets / "backup-password", "--yes")

    assert refused.returncode == 1 and "no backup of JEX" in refused.stderr
    assert not machine.log.exists()


def dumps(machine) -> list[Path]:
    return sorted((machine.state / "before-switch").iterdir())


def test_every_database_is_dumped_before_a_switch(machine):
    succeeded(machine.before_switch())

    (dump,) = dumps(machine)
    listed = subprocess.check_output(["pg_restore", "--list", dump / "n8n.dump"], text=True)
    assert "TABLE DATA public workflow" in listed


def test_only_the_last_few_dumps_stay(machine):
    for day in range(1, 6):
        (machine.state / f"before-switch/2020-01-0{day}T00-00-00Z").mkdir(parents=True)

    succeeded(machine.before_switch())

    assert [dump.name[:10] for dump in dumps(machine)][:2] == ["2020-01-04", "2020-01-05"]
    assert len(dumps(machine)) == 3


def test_a_failed_dump_stops_the_switch(machine):
    machine.sql("create database broken")
    machine.sql("alter database broken allow_connections false")

    stopped = machine.before_switch()

    assert stopped.returncode == 1 and "NIXOS_NO_CHECK=1" in stopped.stderr
    assert dumps(machine) == []


def test_a_machine_without_postgresql_switches(machine):
    machine.postgresql_runs.unlink()

    passed = succeeded(machine.before_switch())

    assert "does not run" in passed.stderr
    assert not (machine.state / "before-switch").exists()
