"""What several tests do with a machine."""

import json
import re
import shlex

from test_driver.machine import QemuMachine

QUESTION = "What is the capital of France?"
AGENT_IS_REGISTERED = "curl --silent --fail http://127.0.0.1:7890/health"
PAGE_IS_SERVED = "curl --silent --fail http://127.0.0.1:3000/health"


def wait_until_ready(machine: QemuMachine) -> None:
    """Until the agent is known to LiveKit and the page is served."""
    machine.wait_for_unit("multi-user.target")
    machine.wait_until_succeeds(AGENT_IS_REGISTERED, timeout=300)
    machine.wait_until_succeeds(PAGE_IS_SERVED, timeout=60)


def tunnel(laptop: QemuMachine, host: str, *ports: int) -> None:
    """Makes what listens on loopback there listen on loopback here, as the owner does by SSH."""
    forwards = " ".join(f"-L 127.0.0.1:{port}:127.0.0.1:{port}" for port in ports)
    laptop.succeed(f"systemd-run --unit=tunnel ssh -N -o ExitOnForwardFailure=yes {forwards} {host}")
    for port in ports:
        laptop.wait_for_open_port(port, timeout=60)


def ask(machine: QemuMachine, *arguments: str) -> dict:
    """What `jex ask` says of the answer."""
    return json.loads(machine.succeed("jex ask --json --timeout 120 " + shlex.join(arguments)))


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def unit_property(machine: QemuMachine, unit: str, name: str) -> str:
    return machine.succeed(f"systemctl show --property={name} --value {unit}").strip()


def wait_until_restarted(machine: QemuMachine, unit: str, before: str, timeout: int) -> None:
    """Until the unit is up with another process than `before`."""
    machine.wait_until_succeeds(
        f"systemctl is-active --quiet {unit} && "
        f'pid=$(systemctl show --property=MainPID --value {unit}) && [ "$pid" != 0 ] && [ "$pid" != {before} ]',
        timeout=timeout,
    )


def secrets(machine: QemuMachine) -> dict[str, str]:
    """Each secret by its name."""
    names = machine.succeed("ls /var/lib/jex/secrets").split()
    return {name: machine.succeed(f"cat /var/lib/jex/secrets/{name}") for name in names}


def query(machine: QemuMachine, sql: str, database: str = "n8n") -> str:
    """What PostgreSQL answers to its superuser."""
    command = f"psql --tuples-only --no-align --dbname {database} --command {shlex.quote(sql)}"
    return machine.succeed(f"runuser -u postgres -- {command}").strip()
