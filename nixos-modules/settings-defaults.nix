# Settings that units need where the owner sets none, read from JEX's own source: the appliance and `jex up` listen, think
# and speak alike.
{ lib }:
let
  # The one line of a source file that matches, for its first group.
  read =
    file: pattern:
    let
      found = builtins.filter (match: match != null) (
        map (builtins.match pattern) (lib.splitString "\n" (builtins.readFile file))
      );
    in
    if builtins.length found == 1 then
      builtins.head (builtins.head found)
    else
      throw "${toString file} has ${toString (builtins.length found)} lines like ${pattern}, not one: see nixos-modules/settings-defaults.nix.";

  # Every line that matches, for its two groups.
  pairs =
    file: pattern:
    let
      found = builtins.filter (match: match != null) (
        map (builtins.match pattern) (lib.splitString "\n" (builtins.readFile file))
      );
    in
    if builtins.length found < 10 then
      throw "${toString file} has ${toString (builtins.length found)} lines like ${pattern}: see nixos-modules/settings-defaults.nix."
    else
      lib.listToAttrs (
        map (match: lib.nameValuePair (builtins.elemAt match 0) (builtins.elemAt match 1)) found
      );

  number = text: lib.toInt (builtins.replaceStrings [ "_" ] [ "" ] text);
  settings = ../crates/jex-config/src/settings.rs;
in
{
  assistantName = read settings " *name: \"([^\"]+)\"\\.into\\(\\),";
  contextTokens = number (read settings " *context_tokens: ([0-9_]+),");
  coquiPort = number (
    read ../crates/jex-config/src/resolve.rs "pub\\(crate\\) const COQUI_PORT: u16 = ([0-9]+);"
  );
  speedPercent = number (read settings " *speed_percent: ([0-9_]+),");
  # What keeps n8n from calling anybody by itself.
  n8nSilent = pairs ../crates/jex-supervisor/src/components/n8n.rs " *\\(\"(N8N_[A-Z_]+)\", \"(.*)\"\\),";
  # Text, with `{name}`, for the packaged Whisper.
  prompt = read ../crates/jex-config/src/resolve.rs "const STT_PROMPT: &str = \"([^\"]+)\";";
  # How much Piper varies a sound, and its length.
  noise = builtins.fromJSON (
    read ../crates/jex-supervisor/src/components/piper.rs "const NOISE: &str = \"([0-9.]+)\";"
  );
}
