# A backup brings a machine back on another one: its secrets, its certificate authority and what n8n knows.
{ helpers, ... }:
let
  keys = pkgs: import (pkgs.path + "/nixos/tests/ssh-keys.nix") pkgs;

  appliance =
    { pkgs, ... }:
    {
      imports = [
        ./common/appliance.nix
        ./common/without-n8n.nix
        ./common/without-speech.nix
      ];
      services.jex.backup = {
        target = "sftp:jex@nas:/srv/jex/backup";
        sshKeyFile = "/var/lib/jex/keys/backup-ssh";
      };
      programs.ssh.knownHosts.nas.publicKey = (keys pkgs).snakeOilPublicKey;
      # What the owner puts there by hand.
      systemd.tmpfiles.rules = [
        "d /var/lib/jex 0700 root root"
        "d /var/lib/jex/keys 0700 root root"
        "C /var/lib/jex/keys/backup-ssh 0600 root root - ${(keys pkgs).snakeOilEd25519PrivateKey}"
      ];
    };
in
{
  globalTimeout = 20 * 60;

  nodes.old = appliance;
  nodes.new = appliance;

  nodes.nas =
    { pkgs, ... }:
    {
      services.openssh = {
        enable = true;
        hostKeys = [
          {
            type = "ecdsa";
            path = "/etc/ssh/host-key";
          }
        ];
      };
      environment.etc."ssh/host-key" = {
        source = (keys pkgs).snakeOilPrivateKey;
        mode = "0600";
      };
      users.groups.jex = { };
      users.users.jex = {
        isSystemUser = true;
        group = "jex";
        home = "/srv/jex";
        createHome = true;
        useDefaultShell = true;
        openssh.authorizedKeys.keys = [ (keys pkgs).snakeOilEd25519PublicKey ];
      };
    };

  testScript = helpers + ''
    AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"


    def kept(machine: QemuMachine) -> dict:
        """What cannot be made again."""
        machine.wait_for_file(AUTHORITY)
        return {
            "secrets": secrets(machine),
            "authority": machine.succeed(f"cat {AUTHORITY}"),
            "agent": machine.succeed("cat /var/lib/private/jex-agent/* 2>/dev/null || true"),
        }


    start_all()
    for machine in [old, new]:
        wait_until_ready(machine)
    nas.wait_for_unit("sshd.service")

    with subtest("a backup is made"):
        query(old, "create table kept as select 'hello' as said")
        query(old, "alter table kept owner to n8n")
        old.require_unit_state("jex-backup.timer")
        old.succeed("systemctl start jex-backup.service")
        password = old.succeed("jex-backup password 2>/dev/null").strip()
        t.assertIn("old", old.succeed("jex-backup list"))
        old.succeed("jex-backup check")

    with subtest("nobody reads it without the password"):
        for name, secret in secrets(old).items():
            found = nas.execute(f"grep --recursive --text --fixed-strings -l {secret} /srv/jex/backup")
            t.assertEqual(found, (1, ""), name)

    with subtest("a wrong password changes nothing"):
        before = kept(new)
        t.assertNotEqual(before["secrets"], secrets(old))
        new.succeed("echo wrong >/root/password")
        new.fail("jex-restore --yes --password-file /root/password")
        t.assertEqual(kept(new), before)
        wait_until_ready(new)

    with subtest("a fresh machine becomes the old one"):
        backed_up = kept(old)
        # There is one of it on the network.
        old.shutdown()
        new.succeed(f"echo {password} >/root/password")
        new.succeed("jex-restore --yes --password-file /root/password >&2")
        wait_until_ready(new)
        t.assertEqual(kept(new), backed_up)
        t.assertEqual(query(new, "select said from kept"), "hello")
        t.assertEqual(query(new, "select tableowner from pg_tables where tablename = 'kept'"), "n8n")

    with subtest("and stays so"):
        new.shutdown()
        new.start()
        wait_until_ready(new)
        t.assertEqual(kept(new), backed_up)
        t.assertEqual(new.succeed("systemctl list-units --failed --no-legend").strip(), "")
  '';
}
