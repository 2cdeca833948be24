# JEX as an owner has it, with models that a virtual machine can carry.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  models = pkgs.callPackage ./models.nix { };
  ollama = lib.getExe config.services.ollama.package;
in
{
  services.jex = {
    enable = true;
    owner.sshKeys = [ (import ./owner-key.nix pkgs).public ];
    llm.model = "jex-demo";
    speech.whisperModel = "${models.whisper}";
    speech.voice = models.voice;
    # Each machine has a second network, which the others cannot reach.
    livekit.nodeIp = config.networking.primaryIPAddress;
  };
  services.wyoming.piper.servers.jex.extraArgs = [
    "--data-dir"
    "${models.voices}"
  ];

  # There is nobody to pull it from.
  systemd.services.test-model = {
    description = "The language model of the test";
    wantedBy = [ "multi-user.target" ];
    after = [ "ollama.service" ];
    requires = [ "ollama.service" ];
    environment.HOME = "/root";
    script = ''
      ${lib.getExe pkgs.curl} --silent --fail --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:11434/api/version
      ${ollama} create jex-demo --file ${models.modelfile}
    '';
    serviceConfig.Type = "oneshot";
    serviceConfig.RemainAfterExit = true;
  };

  virtualisation = {
    cores = 4;
    memorySize = 4096;
    diskSize = 8192;
  };
}
