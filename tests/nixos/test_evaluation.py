"""What can be known of the appliance without building it."""

import pytest

from conftest import Evaluations, names, traced

HOSTS = names("hosts")
IMAGES = names("images")
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
    "air-gap-unpinned-model": "models.ollama",
    "air-gap-pinned-model": None,
    "air-gap-whisper": "models.whisper",
    "air-gap-voice": "models.voices",
    "voice-language": "speech.voice",
    "model-without-template": "template",
    "model-too-large": "llm.model",
    "model-fits": None,
    "backup-ssh": "backup.sshKeyFile",
    "backup-air-gap": "backup.target",
    "backup-plain": "backup.target",
    "backup-disk": None,
}
# Whence Ollama pulls a model: its registry, which sends what is large on.
REGISTRY = ["registry.ollama.ai", "dd20bb891979d25aebc8bec07b2b3bbc.r2.cloudflarestorage.com"]
EGRESS = {
    "jex-gpu": REGISTRY,
    "jex-cpu": REGISTRY,
    "jex-hybrid": ["api.openai.com"],
    "jex-airgap": [],
    "vm": REGISTRY,
}
# What nobody but the owner may build images of.
N8N = {"n8n", "n8n-task-runner-launcher"}
CUDA = set("nvidia-x11 cuda_cccl cuda_compat cuda_cudart cuda_nvcc cuda_nvrtc cudnn libcublas libcurand".split())
UNFREE = {"jex-gpu": N8N | CUDA, "jex-cpu": N8N, "jex-hybrid": N8N, "jex-airgap": N8N, "vm": N8N}


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


@pytest.mark.parametrize("host", HOSTS)
def test_exactly_this_is_unfree(host):
    assert traced(f"unfree.{host}", "unfree") == UNFREE[host]


def test_every_option_says_what_it_is_and_shows_one(evaluations):
    assert evaluations.value("undocumented") == []


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_evaluates(evaluations, host):
    assert evaluations.value(f"hosts.{host}").endswith(".drv")


@pytest.mark.parametrize("image", IMAGES)
def test_the_image_evaluates(evaluations, image):
    assert evaluations.value(f"images.{image}").endswith(".drv")
