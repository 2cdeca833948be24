# NVIDIA's driver, on a machine without a screen.
{ config, lib, ... }:
let
  cfg = config.services.jex;
in
{
  options.services.jex.hardware = {
    acceleration = lib.mkOption {
      type = lib.types.enum [
        "cpu"
        "cuda"
        "rocm"
        "vulkan"
      ];
      default = "cpu";
      description = "What the language model is computed on: the processor, NVIDIA's CUDA, AMD's ROCm, or Vulkan on any card.";
      example = "cuda";
    };
    vramGiB = lib.mkOption {
      type = lib.types.nullOr lib.types.ints.positive;
      default = null;
      description = "Memory of the graphics card. Where it is set, a model that is larger is refused when the system is built.";
      example = 16;
    };
  };

  config = lib.mkIf (cfg.enable && cfg.hardware.acceleration == "cuda") {
    # Installs the driver; no X server comes with it.
    services.xserver.videoDrivers = [ "nvidia" ];
    # Without it there is no libcuda for anyone.
    hardware.graphics.enable = true;
    hardware.nvidia = {
      # For Turing (T4, RTX 20) and newer, which is what CUDA 12.9 of nixpkgs is built for.
      open = lib.mkDefault true;
      nvidiaSettings = false;
      nvidiaPersistenced = true;
    };
    boot.kernelModules = [ "nvidia_uvm" ];

    nix.settings = import ./cuda-cache.nix;
  };
}
