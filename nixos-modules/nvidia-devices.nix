# What a unit opens to compute on an NVIDIA card, by kind: names of single nodes need not be there yet.
[
  "char-nvidia"
  "char-nvidiactl"
  "char-nvidia-frontend"
  "char-nvidia-uvm"
  "char-nvidia-caps"
]
