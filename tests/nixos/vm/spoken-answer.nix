# From the first boot to a spoken answer: a caller on a second machine plays a question into a room and hears the answer.
{ helpers, ... }:
{
  globalTimeout = 20 * 60;

  nodes.jex.imports = [
    ./common/appliance.nix
    ./common/without-n8n.nix
  ];

  nodes.laptop =
    { pkgs, ... }:
    {
      imports = [ ./common/laptop.nix ];
      environment.systemPackages = [
        (pkgs.writers.writePython3Bin "transcribe" {
          libraries = [ pkgs.python3Packages.wyoming ];
          flakeIgnore = [ "E501" ];
        } (builtins.readFile ./common/transcribe.py))
      ];
      environment.etc."question.wav".source =
        pkgs.callPackage ./common/question.nix { } "What is the capital of France?";
    };

  testScript = helpers + ''
    start_all()
    wait_until_ready(jex)
    laptop.wait_for_unit("multi-user.target")

    with subtest("the caller reaches the page, signalling and Whisper by a tunnel"):
        tunnel(laptop, "jex", 3000, 7880, 10300)

    with subtest("a spoken question is heard and answered"):
        answer = ask(laptop, "--audio", "/etc/question.wav", "--out", "/tmp/answer.wav")
        t.assertEqual(words(answer["heard"]), words(QUESTION))
        t.assertIn("Paris", answer["answer"])

    with subtest("the answer is heard"):
        # No port of media is in the tunnel: what is heard here came over the network.
        t.assertIn("paris", words(laptop.succeed("transcribe /tmp/answer.wav")))

    with subtest("the next question needs no first boot"):
        jex.shutdown()
        jex.start()
        wait_until_ready(jex)
        t.assertIn("Paris", ask(jex, QUESTION)["answer"])
  '';
}
