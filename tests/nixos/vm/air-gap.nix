# With the air gap, nothing is sent but to the local network: from the first packet of the boot, through a conversation.
{ lib, helpers, ... }:
{
  globalTimeout = 30 * 60;

  # Everything there is, n8n included: what calls out by itself does so in here.
  nodes.jex =
    { nodes, ... }:
    {
      imports = [ ./common/appliance.nix ];
      services.jex.airGapped = true;
      # The laptop is the way out and the one who knows names, so that it sees whatever is tried.
      networking = {
        defaultGateway = nodes.laptop.networking.primaryIPAddress;
        defaultGateway6 = nodes.laptop.networking.primaryIPv6Address;
        nameservers = [ nodes.laptop.networking.primaryIPAddress ];
        useDHCP = false;
      };
      # It would look through the store of the machine that runs the test.
      nix.gc.automatic = false;
      virtualisation.memorySize = lib.mkForce 6144;
      # There is no other way, past the laptop.
      virtualisation.qemu.networkingOptions = lib.mkForce [ ];
    };

  nodes.laptop =
    { pkgs, ... }:
    {
      imports = [ ./common/laptop.nix ];
      environment.systemPackages = [ pkgs.tcpdump ];
      environment.etc."question.wav".source =
        pkgs.callPackage ./common/question.nix { } "What is the capital of France?";
    };

  testScript = helpers + ''
    LAN = " or ".join(
        ["arp"]
        + [
            f"dst net {network}"
            for network in [
                "192.168.1.0/24",
                "2001:db8:1::/64",
                # Neighbours: link-local, multicast (the name on the LAN), broadcast.
                "fe80::/10",
                "224.0.0.0/4",
                "ff00::/8",
                "255.255.255.255/32",
            ]
        ]
    )
    # Whoever asks the local network for these wants to know of the world.
    QUESTIONS = "port 53 or port 853 or port 123"


    def captured(what: str) -> str:
        return laptop.succeed(f"tcpdump -nn -r /root/capture 'ether src {mac} and ({what})' 2>/dev/null")


    laptop.wait_for_unit("multi-user.target")
    laptop.succeed("systemd-run --unit=capture tcpdump -i eth1 --immediate-mode -U -Z root -w /root/capture")
    laptop.wait_for_file("/root/capture")

    wait_until_ready(jex)
    jex.succeed("jex status --wait 600")
    mac = jex.succeed("cat /sys/class/net/eth1/address").strip()

    with subtest("it listens, thinks and speaks"):
        tunnel(laptop, "jex", 3000, 7880)
        answer = ask(laptop, "--audio", "/etc/question.wav", "--out", "/tmp/answer.wav")
        t.assertIn("Paris", answer["answer"])

    with subtest("what runs by the clock is as quiet"):
        timers = json.loads(jex.succeed("systemctl list-timers --all --output=json"))
        for timer in timers:
            # Whether it has something to do is its own affair.
            jex.execute(f"systemctl start {timer['activates']}", timeout=120)

    with subtest("nothing was for anyone beyond the local network"):
        t.assertNotEqual(captured("udp portrange 50000-51000"), "")
        t.assertEqual(captured(f"not ({LAN})"), "")
        t.assertEqual(captured(QUESTIONS), "")

    with subtest("it would have been seen"):
        jex.fail("ping -c 1 -W 1 203.0.113.1")
        jex.fail("getent ahosts example.org")
        laptop.wait_until_succeeds(f"tcpdump -nn -r /root/capture 'ether src {mac} and dst host 203.0.113.1' | grep .")
        t.assertNotEqual(captured(QUESTIONS), "")
  '';
}
