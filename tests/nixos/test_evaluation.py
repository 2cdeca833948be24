"""What can be known of the appliance without building it."""

import pytest

from conftest import Evaluations, names

HOSTS = names("hosts")
IMAGES = names("images")
OUTPUTS = names("outputs")
TEMPLATES = names("template")
LAN = {"jex-gpu", "jex-cpu", "jex-hybrid", "jex-airgap", "vm"}

# What each refusal says: the option to change.
REFUSALS = {
    "nothing": None,
    "owner": "owner.sshKeys",
    "model-address": "llm.url",
    "model-key": "llm.apiKeyFile",
    "model-here": None,
    "address-without-provider": "llm.provider",
    "cloud-media": "livekit.url",
    "air-gap-model": "llm.provider",
    "air-gap-hosts": "egress.hosts",
    "air-gap-acme": "tls.acmeEmail",
    "acme-local": "hostName",
    "cuda-graphics": "hardware.graphics.enable",
    "cuda-whisper": "hardware.acceleration",
}
EGRESS = {
    "jex-gpu": ["registry.ollama.ai"],
    "jex-cpu": ["registry.ollama.ai"],
    "jex-hybrid": ["api.openai.com"],
    "jex-airgap": [],
    "vm": ["registry.ollama.ai"],
}


@pytest.fixture(scope="session")
def evaluations():
    running = Evaluations(
        [
            "ports",
            "egress",
            "settings",
            "undocumented",
            *(f"refusals.{name}" for name in REFUSALS),
            *(f"hosts.{name}" for name in HOSTS),
            *(f"images.{name}" for name in IMAGES),
            *(f"outputs.{name}" for name in OUTPUTS),
            *(f"template.{name}" for name in TEMPLATES),
            "layouts",
            "installer",
            "deploy",
        ]
    )
    yield running
    running.stop()


def test_every_refusal_is_tried():
    assert set(names("refusals")) == set(REFUSALS)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_work_is_refused_with_the_remedy(evaluations, case):
    messages = evaluations.value(f"refusals.{case}")

    if REFUSALS[case] is None:
        assert messages == []
    else:
        assert any(REFUSALS[case] in message for message in messages), messages


@pytest.mark.parametrize("host", HOSTS)
def test_the_network_reaches_what_people_need_and_no_more(evaluations, host):
    ports = evaluations.value("ports")[host]

    assert ports["enable"] and ports["nftables"]
    assert sorted(ports["tcp"]) == [22, 80, 443, 7881]
    assert sorted(ports["udp"]) == [443, 3478, 5353]
    assert ports["udpRanges"] == [{"from": 50000, "to": 51000}]
    assert ports["tcpRanges"] == []
    assert ports["interfaces"] == {}
    assert ports["trusted"] in ([], ["lo"])
    assert ports["extraInputRules"] == ""


@pytest.mark.parametrize("host", HOSTS)
def test_only_the_chosen_providers_are_let_out(evaluations, host):
    assert evaluations.value("egress")[host] == EGRESS[host]


def test_every_option_says_what_it_is_and_shows_one(evaluations):
    assert evaluations.value("undocumented") == []


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_evaluates(evaluations, host):
    assert evaluations.value(f"hosts.{host}").endswith(".drv")


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
    nodes = evaluations.value("deploy")

    assert set(nodes) == {"jex-gpu", "jex-cpu", "jex-hybrid", "jex-airgap"}
    assert all(node["magicRollback"] and node["autoRollback"] for node in nodes.values())
