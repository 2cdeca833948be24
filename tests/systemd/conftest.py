"""One container for all tests, with our units running in it as the module has them.

`tests/all systemd` gets what it needs and runs this in a network of its own.
"""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

import units
from container import Container, wait_until

# `agent.port`, where the settings say nothing else.
AGENT_PORT = 7890


@pytest.fixture(scope="session")
def container(tmp_path_factory):
    debian = Path(os.environ["JEX_DEBIAN_ROOT"])
    folder = tmp_path_factory.mktemp("container")
    scratch = folder / "scratch"
    scratch.mkdir()
    running = Container(debian, scratch, folder / "console.log")
    install(running)
    try:
        running.boot()
        yield running
    finally:
        running.stop()


@pytest.fixture
def booted(container):
    """Each test begins with every daemon up, whatever the one before did."""
    start(container)
    return container


def start(container: Container):
    # Tests start them more often than systemd would let a broken one.
    container.run("systemctl", "reset-failed", *units.DAEMONS)
    started = container.run("systemctl", "start", *units.DAEMONS, check=False, timeout=60)
    assert started.returncode == 0, container.journal(*units.DAEMONS, *units.PEERS)[-4000:]
    wait_until(lambda: agent_is_registered(container), 20, "the agent is registered with LiveKit")


def agent_is_registered(container: Container) -> bool:
    health = f"http://127.0.0.1:{AGENT_PORT}/health"
    return container.run("curl", "--fail", "--silent", health, check=False).returncode == 0


def install(container: Container):
    programs = Path(os.environ["JEX_BIN"])
    for program in [*units.PROGRAMS, "jex"]:
        container.bind(programs / program, f"/opt/jex/bin/{program}")
    parts = tomllib.loads(Path(os.environ["JEX_PARTS"]).read_text())
    container.bind(Path(parts["page"]), "/opt/jex/page")
    container.bind(Path(parts["livekit_server"]), "/usr/bin/livekit-server")
    # Where Debian has it.
    (container.root / "usr/bin/dnsmasq").symlink_to("../sbin/dnsmasq")
    for file in units.FILES.rglob("*"):
        if file.is_file():
            content = units.for_debian(file.read_text())
            mode = 0o755 if content.startswith("#!") else 0o644
            container.write(f"/opt/jex/files/{file.relative_to(units.FILES)}", content, mode)
    installed = [*units.OURS, *units.PEERS]
    for unit in installed:
        container.write(f"/etc/systemd/system/{unit}", units.for_debian(units.text(unit)))
    container.write("/etc/nftables.conf", f"flush ruleset\n{(units.FOLDER / 'jex.nft').read_text()}")
    users = {user for unit in installed for user in units.values(unit, "User")}
    groups = {group for unit in installed for group in units.values(unit, "Group")} - users
    groups |= {group for unit in installed for group in units.values(unit, "SupplementaryGroups")}
    accounts = [*(f"u {user} -\n" for user in users), *(f"g {group} -\n" for group in groups)]
    container.write("/etc/sysusers.d/jex.conf", "".join(accounts))
    in_root(container, "systemd-sysusers")
    container.write("/etc/tmpfiles.d/jex.conf", "d /var/lib/jex-n8n 2770 root jex-n8n\n")
    in_root(container, "systemctl", "enable", "nftables.service", *installed)


def in_root(container: Container, *command: str):
    subprocess.run(["chroot", container.root, *command], check=True, capture_output=True)


@pytest.fixture
def probe(booted):
    """Runs a script with exactly the rights of one of our units: `probe(unit, script)` is what it prints.

    It is a dynamic user of its own, unless `user` names another's.
    """
    name = "jex-probe"

    def run(unit: str, script: str, user: str = "") -> str:
        output = f"/run/{name}.output"
        booted.write(f"/etc/systemd/system/{name}.service", units.probe(unit, name, script, output, user))
        booted.run("systemctl", "daemon-reload")
        booted.run("systemctl", "start", f"{name}.service")
        return booted.said("cat", output)

    yield run
    booted.run("rm", "-rf", f"/etc/systemd/system/{name}.service", f"/var/lib/private/{name}", f"/var/lib/{name}")
    booted.run("systemctl", "daemon-reload")
