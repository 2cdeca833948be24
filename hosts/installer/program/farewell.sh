# shellcheck shell=bash
# What to do next.

# farewell_text TIER ADDRESSES
farewell_text() {
    local address name after
    name=$(medium .hostName)
    echo "JEX is installed. Take the medium out and restart: reboot"
    echo
    echo "The first start takes some minutes. Then, on your phone or computer in the same network:"
    echo "  1. Open http://$name/ca and do as it says: browsers give the microphone to trusted pages only."
    echo "  2. Open the pairing address that the machine's console shows; the page is https://$name"
    for address in $2; do echo "     (if your network does not find that name: write \"$address\" into services.jex.tls.addresses, as below)"; done
    echo "  3. Press Talk."
    echo
    echo "To log in:  ssh $(medium .owner)@$name"
    echo "To change something:  edit /etc/nixos/configuration.nix, then sudo nixos-rebuild switch --flake /etc/nixos#jex"
    after=$(of_tier "$1" '.after // ""')
    [[ ! $after ]] || printf '\n%s\n' "$after"
}

# farewell TIER
farewell() {
    echo
    say "$(farewell_text "$1" "$(own_addresses)" | fold --spaces --width 79)"
}
