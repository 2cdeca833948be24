# n8n is unfree: no cache has it, and compiling it takes longer than everything else. Tests that it has no part in go
# without.
{ lib, ... }:
{
  services.n8n.enable = lib.mkForce false;
  systemd.services.n8n.enable = false;
  systemd.services.n8n-task-runner.enable = false;
}
