# The machines there are. `variants` are the images that make sense for each: at most 16 in all, since each is evaluated
# by the tests.
{
  jex-gpu = {
    module = ./jex-gpu;
    variants = [
      "raw-efi"
      "amazon"
      "google-compute"
      "proxmox"
    ];
    deploy = true;
  };
  jex-cpu = {
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
  };
  jex-hybrid = {
    module = ./jex-hybrid;
    variants = [
      "digital-ocean"
      "amazon"
      "qemu-efi"
    ];
    deploy = true;
  };
  jex-airgap = {
    module = ./jex-airgap;
    variants = [ "raw-efi" ];
    deploy = true;
  };
  vm = {
    module = ./vm;
    variants = [ "qemu-efi" ];
  };
}
