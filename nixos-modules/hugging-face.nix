# Hugging Face sends what is large on to one of these, as its /.well-known/meta.json says.
[
  "huggingface.co"
  "us.aws.cdn.hf.co"
  "us.gcp.cdn.hf.co"
  "cdn-lfs-us-1.hf.co"
  "cdn-lfs-eu-1.hf.co"
  "cas-bridge.xethub.hf.co"
]
