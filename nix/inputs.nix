# Everything that evaluating this flake reads.
{ self }:
map (input: input.key) (
  builtins.genericClosure {
    startSet = [
      {
        key = "${self}";
        flake = self;
      }
    ];
    operator =
      { flake, ... }:
      map (flake: {
        key = "${flake}";
        inherit flake;
      }) (builtins.attrValues (flake.inputs or { }));
  }
)
