# Your JEX: what you decide is here. After a change: `sudo nixos-rebuild switch --flake /etc/nixos#jex`.
# hardware-configuration.nix beside this file is your machine's own, as `nixos-generate-config` or the installer writes it.
{ jex, ... }:
{
  # What kind of JEX: jex-gpu, jex-cpu, jex-hybrid or jex-airgap.
  imports = [ jex.nixosModules.jex-cpu ];

  # Your public SSH key, as `cat ~/.ssh/id_ed25519.pub` shows it. It is the only way in: there is no password.
  services.jex.owner.sshKeys = [ ];

  # What the kind decides, you can decide otherwise:
  # services.jex.llm.model = "llama3.1:8b";
  # services.jex.hostName = "jex.local";

  # Where you live, as `timedatectl list-timezones` names it.
  # time.timeZone = "Europe/Berlin";

  networking.hostName = "jex";

  # The version that was installed first. It stays as it is over upgrades.
  system.stateVersion = "26.05";
}
