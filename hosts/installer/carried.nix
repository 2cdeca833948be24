# A system that the medium carries, the same for every owner: the owner's key lies on the machine, not in it. With what
# `nixos-rebuild` needs there to take the owner's configuration over without a network.
{
  lib,
  pkgs,
  jexHosts,
  ...
}:
{
  networking.hostName = lib.mkForce "jex";
  services.jex.owner = {
    sshKeys = lib.mkForce [ ];
    keysRequired = false;
  };
  # As nixpkgs' own test of an installation without a network has it.
  system.extraDependencies = jexHosts.inputs ++ [
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
