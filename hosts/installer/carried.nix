# A system that the medium carries, the same for every owner: the owner's key lies on the machine, not in it.
{ lib, ... }:
{
  networking.hostName = lib.mkForce "jex";
  services.jex.owner = {
    sshKeys = lib.mkForce [ ];
    keysRequired = false;
  };
  # Where no later system manages files: whoever goes back to this one still gets in.
  services.openssh.authorizedKeysFiles = [ "/var/lib/jex-owner/%u" ];
  system.preSwitchChecks.jex-owner = lib.mkForce "true";
}
