"""What is written to /etc/nixos of the new machine."""

import shlex

from conftest import TEMPLATE, call


def configuration(tier: str, *keys: str) -> str:
    template = (TEMPLATE / "configuration.nix").read_text()
    return call("configuration.sh", f"configuration_for {tier} {shlex.quote(chr(10).join(keys))}", template)


def test_the_template_is_filled_in_and_nothing_else_is_changed():
    template = (TEMPLATE / "configuration.nix").read_text()

    filled = configuration("jex-gpu", "ssh-ed25519 AAAA ada@laptop", "ssh-rsa BBBB ada@phone")

    assert filled == template.replace("nixosModules.jex-cpu", "nixosModules.jex-gpu").replace(
        "sshKeys = [ ];", 'sshKeys = [\n    "ssh-ed25519 AAAA ada@laptop"\n    "ssh-rsa BBBB ada@phone"\n  ];'
    )
    assert filled.count("jex-gpu ]") == 1


def test_nothing_in_a_key_gets_out_of_its_string():
    filled = configuration("jex-cpu", r'ssh-ed25519 AAAA ${builtins.readFile "/etc/shadow"} a\b')

    assert r'"ssh-ed25519 AAAA \${builtins.readFile \"/etc/shadow\"} a\\b"' in filled


def test_the_hardware_names_the_disk_and_its_encryption():
    hardware = call("configuration.sh", "hardware_for /dev/disk/by-id/nvme-Samsung tpm2")

    assert 'jex.disk.device = "/dev/disk/by-id/nvme-Samsung";' in hardware
    assert 'jex.disk.luks = "tpm2";' in hardware
