# What a second machine reaches is what was meant to be open, and nothing else.
{ lib, helpers, ... }:
{
  globalTimeout = 20 * 60;

  nodes.jex = {
    imports = [
      ./common/appliance.nix
      ./common/without-n8n.nix
    ];
    # Counts what the firewall let through, whether or not someone listens there: a drop in its chain is final.
    networking.nftables.tables.let-through = {
      family = "inet";
      content = ''
        set tcp_ports { type inet_service; size 65536; flags dynamic; }
        set udp_ports { type inet_service; size 65536; flags dynamic; }
        chain input {
          type filter hook input priority filter + 10;
          iifname "eth1" ct state new meta l4proto tcp add @tcp_ports { tcp dport }
          iifname "eth1" ct state new meta l4proto udp add @udp_ports { udp dport }
        }
      '';
    };
  };

  nodes.laptop =
    { pkgs, ... }:
    {
      imports = [ ./common/laptop.nix ];
      environment.systemPackages = [
        pkgs.nmap
        (pkgs.writers.writePython3Bin "knock-udp" { flakeIgnore = [ "E501" ]; } (
          builtins.readFile ./common/knock_udp.py
        ))
      ];
    };

  testScript =
    { nodes, ... }:
    helpers
    + ''
      ADDRESSES = ["${nodes.jex.networking.primaryIPAddress}", "${nodes.jex.networking.primaryIPv6Address}"]
      # ssh, the page and its CA, media for networks without UDP.
      TCP = {22, 80, 443, 7881}
      # The page by HTTP/3, TURN, the name on the LAN, media.
      UDP = {443, 3478, 5353} | set(range(50000, 51001))


      def let_through(protocol: str) -> set[int]:
          listed = json.loads(jex.succeed(f"nft --json list set inet let-through {protocol}_ports"))
          elements = [item["set"].get("elem", []) for item in listed["nftables"] if "set" in item][0]
          # Those of a dynamic set may come with what else is known of them.
          return {port if isinstance(port, int) else port["elem"]["val"] for port in elements}


      def open_to(address: str) -> set[int]:
          family = "-6" if ":" in address else "-4"
          scan = f"nmap {family} -n -Pn -sS -p- --min-rate 3000 --max-retries 3 -oG - {address}"
          return {int(port) for port in re.findall(r"(\d+)/open/tcp", laptop.succeed(scan))}


      start_all()
      wait_until_ready(jex)
      laptop.wait_for_unit("multi-user.target")

      for address in ADDRESSES:
          with subtest(f"TCP to {address}"):
              t.assertEqual(open_to(address), TCP)

          with subtest(f"UDP to {address}"):
              jex.succeed("nft flush set inet let-through udp_ports")
              # A packet that is lost on the way is sent again.
              for _ in range(5):
                  laptop.succeed(f"knock-udp {address}")
                  if let_through("udp") >= UDP:
                      break
              t.assertEqual(let_through("udp"), UDP)

      with subtest("nothing waits behind the firewall for it to fall"):
          t.assertEqual(let_through("tcp"), TCP)
          listening = jex.succeed("ss -Hltn | awk '{ print $4 }'").split()
          beyond = {int(socket.rpartition(":")[2]) for socket in listening if not socket.startswith(("127.", "[::1]"))}
          t.assertEqual(beyond, TCP)

      with subtest("no password opens the one door for people"):
          said = laptop.fail("ssh -o PubkeyAuthentication=no -o BatchMode=yes jex true 2>&1")
          t.assertIn("Permission denied (publickey)", said)
          laptop.succeed("ssh jex true")
          laptop.fail("ssh -l root jex true")
    '';
}
