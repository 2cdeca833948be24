# Which names may be looked up. A name can carry what was said to whoever answers for it, so only the proxy looks names up,
# only by this resolver, and only those that somebody may reach; any other is answered here.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  port = 8890;
  names = lib.unique (lib.concatLists (lib.attrValues cfg.egress.allowed));

  configuration = pkgs.writeText "jex-resolver.conf" ''
    port=${toString port}
    listen-address=127.0.0.1
    bind-interfaces
    no-hosts
    pid-file
    log-facility=-
    ${lib.concatMapStrings (name: ''
      server=/${name}/#
      local=/*.${name}/
    '') names}
    address=/#/#
  '';
in
lib.mkIf cfg.enable (
  lib.mkMerge [
    {
      # It would ask for anyone. Without it programs ask by themselves, which those that are confined cannot.
      systemd.services.nscd.environment.NSNCD_IGNORE_HOSTS = "true";
    }
    (lib.mkIf (names != [ ]) {
      systemd.services.jex-resolver = {
        description = "Looks up the names that somebody may reach";
        wantedBy = [ "multi-user.target" ];
        before = [ "3proxy.service" ];
        serviceConfig = import ./hardening.nix // {
          ExecStart = "${pkgs.dnsmasq}/bin/dnsmasq --keep-in-foreground --conf-file=${configuration}";
          Restart = "always";
          RestartSec = "1s";
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
            # Which addresses this machine has.
            "AF_NETLINK"
          ];
        };
      };

      systemd.services."3proxy" = {
        wants = [ "jex-resolver.service" ];
        serviceConfig.NFTSet = "cgroup:inet:jex:may_look_up";
      };
      services._3proxy.resolution.nserver = [ "127.0.0.1:${toString port}" ];

      # To whoever else asks the resolver, names could be told in questions for other than addresses.
      networking.nftables.tables.jex.content = lib.mkBefore ''
        set may_look_up { type cgroupsv2; }
        chain names {
          type filter hook output priority filter - 11; policy accept;
          oifname "lo" meta l4proto { tcp, udp } th dport ${toString port} socket cgroupv2 level 2 != @may_look_up reject with icmpx admin-prohibited
        }
      '';
    })
  ]
)
