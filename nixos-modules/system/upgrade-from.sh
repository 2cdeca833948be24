# shellcheck shell=bash
# jex-upgrade-from FOLDER: the system that lies in a folder, such as one on a USB stick, becomes that of this machine.
#
# Elsewhere, where there is a network, the folder is made so:
#
#   nix build .#nixosConfigurations.jex-airgap.config.system.build.toplevel
#   nix copy --to file:///media/usb/jex ./result
#   readlink --canonicalize result >/media/usb/jex/system

refuse() {
    printf '%s\n' "$*" >&2
    exit 1
}

((EUID == 0)) || refuse "Only root may do this: sudo jex-upgrade-from $*"
(($# == 1)) || refuse "jex-upgrade-from FOLDER"
folder=$(realpath "$1")
[[ -e $folder/nix-cache-info && -s $folder/system ]] ||
    refuse "$folder holds no system. Is it mounted? It is made by \`nix copy --to file://FOLDER\` and has a file \`system\`."

system=$(<"$folder/system")
[[ $system =~ ^/nix/store/[0-9a-z]{32}-nixos-system-[^/]+$ ]] ||
    refuse "$folder/system has to name a system in the Nix store, not '$system'."
[[ $system == *-nixos-system-"$(uname -n)"-* ]] ||
    refuse "$system was built for another machine than $(uname -n). Build the configuration of this one."

# Nobody signs it: who puts a stick into this machine and is root decides.
nix --extra-experimental-features nix-command copy --no-check-sigs --from "file://$folder" "$system"
profile=/nix/var/nix/profiles/system
nix-env --profile $profile --set "$system"
if ! "$system/bin/switch-to-configuration" switch; then
    nix-env --profile $profile --rollback
    # Also where it was running already, and stands in the boot menu.
    NIXOS_NO_CHECK=1 $profile/bin/switch-to-configuration switch || true
    refuse "The new system did not start as it should, so it is the old one again. What went wrong stands above."
fi
echo "Done. sudo nixos-rebuild --rollback switch goes back."
