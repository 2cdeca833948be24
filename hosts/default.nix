# The machines there are. Each is a folder with what it chooses, on a disk and on hardware; one that needs others than the
# common ones has them in its folder. `variants` are the images that make sense for it: at most 16 in all, since each is
# evaluated by the tests. `install` is what the installer says of it before anything is done.
let
  pc = {
    disk = ./disk.nix;
    hardware = ./hardware.nix;
  };
  whileCompiled = "one to two hours: n8n is in no cache and is compiled here";
in
{
  jex-gpu = pc // {
    module = ./jex-gpu;
    variants = [
      "raw-efi"
      "amazon"
      "google-compute"
      "proxmox"
    ];
    deploy = true;
    install = {
      title = "Everything here, on an NVIDIA card (16 GB or more)";
      memoryGiB = 30;
      diskGiB = 80;
      downloadGiB = 14;
      time = whileCompiled;
      nvidia = true;
    };
  };
  jex-cpu = pc // {
    module = ./jex-cpu;
    variants = [
      "qemu-efi"
      "raw-efi"
      "amazon"
      "proxmox"
      "hyperv"
      "vmware"
    ];
    deploy = true;
    install = {
      title = "Everything here, on the processor";
      memoryGiB = 15;
      diskGiB = 50;
      downloadGiB = 6;
      time = whileCompiled;
    };
  };
  jex-hybrid = pc // {
    module = ./jex-hybrid;
    variants = [
      "digital-ocean"
      "amazon"
      "qemu-efi"
    ];
    deploy = true;
    install = {
      title = "Listens and speaks here, thinks at a server elsewhere";
      memoryGiB = 7;
      diskGiB = 40;
      downloadGiB = 4;
      time = whileCompiled;
      after = "Before it can think, it needs the key of the server that does: sudo install -D -m 600 KEYFILE /var/lib/jex/keys/llm";
    };
  };
  jex-airgap = pc // {
    module = ./jex-airgap;
    variants = [ "raw-efi" ];
    deploy = true;
    install = {
      title = "Everything here, and never any Internet";
      memoryGiB = 15;
      diskGiB = 50;
      downloadGiB = 0;
      time = "ten to twenty minutes: everything is on this medium";
    };
  };
  vm = {
    module = ./vm;
    hardware = ./vm/hardware.nix;
    variants = [ ];
  };
  installer = {
    module = ./installer;
    hardware = ./installer/hardware.nix;
    variants = [
      "iso"
      "kexec"
    ];
  };
}
