# shellcheck shell=bash
# The new machine's configuration, at /etc/nixos: the template, filled in. `nixos-rebuild switch` goes on from it.

# nix_string TEXT: as Nix reads it back.
nix_string() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//\$\{/\\\$\{}
    printf '"%s"' "$text"
}

# configuration_for TIER KEYS: from the template's configuration.nix.
configuration_for() {
    local line key
    while IFS= read -r line; do
        case $line in
        '  imports = [ jex.nixosModules.'*)
            echo "  imports = [ jex.nixosModules.$1 ];"
            ;;
        '  services.jex.owner.sshKeys = [ ];')
            echo '  services.jex.owner.sshKeys = ['
            while read -r key; do printf '    %s\n' "$(nix_string "$key")"; done <<<"$2"
            echo '  ];'
            ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
}

# hardware_for DISK LUKS
hardware_for() {
    cat <<NIX
# Written by JEX's installer: the disk as it was partitioned, and a PC with UEFI.
{ jex, ... }:
{
  imports = [
    jex.nixosModules.disk
    jex.nixosModules.pc
  ];
  jex.disk.device = $(nix_string "$1");
  jex.disk.luks = "$2";
}
NIX
}

# write_configuration TIER DISK LUKS KEYS
write_configuration() {
    local folder=$JEX_TARGET/etc/nixos template
    template=$(medium .template)
    say "Writing the configuration to /etc/nixos"
    mkdir -p "$folder"
    cp "$template/flake.nix" "$folder/"
    configuration_for "$1" "$4" <"$template/configuration.nix" >"$folder/configuration.nix"
    hardware_for "$(lasting_name "$2")" "$3" >"$folder/hardware-configuration.nix"
    cp --recursive "$(medium .source)" "$folder/jex"
    chmod -R u+w "$folder"
}
