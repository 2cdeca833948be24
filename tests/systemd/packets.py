"""Sends packets as one of our units would, and reads who was counted."""

import json

import units


def from_cgroup_of(container, unit: str, script: str):
    """A process that systemd and nftables take for one of the unit's."""
    join = f"echo $$ >/sys/fs/cgroup/system.slice/{unit}/cgroup.procs"
    return container.run("timeout", "3", "bash", "-c", f"{join} && {script}", check=False)


def counter(unit: str) -> str:
    """Its name, which is that of the set with the unit's control group."""
    return units.values(unit, "NFTSet")[0].split(":")[-1]


def counted(container, unit: str) -> int:
    listed = json.loads(container.said("nft", "--json", "list", "counter", "inet", "jex", counter(unit)))
    return next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry)
