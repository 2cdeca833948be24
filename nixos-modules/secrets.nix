# Every secret is made on the first boot, kept over upgrades, and never in the Nix store.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  directory = toString cfg.secrets.directory;
  isElsewhere = !lib.hasPrefix "/var/lib/jex/" directory;
  inherit (lib) mkOption types;
in
{
  options.services.jex.secrets = {
    directory = mkOption {
      type = types.externalPath;
      default = "/var/lib/jex/secrets";
      description = "Folder of the secrets that JEX makes, for root alone. It belongs into a backup.";
      example = "/persist/jex/secrets";
    };
    names = mkOption {
      type = types.attrsOf types.ints.positive;
      default = { };
      internal = true;
      description = "Files that the units need, and how many random letters and digits each holds.";
    };
    livekit = mkOption {
      type = types.listOf types.str;
      readOnly = true;
      internal = true;
      default =
        let
          own = name: "${cfg.secrets.directory}/${name}";
          isOwn = cfg.livekit.mode == "own";
        in
        [
          "livekit-api-key:${if isOwn then own "livekit-api-key" else toString cfg.livekit.apiKeyFile}"
          "livekit-api-secret:${
            if isOwn then own "livekit-api-secret" else toString cfg.livekit.apiSecretFile
          }"
        ];
      description = "LiveKit's key pair, as `LoadCredential` has it.";
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.tmpfiles.rules = lib.optional isElsewhere "d ${directory} 0700 root root";
    systemd.services.jex-secrets = {
      description = "Secrets of JEX, made on the first boot";
      wantedBy = [ "multi-user.target" ];
      before = [ "multi-user.target" ];
      path = [ pkgs.coreutils ];
      after = [ "systemd-tmpfiles-resetup.service" ];
      environment.DIRECTORY = directory;
      script = ''
        umask 077
        mkdir -p "$DIRECTORY"
        make() {
          [ -s "$DIRECTORY/$1" ] && return
          # A half-written secret must not survive a power cut.
          head -c 4096 /dev/urandom | tr -dc A-Za-z0-9 | head -c "$2" >"$DIRECTORY/.$1"
          sync "$DIRECTORY/.$1"
          mv "$DIRECTORY/.$1" "$DIRECTORY/$1"
        }
        ${lib.concatStrings (
          lib.mapAttrsToList (name: length: "make ${name} ${toString length}\n") cfg.secrets.names
        )}
        sync "$DIRECTORY"
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ProtectSystem = "strict";
        StateDirectory = "jex";
        StateDirectoryMode = "0700";
        ReadWritePaths = lib.optional isElsewhere directory;
        PrivateNetwork = true;
        ProtectHome = true;
      };
    };
  };
}
