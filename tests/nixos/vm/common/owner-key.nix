# The key of the owner in the tests. It is known to everyone, and meant to be.
pkgs:
let
  keys = import (pkgs.path + "/nixos/tests/ssh-keys.nix") pkgs;
in
{
  public = keys.snakeOilEd25519PublicKey;
  private = keys.snakeOilEd25519PrivateKey;
}
