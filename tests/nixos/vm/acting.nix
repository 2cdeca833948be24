# What is asked for is done by workflows that JEX itself brought into n8n, remembered, and forgotten when that is wanted.
{ helpers, ... }:
{
  globalTimeout = 30 * 60;

  nodes.jex =
    { lib, pkgs, ... }:
    let
      # Its second half is beside the first.
      model = pkgs.runCommand "scripted-model" { } ''
        mkdir $out
        cp ${../../acting/model.py} $out/model.py
        cp ${./common/scripted_model.py} $out/scripted_model.py
      '';
    in
    {
      imports = [
        ./common/appliance.nix
        ./common/without-speech.nix
      ];
      services.jex = {
        llm = {
          provider = "openai-compatible";
          url = "http://127.0.0.1:8000/v1";
          model = lib.mkForce "scripted";
        };
        tts.provider = "espeak-ng";
        tools.policy = {
          add_to_list = "allow";
          take_note = "never";
        };
      };
      systemd.services.scripted-model = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig.ExecStart = "${lib.getExe pkgs.python3} ${model}/scripted_model.py";
      };
    };

  testScript = helpers + ''
    jex.start()
    jex.wait_until_succeeds("jex n8n status | grep --quiet 'What can you do.* imported'", timeout=900)

    with subtest("n8n has an owner, and no page to become one"):
        settings = json.loads(jex.succeed("curl --silent --fail http://127.0.0.1:5678/rest/settings"))
        t.assertFalse(settings["data"]["userManagement"]["showSetupOnFirstLoad"])
        t.assertIn("owner@jex.local", jex.succeed("jex n8n open"))

    with subtest("what the owner allows is done, and what is forbidden is not"):
        jex.wait_until_succeeds("curl --silent --fail http://127.0.0.1:7890/tools | grep --quiet add_to_list", timeout=120)
        t.assertIn("done", ask(jex, "Please add milk to my shopping list.")["answer"])
        t.assertIn("milk", ask(jex, "What is on my shopping list?")["answer"])
        t.assertIn("not called", ask(jex, "Take a note.")["answer"])

    with subtest("it is remembered, over a reboot as well"):
        jex.shutdown()
        jex.start()
        jex.wait_for_unit("postgresql.target")
        t.assertIn("milk", jex.succeed("runuser -u owner -- sudo jex history search milk"))
        jex.succeed("jex audit verify")

    with subtest("nobody else reads it"):
        jex.fail("runuser -u owner -- psql --username jex --dbname jex --command 'select 1'")

    with subtest("what is deleted is gone, in n8n as well"):
        jex.succeed("jex history delete --all --yes")
        t.assertNotIn("milk", jex.succeed("jex history list"))
        jex.wait_until_succeeds(
            "test $(runuser -u postgres -- psql -tA jex -c 'select count(*) from executions_due') = 0", timeout=300
        )
        jex.succeed("jex audit verify")
  '';
}
