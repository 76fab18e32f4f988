"""Writes classifier.pt, a TorchScript module for the tests: python3 generate.py (needs PyTorch 2.10)."""

import zipfile

import torch
from torch import nn


class Classifier(nn.Module):
    """Branches, batch norm, dropout, a buffer and a counter that forward replaces.

    And gates, which PyTorch's executor fuses once it has seen them run: the last bits of the gradients then differ.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.2)
        self.last = nn.Linear(8, 3)
        self.frozen_norm = nn.BatchNorm1d(3)
        self.register_buffer("scale", torch.ones(1))
        self.calls: int = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.training:
            self.scale = self.scale * 1.01
        gated = torch.tanh(self.norm(self.first(x))) * torch.sigmoid(self.first(x))
        hidden = self.dropout(gated)
        if hidden.sum() > 20:
            hidden = hidden * 0.5
        return self.frozen_norm(self.last(hidden)) * self.scale


torch.manual_seed(1)
module = torch.jit.script(Classifier().double())
module.frozen_norm.eval()
module.save("classifier.pt")
# Without what is for debugging alone, which has the paths of this machine in it.
with zipfile.ZipFile("classifier.pt") as file:
    entries = [(entry, file.read(entry)) for entry in file.namelist() if not entry.endswith(".debug_pkl")]
with zipfile.ZipFile("classifier.pt", "w") as file:
    for entry, content in entries:
        file.writestr(zipfile.ZipInfo(entry), content)
