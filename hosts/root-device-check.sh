#!/usr/bin/env bash
# Refuses a switch to a configuration whose root is not what this machine runs from: its next start would find no disk.
#
#   root-device-check.sh DECLARED

set -euo pipefail

declared=$1
running=$(findmnt --noheadings --nofsroot --output SOURCE --target /)

if [[ -e $declared && $(realpath "$declared") == "$(realpath "$running")" ]]; then exit 0; fi

cat >&2 <<MESSAGE
This machine runs from $running, but the new configuration expects its root at $declared.
It is for a machine that JEX's installer or nixos-anywhere partitioned. For a NixOS that is there already, start from the
template, which keeps your own hardware-configuration.nix:
    nix flake init -t THE-ADDRESS-OF-JEX
MESSAGE
exit 1
