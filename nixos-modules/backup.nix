# One encrypted archive of what cannot be made again, at a place that the owner names, and back from there on any machine.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (cfg) backup;
  inherit (lib) mkOption types;
  state = "/var/lib/jex-backup";

  # "s3:https://host/…", "rest:https://host/…": a name and the usual port, which is what the proxy lets out.
  https =
    if backup.target == null then
      null
    else
      builtins.match "[a-z0-9]+:https://([^/:@]+@)?([^/:@]*[a-z][^/:@]*)(:443)?(/.*)?" backup.target;
  host = if https == null then null else builtins.elemAt https 1;
  bySsh = backup.target != null && lib.hasPrefix "sftp:" backup.target;

  environment = {
    JEX_STATE = state;
    JEX_CREDENTIALS = if backup.environmentFile == null then "" else toString backup.environmentFile;
    JEX_SSH_KEY = if backup.sshKeyFile == null then "" else toString backup.sshKeyFile;
  }
  // lib.optionalAttrs (backup.target != null) { RESTIC_REPOSITORY = backup.target; }
  // lib.optionalAttrs (host != null) cfg.egress.environment.jex-backup;

  script =
    name: runtimeEnv: parts:
    pkgs.writeShellApplication {
      inherit name runtimeEnv;
      runtimeInputs = [
        pkgs.coreutils
        pkgs.findutils
        pkgs.gawk
        pkgs.restic
        pkgs.util-linux
        config.systemd.package
        config.programs.ssh.package
        config.services.postgresql.package
      ];
      text = "umask 077\n" + lib.concatMapStrings builtins.readFile parts;
    };

  save =
    script "jex-backup"
      (
        environment
        // {
          RESTIC_PASSWORD_FILE = "${cfg.secrets.directory}/backup-password";
          JEX_PATHS = "${pkgs.writeText "jex-backup-paths" (lib.concatLines (lib.unique backup.paths))}";
          JEX_SETTINGS = "${cfg.settingsFile}";
          JEX_KEEP = "--keep-daily ${toString backup.keep.daily} --keep-weekly ${toString backup.keep.weekly} --keep-monthly ${toString backup.keep.monthly}";
        }
      )
      [
        ./backup/dump.sh
        ./backup/repository.sh
        ./backup/save.sh
      ];

  # Whatever reads what a restore replaces, and what would start it meanwhile.
  units =
    lib.optional (config.systemd.sockets ? jex-web) "jex-web.socket"
    ++ map (name: "${name}.service") (
      builtins.filter (name: config.systemd.services ? ${name}) [
        "jex-web"
        "jex-agent"
        "jex-supervisor"
        "n8n"
        "n8n-task-runner"
        "livekit"
        "redis-livekit"
        "caddy"
      ]
    );
  # Written for another machine's disks, perhaps: it does not replace what is there.
  configuration = "/etc/nixos";
  restore =
    script "jex-restore"
      (
        environment
        // {
          JEX_UNITS = lib.concatStringsSep " " units;
          JEX_ASIDE = configuration;
        }
      )
      [
        ./backup/dump.sh
        ./backup/repository.sh
        ./backup/restore.sh
      ];

  beforeSwitch =
    script "jex-dump-before-switch"
      {
        JEX_STATE = state;
        JEX_KEPT = "5";
      }
      [
        ./backup/dump.sh
        ./backup/before-switch.sh
      ];

  count =
    default: what:
    mkOption {
      type = types.ints.unsigned;
      inherit default;
      description = "How many ${what} snapshots stay.";
      example = 3;
    };
