# The units that our modules have a say in, as systemd gets them, and the derivations that they refer to.
{
  lib,
  config,
  options,
}:
let
  modules = toString ../../../nixos-modules;

  # Units of this kind that one of our modules names.
  named =
    kind:
    lib.concatMap (
      definition:
      lib.optionals (lib.hasPrefix modules definition.file) (
        map (name: "${name}.${lib.removeSuffix "s" kind}") (builtins.attrNames definition.value)
      )
    ) options.systemd.${kind}.definitionsWithLocations;

  # Those of services that our modules switch on by options.
  switchedOn = map (name: "${name}.service") [
    "3proxy"
    "caddy"
    "livekit"
    "n8n"
    "n8n-task-runner"
    "ollama"
    "postgresql"
    "postgresql-setup"
    "redis-livekit"
    "wyoming-faster-whisper-jex"
    "wyoming-piper-jex"
  ];

  units = lib.getAttrs (builtins.filter (name: config.systemd.units ? ${name}) (
    lib.unique (
      lib.concatMap named [
        "services"
        "sockets"
        "timers"
        "paths"
        "targets"
      ]
      ++ switchedOn
    )
  )) config.systemd.units;
in
{
  units = lib.mapAttrs (_: unit: builtins.unsafeDiscardStringContext unit.text) units;
  derivations = builtins.filter (lib.hasSuffix ".drv") (
    builtins.attrNames (
      lib.foldl' (all: unit: all // builtins.getContext unit.text) { } (builtins.attrValues units)
    )
  );
  # What counts and refuses packets of the units, as nftables gets it.
  nftables = config.networking.nftables.tables.jex or null;
}
