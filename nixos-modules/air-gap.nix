# What `nixos-rebuild` takes on a machine that can fetch nothing: what the owner changes is evaluated and built from what is
# there, in every generation of the system.
{
  config,
  lib,
  pkgs,
  jexInputs,
  ...
}:
let
  cfg = config.services.jex;
in
lib.mkIf (cfg.enable && cfg.airGapped) {
  system.extraDependencies =
    jexInputs
    # What makes the settings file, and what tries the firewall's rules.
    ++ ((pkgs.formats.toml { }).generate "jex.toml" { }).nativeBuildInputs
    ++ [
      pkgs.buildPackages.libredirect
      pkgs.buildPackages.lklWithFirewall.lib
      pkgs.buildPackages.nftables
    ]
    # As nixpkgs' own test of an installation without a network has it.
    ++ [
      pkgs.stdenv
      pkgs.stdenvNoCC
      pkgs.bintools
      pkgs.brotli
      pkgs.brotli.dev
      pkgs.brotli.lib
      pkgs.desktop-file-utils
      pkgs.docbook5
      pkgs.docbook_xsl_ns
      pkgs.kbd.dev
      pkgs.kmod.dev
      pkgs.libarchive.dev
      pkgs.libxml2.bin
      pkgs.libxslt.bin
      pkgs.lndir
      pkgs.makeInitrdNGTool
      pkgs.nixos-rebuild-ng
      pkgs.perlPackages.ConfigIniFiles
      pkgs.perlPackages.FileSlurp
      pkgs.perlPackages.JSON
      pkgs.perlPackages.ListCompare
      pkgs.perlPackages.XMLLibXML
      pkgs.shared-mime-info
      pkgs.shellcheck-minimal
      pkgs.sudo
      pkgs.switch-to-configuration-ng
      pkgs.systemdMinimal.out
      pkgs.texinfo
      pkgs.unionfs-fuse
      pkgs.zstd.bin
      (pkgs.python3.withPackages (python: [ python.mistune ]))
    ];
}
