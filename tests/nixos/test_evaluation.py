"""What can be known of the appliance without building it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import names
from toml import to_toml

APPLIANCES = names("hosts")
MACHINES = [*(f"hosts.{name}" for name in APPLIANCES), "withDomain"]
IMAGES = names("images")
OUTPUTS = names("outputs")
TEMPLATES = names("template")
VM_TESTS = names("vmTests")

# What the test driver gives to a script, beside a name for each machine.
DRIVER = ["create_machine", "driver", "log", "retry", "start_all", "subtest", "t"]

# What each refusal says: the option to change.
REFUSALS = {
    "nothing": None,
    "owner": "owner.sshKeys",
    "model-address": "llm.url",
    "model-key": "llm.apiKeyFile",
    "model-nearby": "egress.lan",
    "model-nearby-by-https": "egress.lan",
    "model-nearby-allowed": None,
    "model-here": None,
    "address-without-provider": "llm.provider",
    "cloud-media": "livekit.url",
    "air-gap-model": "llm.provider",
    "program-of-a-tool": "name its `url`",
    "address-of-a-tool": None,
    "air-gap-hosts": "egress.hosts",
    "air-gap-acme": "tls.acmeEmail",
    "acme-local": "hostName",
    "cuda-graphics": "hardware.graphics.enable",
    "cuda-whisper": "hardware.acceleration",
    "air-gap-unpinned-model": "models.ollama",
    "air-gap-pinned-model": None,
    "air-gap-whisper": "models.whisper",
    "air-gap-voice": "models.voices",
    "coqui-air-gap": "speech.coquiModel",
    "coqui-air-gap-folder": None,
    "coqui-language": "speech.coquiModel",
    "coqui-license": "speech.coquiNonCommercial",
    "coqui-speaker": "settings.tts.voice",
    "coqui-cuda": "hardware.acceleration",
    "voice-language": "speech.voice",
    "model-without-template": "template",
    "model-too-large": "llm.model",
    "model-fits": None,
    "backup-ssh": "backup.sshKeyFile",
    "backup-air-gap": "backup.target",
    "backup-plain": "backup.target",
    "backup-nearby": "backup.target",
    "backup-port": "backup.target",
    "backup-https": None,
    "backup-disk": None,
}
# Whence Ollama pulls a model: its registry, which sends what is large on.
REGISTRY = ["registry.ollama.ai", "dd20bb891979d25aebc8bec07b2b3bbc.r2.cloudflarestorage.com"]
HERE = {"jex-supervisor": ["registry.ollama.ai"], "ollama": REGISTRY}
EGRESS = {
    "jex-gpu": HERE,
    "jex-cpu": HERE,
    "jex-hybrid": {"jex-agent": ["api.openai.com"], "jex-supervisor": ["api.openai.com"]},
    "jex-airgap": {},
    "vm": HERE,
}
# By machine with Coqui: whence it gets its model.
COQUI = {
    "small": ["github.com", "objects.githubusercontent.com", "release-assets.githubusercontent.com"],
    "xtts": [
        "huggingface.co",
        "us.aws.cdn.hf.co",
        "us.gcp.cdn.hf.co",
        "cdn-lfs-us-1.hf.co",
        "cdn-lfs-eu-1.hf.co",
        "cas-bridge.xethub.hf.co",
    ],
    "air-gapped": [],
}
# What nobody but the owner may build images of.
N8N = {"n8n", "n8n-task-runner-launcher"}
CUDA = set("nvidia-x11 cuda_cccl cuda_compat cuda_cudart cuda_nvcc cuda_nvrtc cudnn libcublas libcurand".split())
UNFREE = {"jex-gpu": N8N | CUDA, "jex-cpu": N8N, "jex-hybrid": N8N, "jex-airgap": N8N, "vm": N8N}


def test_every_refusal_is_tried():
    assert set(names("refusals")) == set(REFUSALS)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_work_is_refused_with_the_remedy(evaluations, case):
    messages = evaluations.value(f"refusals.{case}")

    if REFUSALS[case] is None:
        assert messages == []
    else:
        assert any(REFUSALS[case] in message for message in messages), messages


@pytest.mark.parametrize("host", APPLIANCES)
def test_the_network_reaches_what_people_need_and_no_more(evaluations, host):
    ports = evaluations.value(f"hosts.{host}")["ports"]

    assert ports["enable"] and ports["nftables"]
    assert sorted(ports["tcp"]) == [22, 80, 443, 7881]
    assert sorted(ports["udp"]) == [443, 3478, 5353]
    assert ports["udpRanges"] == [{"from": 50000, "to": 51000}]
    assert ports["tcpRanges"] == []
    assert ports["interfaces"] == {}
    assert ports["trusted"] in ([], ["lo"])
    assert ports["extraInputRules"] == ""


@pytest.mark.parametrize("machine", MACHINES)
def test_the_rules_that_nixpkgs_tries_are_those_that_its_kernel_knows(evaluations, machine, tmp_path):
    facts = evaluations.value(machine)
    ruleset = tmp_path / "ruleset.conf"
    ruleset.write_text(facts["rules"])

    subprocess.run(["bash", "-euc", facts["preCheckRuleset"]], cwd=tmp_path, check=True)

    assert "socket cgroupv2" in facts["rules"] and "socket" not in ruleset.read_text()


def test_with_a_domain_turn_is_open_over_tls_and_no_name_is_announced(evaluations):
    ports = evaluations.value("withDomain")["ports"]

    assert sorted(ports["tcp"]) == [22, 80, 443, 5349, 7881]
    assert sorted(ports["udp"]) == [443, 3478]


@pytest.mark.parametrize("host", APPLIANCES)
def test_only_the_chosen_providers_are_let_out(evaluations, host):
    assert evaluations.value(f"hosts.{host}")["egress"] == EGRESS[host]


def test_secrets_lie_where_the_owner_says(evaluations):
    facts = evaluations.value("withDomain")

    assert "d /persist/jex/secrets 0700 root root" in facts["tmpfiles"]
    assert "ReadWritePaths=/persist/jex/secrets\n" in facts["units"]["units"]["jex-secrets.service"]


def test_every_machine_with_coqui_is_tried():
    assert set(names("coqui")) == set(COQUI)


@pytest.mark.parametrize("machine", COQUI)
def test_coqui_speaks_instead_of_piper_on_this_machine_alone(evaluations, machine, tmp_path):
    facts = evaluations.value(f"coqui.{machine}")

    assert facts["host"].endswith(".drv")
    assert not facts["piper"]
    assert "coqui_for_conversation.py" in facts["service"]["ExecStart"]
    assert "--port=5002" in facts["service"]["ExecStart"]
    assert facts["service"]["IPAddressDeny"] == "any"
    assert facts["service"]["IPAddressAllow"] == ["localhost"]
    assert facts["egress"] == COQUI[machine]
    assert ("HTTPS_PROXY" in facts["service"]["environment"]) == bool(COQUI[machine])
    accepts(facts["settings"], tmp_path)


def test_coqui_sees_every_card(evaluations):
    service = evaluations.value("coqui.xtts")["service"]

    assert not service["PrivateDevices"]
    assert "char-nvidia" in service["DeviceAllow"]
    assert not any(device.startswith("/dev/") for device in service["DeviceAllow"])


def test_a_license_is_agreed_to_by_the_owner_alone(evaluations):
    agreed = {
        name: evaluations.value(f"coqui.{name}")["service"]["environment"].get("COQUI_TOS_AGREED") for name in COQUI
    }

    assert agreed == {"small": None, "xtts": "1", "air-gapped": None}


@pytest.mark.parametrize("host", APPLIANCES)
def test_exactly_this_is_unfree(evaluations, host):
    assert evaluations.traced(f"hosts.{host}", "unfree") == UNFREE[host]


# Those that face people, those of the operating system that look outside for it, and those that run once.
FREE = {
    "3proxy",
    "caddy",
    "jex-resolver",
    "livekit",
}


@pytest.mark.parametrize("host", APPLIANCES)
def test_every_service_of_ours_reaches_this_machine_only_or_is_named_here(evaluations, host):
    ours = {
        name
        for name in evaluations.value(f"hosts.{host}")["free"]
        if name.startswith(("jex-", "n8n", "ollama", "postgresql", "redis", "wyoming", "livekit", "caddy", "3proxy"))
    }

    assert ours <= FREE, ours - FREE


@pytest.mark.parametrize("machine", MACHINES)
def test_every_confined_service_exists(evaluations, machine):
    assert evaluations.value(machine)["imaginary"] == []


@pytest.mark.parametrize("host", APPLIANCES)
def test_only_those_who_need_it_come_to_a_database_and_each_as_itself(evaluations, host):
    database = evaluations.value(f"hosts.{host}")["database"]

    comes = [line.split() for line in database["identMap"].splitlines() if line.strip()]
    assert comes == [
        ["jex", "jex-agent", "jex"],
        ["jex", "jex-supervisor", "jex"],
        ["jex", "jex-web", "jex"],
        ["jex", "root", "jex"],
        ["n8n", "n8n", "n8n"],
        ["n8n", "jex-agent", "n8n"],
        ["postgres", "postgres", "postgres"],
    ]
    rules = [line.split() for line in database["authentication"].splitlines() if line and line[0] != "#"]
    assert rules[:2] == [["local", name, name, "peer", f"map={name}"] for name in ("jex", "n8n")]


@pytest.mark.parametrize("host", APPLIANCES)
def test_n8n_is_told_to_call_nobody_as_it_is_by_jex_up(evaluations, host):
    source = (Path(__file__).parents[2] / "crates/jex-supervisor/src/components/n8n.rs").read_text()
    told = dict(re.findall(r'^    \("(N8N_[A-Z_]+)", "(.*)"\),$', source, re.MULTILINE))

    environment = evaluations.value(f"hosts.{host}")["n8n"]

    assert len(told) == 14
    assert {name: environment[name] for name in told} == told
    assert environment["N8N_INSTANCE_OWNER_MANAGED_BY_ENV"] == "true"


def accepts(settings: dict, folder: Path):
    """Has `jex` itself read these settings."""
    file = folder / "jex.toml"
    file.write_text(to_toml(settings))

    check = subprocess.run(
        [Path(os.environ["JEX_BIN"]) / "jex", "config", "check", file], capture_output=True, text=True, timeout=30
    )

    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("host", APPLIANCES)
def test_the_settings_are_what_jex_itself_takes(evaluations, host, tmp_path):
    accepts(evaluations.value(f"hosts.{host}")["settings"], tmp_path)


def test_another_language_is_what_jex_itself_takes(evaluations, tmp_path):
    settings = evaluations.value("germanSettings")

    accepts(settings, tmp_path)
    assert settings["stt"]["model"] == "small-int8"
    assert settings["tts"]["voice"] == "de_DE-thorsten-medium"


def test_every_option_says_what_it_is_and_shows_one(evaluations):
    assert evaluations.value("undocumented") == []


@pytest.mark.parametrize("machine", MACHINES)
def test_the_host_evaluates(evaluations, machine):
    assert evaluations.value(machine)["system"].endswith(".drv")


@pytest.mark.parametrize("image", IMAGES)
def test_the_image_evaluates(evaluations, image):
    assert evaluations.value(f"images.{image}").endswith(".drv")


def test_there_are_as_many_images_as_can_be_tested():
    assert 10 < len(IMAGES) <= 16


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_output_evaluates(evaluations, output):
    assert evaluations.value(f"outputs.{output}").startswith("/nix/store/")


@pytest.mark.parametrize("system", ["x86_64-linux", "aarch64-linux"])
def test_what_is_not_cuda_is_there_for_both_processors(system):
    for output in ("packages-{}-jex", "packages-{}-jex-page", "apps-{}-jex", "devShells-{}-default", "checks-{}-jex"):
        assert output.format(system) in OUTPUTS


@pytest.mark.parametrize("machine", TEMPLATES)
def test_an_owners_own_flake_evaluates(evaluations, machine):
    facts = evaluations.value(f"template.{machine}")

    assert facts["system"].endswith(".drv") and facts["enable"]
    assert facts["platform"] == ("aarch64-linux" if machine == "arm" else "x86_64-linux")
    # A machine that we did not partition keeps its own disk.
    assert ("jex-disk" in facts["checks"]) == (machine == "installed")
    assert facts["root"] == ("/dev/mapper/jex" if machine == "installed" else facts["root"])


@pytest.mark.parametrize("luks", ["none", "passphrase", "tpm2"])
def test_a_disk_is_laid_out_and_started_from(evaluations, luks):
    layout = evaluations.value("layouts")[luks]

    assert layout["script"].endswith(".drv")
    assert layout["boot"] == "/dev/disk/by-partlabel/disk-main-ESP"
    assert "sgdisk" in layout["create"] and "/dev/disk/by-id/nvme-Samsung" in layout["create"]
    if luks == "none":
        assert layout["root"] == "/dev/disk/by-partlabel/disk-main-root"
        assert layout["encrypted"] == {}
        assert "cryptsetup" not in layout["create"]
    else:
        options = ["tpm2-device=auto"] if luks == "tpm2" else []
        assert layout["root"] == "/dev/mapper/jex"
        assert layout["encrypted"] == {
            "jex": {"device": "/dev/disk/by-partlabel/disk-main-root", "crypttabExtraOpts": options}
        }
        assert "cat /run/jex-disk-passphrase" in layout["create"]
    assert layout["check"].rstrip().endswith(f"root-device-check.sh {layout['root']}")


def test_the_medium_carries_the_air_gapped_system_whole(evaluations):
    installer = evaluations.value("installer")
    medium = installer["medium"]

    assert installer["system"].endswith(".drv")
    # What the installer's own tests make up.
    assert set(medium) == set("version label hostName owner tiers layouts template source inputs".split())
    carried = medium["tiers"]["jex-airgap"]["systems"]
    assert set(carried) == set(medium["layouts"]) == {"none", "passphrase", "tpm2"}
    assert len(set(carried.values())) == 3
    assert set(medium["tiers"]) == {"jex-gpu", "jex-cpu", "jex-hybrid", "jex-airgap"}
    assert [tier for tier, what in medium["tiers"].items() if "systems" in what] == ["jex-airgap"]


def test_each_host_that_runs_somewhere_is_deployed_and_undone_when_it_is_not_reached_again(evaluations):
    deploy = evaluations.value("deploy")
    nodes = deploy["nodes"]

    assert set(nodes) == {"jex-gpu", "jex-cpu", "jex-hybrid", "jex-airgap"}
    assert all(node["magicRollback"] and node["autoRollback"] for node in nodes.values())
    assert set(deploy["checks"]) == {"deploy-activate", "deploy-schema"}
    assert all(check.endswith(".drv") for check in deploy["checks"].values())


def test_each_file_is_a_test_in_a_virtual_machine():
    files = (Path(__file__).parent / "vm").glob("*.nix")

    assert {file.stem for file in files} == set(VM_TESTS)


@pytest.mark.parametrize("name", VM_TESTS)
def test_the_vm_test_evaluates(evaluations, name):
    assert evaluations.value(f"vmTests.{name}")["test"].endswith(".drv")


@pytest.mark.parametrize("name", VM_TESTS)
def test_the_script_of_the_vm_test_is_sound(evaluations, name):
    test = evaluations.value(f"vmTests.{name}")
    ruff = [Path(sys.executable).parent / "ruff", "check", "--isolated", "--no-cache"]
    known = f"builtins = {DRIVER + test['machines']}"

    # As the driver of nixpkgs does when the test is built.
    command = [*ruff, "--select", "F", "--config", known, "-"]
    checked = subprocess.run(command, input=test["script"], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr
