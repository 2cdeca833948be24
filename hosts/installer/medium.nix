# What the medium carries, as the installer reads it: a folder with medium.json. What that names comes along.
{
  config,
  lib,
  pkgs,
  jexHosts,
}:
let
  cfg = config.jex.installer;
  encryptions = [
    "none"
    "passphrase"
    "tpm2"
  ];
  configured = name: module: jexHosts.configurations.${name}.extendModules { modules = [ module ]; };

  # The disk is known by a name that the installer makes, so the same script serves every disk.
  layout =
    luks:
    (configured "jex-airgap" {
      jex.disk = {
        inherit luks;
        device = "/dev/jex-target";
      };
    }).config.system.build.destroyFormatMount;

  system =
    name: luks:
    (configured name {
      imports = [ ./carried.nix ];
      jex.disk.luks = luks;
    }).config.system.build.toplevel;

  tier =
    name: host:
    host.install
    // lib.optionalAttrs (builtins.elem name cfg.tiers) rec {
      systems = lib.genAttrs encryptions (system name);
      sizes = lib.mapAttrs (
        _: system: "${pkgs.closureInfo { rootPaths = [ system ]; }}/total-nar-size"
      ) systems;
    };
  facts = {
    version = config.system.nixos.label;
    label = cfg.volumeLabel;
    inherit (config.services.jex) hostName;
    owner = config.services.jex.owner.name;
    tiers = lib.mapAttrs tier jexHosts.tiers;
    layouts = lib.genAttrs encryptions (luks: lib.getExe (layout luks));
    template = "${../../templates/default}";
    source = "${jexHosts.source}";
    # The new configuration is evaluated from these, without fetching them.
    inherit (jexHosts) inputs;
  };
in
pkgs.writeTextDir "medium.json" (builtins.toJSON facts) // { inherit facts; }
