# A question as somebody says it: a function from its words to a WAV file.
{
  callPackage,
  piper-tts,
  runCommand,
  sox,
}:
let
  voice = "en_US-joe-medium";
  voices = (callPackage ../../../../nix/models { }).voices.${voice};
  # As on the appliance: without what voices are trained with.
  piper = piper-tts.override {
    withTrain = false;
    withAlignment = false;
  };
in
words:
runCommand "question.wav"
  {
    inherit words;
    nativeBuildInputs = [
      piper
      sox
    ];
  }
  ''
    piper --model ${voices}/${voice}.onnx --length-scale 1.1 --noise-w-scale 0.333 --output-file said.wav <<<"$words"
    # Nobody begins to speak in the moment when the line is there.
    sox said.wav $out pad 0.5 0.5
  ''
