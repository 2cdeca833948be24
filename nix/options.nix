# The options that an owner sets, as plain data: `docs/options.py` writes docs/options.md from it.
{ lib, modules }:
let
  inherit
    (lib.nixosSystem {
      modules = modules ++ [ { nixpkgs.hostPlatform = "x86_64-linux"; } ];
    })
    options
    ;

  shown = builtins.filter (option: option.visible == true && !option.internal && !option.readOnly) (
    lib.optionAttrSetToDocList {
      services = { inherit (options.services) jex; };
      inherit (options) jex;
    }
  );

  # Code as it is written in a Nix file, or a sentence where no code would help.
  text = value: {
    inherit (value) text;
    isCode = value._type == "literalExpression";
  };
in
map (option: {
  inherit (option) name type;
  description = option.description.text or option.description;
  # An option without one has to be set.
  default = if option ? default then text option.default else null;
  example = if option ? example then text option.example else null;
}) shown
