# One disk: /boot with room for the kernels of ten generations, the rest for everything. Images bring a layout of their own.
{
  disko.devices.disk.main = {
    type = "disk";
    device = "/dev/disk/by-id/set-by-the-installer";
    content = {
      type = "gpt";
      partitions = {
        ESP = {
          size = "1G";
          type = "EF00";
          content = {
            type = "filesystem";
            format = "vfat";
            mountpoint = "/boot";
            mountOptions = [ "umask=0077" ];
          };
        };
        root = {
          size = "100%";
          content = {
            type = "filesystem";
            format = "ext4";
            mountpoint = "/";
          };
        };
      };
    };
  };
}
