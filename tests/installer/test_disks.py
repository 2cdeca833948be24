"""Which disks may be written to."""

import json

import pytest

from conftest import call, needs_root, run


def device(name: str, kind: str = "disk", **more) -> dict:
    return {
        "name": name,
        "path": f"/dev/{name}",
        "type": kind,
        "size": 500_107_862_016,
        "model": "Samsung SSD 990",
        "tran": "nvme",
        "ro": False,
        "hotplug": False,
        "label": None,
        "partlabel": None,
        "mountpoints": [None],
    } | more


def free(*devices: dict, types: str = "disk") -> list[str]:
    listed = json.dumps({"blockdevices": devices})
    lines = call("disks.sh", f"free_disks JEX_INSTALLER /mnt '{types}'", listed).splitlines()
    return [line.split("\t")[0] for line in lines]


STICK = {"tran": "usb", "hotplug": True, "model": "DataTraveler 3.0"}


def test_an_idle_disk_is_offered_with_its_size_and_model():
    listed = json.dumps({"blockdevices": [device("nvme0n1", model="Samsung  SSD 990 ")]})

    line = call("disks.sh", "free_disks JEX_INSTALLER /mnt disk", listed)

    assert line == "/dev/nvme0n1\t500107862016\tSamsung SSD 990, nvme\n"


def test_the_medium_is_not_offered():
    medium = device("sdb", **STICK, children=[device("sdb1", "part", mountpoints=["/iso"])])

    assert free(device("sda"), medium) == ["/dev/sda"]


def test_the_medium_is_not_offered_when_the_installer_runs_from_memory():
    whole = device("sdb", **STICK, label="JEX_INSTALLER")
    in_a_partition = device("sdc", **STICK, children=[device("sdc1", "part", label="JEX_INSTALLER")])

    assert free(device("sda"), whole, in_a_partition) == ["/dev/sda"]


def test_a_disk_in_use_is_not_offered_however_deep():
    volume = device("vg-home", "lvm", mountpoints=["/home"])
    used = device("sdb", children=[device("sdb1", "part", children=[device("luks", "crypt", children=[volume])])])

    assert free(device("sda"), used) == ["/dev/sda"]


@pytest.mark.parametrize("mountpoint", ["/mnt", "/mnt/boot", "[SWAP]"])
def test_a_disk_that_an_earlier_try_left_mounted_is_offered_again(mountpoint):
    assert free(device("sda", children=[device("sda1", "part", mountpoints=[mountpoint])])) == ["/dev/sda"]


def test_a_folder_beside_the_target_is_not_the_target():
    assert free(device("sda", children=[device("sda1", "part", mountpoints=["/mnt2"])])) == []


@pytest.mark.parametrize(
    "other",
    [
        device("sr0", "rom"),
        device("loop0", "loop"),
        device("zram0"),
        device("sdb", ro=True),
        device("sdc", size=0),
    ],
    ids=lambda other: other["name"],
)
def test_what_is_no_disk_is_not_offered(other):
    assert free(device("sda"), other) == ["/dev/sda"]


def test_a_disk_without_model_is_described_all_the_same():
    listed = json.dumps({"blockdevices": [device("vda", model=None, tran=None)]})

    assert "disk of an unknown model" in call("disks.sh", "free_disks JEX_INSTALLER /mnt disk", listed)


def test_another_disk_with_partitions_named_like_ours_is_found():
    ours = device("sdb", children=[device("sdb2", "part", partlabel="disk-main-root")])
    listed = json.dumps({"blockdevices": [device("sda"), ours]})

    assert call("disks.sh", "other_jex_disks /dev/sda", listed) == "/dev/sdb\n"
    assert call("disks.sh", "other_jex_disks /dev/sdb", listed) == ""


def test_a_disk_is_named_by_what_does_not_change(tmp_path):
    (tmp_path / "disk").touch()
    for link in ("nvme-Samsung_SSD_990_S7KH", "nvme-eui.0025384", "wwn-0x5002538"):
        (tmp_path / "by-id").mkdir(exist_ok=True)
        (tmp_path / "by-id" / link).symlink_to(tmp_path / "disk")

    named = call("disks.sh", f"lasting_name '{tmp_path}/disk' '{tmp_path}/by-id'")

    assert named.strip() == f"{tmp_path}/by-id/nvme-Samsung_SSD_990_S7KH"


def test_a_disk_without_such_a_name_keeps_its_own(tmp_path):
    assert call("disks.sh", f"lasting_name /dev/vda '{tmp_path}'") == "/dev/vda\n"


@needs_root
def test_what_lsblk_says_here_is_understood(disks, tmp_path):
    disk = disks("disk", 64)
    run("mkfs.ext4", "-q", disk.path)
    (tmp_path / "mounted").mkdir()
    list_free = "list_block_devices | free_disks JEX_INSTALLER /mnt 'disk loop'"

    before = call("disks.sh", list_free)
    run("mount", disk.path, str(tmp_path / "mounted"))
    mounted = call("disks.sh", list_free)
    run("umount", disk.path)

    assert f"{disk.path}\t{64 << 20}\t" in before
    assert disk.path not in mounted
