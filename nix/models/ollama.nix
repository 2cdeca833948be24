# A language model as Ollama's folder has it: blobs named by their SHA-256, and a manifest that lists them.
{
  lib,
  fetchurl,
  linkFarm,
  runCommand,
  jq,
  writeText,
}:
let
  # "model", "model:tag", "namespace/model:tag" or "host/namespace/model:tag", as Ollama reads it.
  parse =
    name:
    let
      parts = builtins.match "(([^/]+)/)?(([^/]+)/)?([^/:]+)(:([^/:]+))?" name;
      part =
        index: default:
        let
          found = builtins.elemAt parts index;
        in
        if found == null then default else found;
      hasHost = part 3 null != null;
    in
    if parts == null then
      throw "services.jex.models.ollama: \"${name}\" is no name of a model."
    else
      {
        host = if hasHost then part 1 null else "registry.ollama.ai";
        namespace = if hasHost then part 3 null else part 1 "library";
        model = part 4 null;
        tag = part 6 "latest";
      };

  manifestPath =
    name:
    let
      inherit (parse name)
        host
        namespace
        model
        tag
        ;
    in
    "manifests/${host}/${namespace}/${model}/${tag}";

  fileOf = builtins.replaceStrings [ ":" ] [ "-" ];

  layersOf =
    manifest:
    let
      read = builtins.fromJSON (builtins.readFile manifest);
    in
    [ read.config ] ++ read.layers;
in
{
  # Bytes of everything that the manifest lists.
  sizeOf = manifest: lib.foldl' (sum: layer: sum + layer.size) 0 (layersOf manifest);

  # From the registry, each blob by its digest.
  fromManifest =
    name: manifest:
    let
      inherit (parse name) host namespace model;
      blob = digest: {
        name = "blobs/${fileOf digest}";
        path = fetchurl {
          name = fileOf digest;
          url = "https://${host}/v2/${namespace}/${model}/blobs/${digest}";
          sha256 = lib.removePrefix "sha256:" digest;
        };
      };
    in
    linkFarm "ollama-${model}" (
      [
        {
          name = manifestPath name;
          path = "${manifest}";
        }
      ]
      ++ map blob (lib.unique (map (layer: layer.digest) (layersOf manifest)))
    );

  # From a file, with what goes between the turns of a conversation, and Ollama's parameters.
  fromGguf =
    name:
    {
      gguf,
      template,
      parameters ? { },
    }:
    runCommand "ollama-${(parse name).model}" { nativeBuildInputs = [ jq ]; } ''
      source ${./from-gguf.sh} $out ${manifestPath name} ${gguf} ${template} \
        ${writeText "parameters.json" (builtins.toJSON parameters)}
    '';
}
