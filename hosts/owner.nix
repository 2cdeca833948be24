# Whose machines these are. Your public SSH key belongs here: `cat ~/.ssh/id_ed25519.pub`.
{
  services.jex.owner.sshKeys = [ ];
}
