{ imports = [ ../disk.nix ]; }
