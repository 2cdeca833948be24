# The image that an owner builds boots, grows into its disk and shows the page, with nobody to help.
{
  hosts,
  lib,
  pkgs,
  helpers,
  ...
}:
let
  image =
    (hosts.configurations.jex-cpu.extendModules {
      modules = [
        {
          services.jex.owner.sshKeys = [ (import ./common/owner-key.nix pkgs).public ];
          # A door for the test, into the image alone.
          image.modules.qemu-efi.imports = [
            (pkgs.path + "/nixos/modules/testing/test-instrumentation.nix")
          ];
        }
      ];
    }).config.system.build.images.qemu-efi;
  firmware = pkgs.OVMF.fd;
in
{
  globalTimeout = 20 * 60;

  nodes = { };

  testScript = helpers + ''
    import os
    import subprocess

    folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), "image")
    os.makedirs(folder)
    disk, variables = f"{folder}/disk.qcow2", f"{folder}/efi-variables.fd"
    backing = "${image}/${image.passthru.filePath}"
    qemu = "${pkgs.qemu_test}/bin"
    subprocess.check_call([f"{qemu}/qemu-img", "create", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk, "32G"])
    subprocess.check_call(["install", "-m", "600", "${firmware.variables}", variables])

    jex = create_machine(
        " ".join(
            [
                f"{qemu}/qemu-kvm -machine accel=kvm:tcg -cpu max -smp 4 -m 4096",
                "-drive if=pflash,format=raw,unit=0,readonly=on,file=${firmware.firmware}",
                f"-drive if=pflash,format=raw,unit=1,file={variables}",
                f"-drive if=virtio,file={disk}",
                # A network without anything beyond it.
                "-nic user,model=virtio,restrict=on",
            ]
        ),
        name="jex",
    )

    with subtest("it boots by systemd-boot into the machine that was asked for"):
        wait_until_ready(jex)
        jex.succeed("bootctl is-installed")
        t.assertEqual(jex.succeed("hostname").strip(), "jex-cpu")

    with subtest("it takes the whole disk"):
        size = int(jex.succeed("df --block-size=1G --output=size / | tail -n 1"))
        t.assertGreater(size, 25)

    with subtest("the page has HTTPS by an authority that the owner can get"):
        here = "--silent --show-error --resolve jex.local:80:127.0.0.1 --resolve jex.local:443:127.0.0.1"
        jex.wait_until_succeeds(f"curl {here} --fail --output /tmp/ca.crt http://jex.local/ca.crt", timeout=60)
        trusting = f"curl {here} --fail --cacert /tmp/ca.crt"
        t.assertIn("<html", jex.succeed(f"{trusting} https://jex.local/"))
        jex.fail(f"curl {here} --output /dev/null https://jex.local/")

    with subtest("the console shows what pairs a browser, and that lets it in"):
        jex.wait_until_tty_matches("1", "JEX: https://jex.local", timeout=60)
        address = jex.succeed("cat /run/jex-web/pairing-address").strip()
        jex.wait_until_succeeds(f"grep -F {shlex.quote(address)} /run/issue.d/jex.issue", timeout=60)
        jex.fail(f"{trusting} https://jex.local/api/info")
        code = json.dumps({"code": address.partition("#")[2]})
        pair = f"{trusting} --cookie-jar /tmp/cookies --json {shlex.quote(code)} https://jex.local/api/pair"
        jex.succeed(pair)
        jex.fail(pair)
        jex.succeed(f"{trusting} --cookie /tmp/cookies https://jex.local/api/info")

    with subtest("what runs, runs well"):
        jex.wait_for_unit("n8n.service")
        jex.wait_until_succeeds("curl --silent --fail http://127.0.0.1:5678/healthz/readiness", timeout=300)

    with subtest("it ends when it is told to"):
        jex.shutdown()
  '';
}