in
{
  options.services.jex.backup = {
    target = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = ''
        Where backups go, as a restic repository: a folder on another disk, `sftp:user@host:/folder`,
        `s3:https://host/bucket`, `rest:https://host/`. Absent: no backup.
      '';
      example = "/mnt/usb/jex";
    };
    environmentFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      description = "File on the machine with what the target wants to know, a `NAME=VALUE` a line, readable by root alone.";
      example = "/var/lib/jex/keys/backup";
    };
    sshKeyFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      description = "File on the machine with the private key for a target by sftp. Its server's key belongs into `programs.ssh.knownHosts`.";
      example = "/var/lib/jex/keys/backup-ssh";
    };
    schedule = mkOption {
      type = types.str;
      default = "03:30";
      description = "When, as systemd's `OnCalendar` has it. A machine that was off then does it when it is on again.";
      example = "Sun 04:00";
    };
    keep = {
      daily = count 7 "daily";
      weekly = count 5 "weekly";
      monthly = count 12 "monthly";
    };
    paths = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Files and folders that belong into the backup, besides what JEX adds: its own, n8n's and Caddy's state and /etc/nixos. Databases are always in it.";
      example = [ "/var/lib/my-notes" ];
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        environment.systemPackages = [ restore ];
        systemd.tmpfiles.rules = [ "d ${state} 0711 root root" ];

        system.preSwitchChecks.jex-databases = lib.getExe beforeSwitch;

        services.jex.backup.paths = [
          "/var/lib/jex"
          (toString cfg.secrets.directory)
          "/var/lib/private/jex-agent"
          "/var/lib/private/jex-supervisor"
          "/var/lib/private/jex-web"
          # n8n's own key lies there as well, and files of workflows.
          "/var/lib/private/n8n"
          # The CA that the owner's devices trust.
          config.services.caddy.dataDir
          configuration
        ];
      }
      (lib.mkIf (backup.target != null) {
        services.jex.secrets.names.backup-password = 43;
        services.jex.egress = {
          # There is no proxy for ssh.
          confined = lib.optional (!bySsh) "jex-backup";
          routes.jex-backup = {
            port = 8888;
            hosts = lib.optional (host != null) host;
          };
        };

        environment.systemPackages = [ save ];
        environment.loginShellInit = ''
          [ -e ${state}/password-kept ] || echo "Backups of this machine can be read with their password alone. Keep it elsewhere: sudo jex-backup password"
        '';

        systemd.services.jex-backup = {
          description = "Backup of what JEX cannot make again";
          requires = [ "jex-secrets.service" ];
          after = [
            "jex-secrets.service"
            "postgresql.target"
            "network-online.target"
          ];
          wants = [
            "postgresql.target"
            "network-online.target"
          ];
          unitConfig = lib.optionalAttrs (lib.hasPrefix "/" backup.target) {
            RequiresMountsFor = backup.target;
          };
          serviceConfig = {
            Type = "oneshot";
            ExecStart = "${lib.getExe save} now";
            StateDirectory = "jex-backup";
            StateDirectoryMode = "0711";
            Nice = 10;
            IOSchedulingClass = "idle";
            ProtectSystem = "full";
            ProtectHome = true;
            PrivateTmp = true;
            PrivateDevices = true;
            ProtectKernelModules = true;
            ProtectKernelTunables = true;
            ProtectControlGroups = true;
            RestrictAddressFamilies = [
              "AF_UNIX"
              "AF_INET"
              "AF_INET6"
            ];
          }
          # By ssh, a machine with an air gap goes no further than the local network.
          // lib.optionalAttrs (bySsh && cfg.airGapped) {
            IPAddressDeny = "any";
            IPAddressAllow = [
              "localhost"
              "link-local"
              "10.0.0.0/8"
              "172.16.0.0/12"
              "192.168.0.0/16"
              "fc00::/7"
            ];
          };
        };
        systemd.timers.jex-backup = {
          description = "When the backup is made";
          wantedBy = [ "timers.target" ];
          timerConfig = {
            OnCalendar = backup.schedule;
            Persistent = true;
            RandomizedDelaySec = "15min";
          };
        };
      })
      {
        assertions = [
          {
            assertion = cfg.airGapped -> host == null;
            message = "services.jex.airGapped cannot reach services.jex.backup.target, ${toString backup.target}. Name a folder on another disk, or sftp to a machine of the local network.";
          }
          {
            assertion = bySsh -> backup.sshKeyFile != null;
            message = "services.jex.backup.target is reached by ssh, but services.jex.backup.sshKeyFile is not set. Make a key (`ssh-keygen -t ed25519 -N '' -f /var/lib/jex/keys/backup-ssh`), let it in there, and name the file.";
          }
          {
            assertion = backup.target == null || lib.hasPrefix "/" backup.target || bySsh || host != null;
            message = "services.jex.backup.target, ${toString backup.target}, is no folder, no sftp, and no https to a name on port 443: the machine would not reach it. Write \"/mnt/usb/jex\", \"sftp:user@host:/folder\", \"s3:https://host/bucket\" or \"rest:https://host/\"; a machine of your own network is reached by sftp.";
          }
        ];
      }
    ]
  );
}
