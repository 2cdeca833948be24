{ imports = [ ../hardware.nix ]; }
