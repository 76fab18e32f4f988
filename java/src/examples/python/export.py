"""Exports a model of PyTorch's and its data for lrfinder: python export.py, with torch and numpy.

Writes model.pt and data.npz to the present folder; trains nothing.
"""

import numpy as np
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1))
        self.head = nn.Linear(8 * 7 * 7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


torch.manual_seed(0)
model = Classifier()

model.train()  # as it is trained: in eval mode dropout is off and batch norm keeps its statistics
torch.jit.script(model).save("model.pt")  # branches and loops are kept, as Python has them
# torch.jit.trace(model, torch.zeros(2, 1, 16, 16)).save("model.pt")  # where script fails: records one path through forward

# Images of stripes in four directions, with noise, in place of your data.
random = np.random.default_rng(0)
classes = random.integers(0, 4, size=512)
row, column = np.mgrid[0:16, 0:16]
stripes = np.stack([np.sin(a * row + b * column) for a, b in [(1, 0), (0, 1), (0.7, 0.7), (0.7, -0.7)]])
images = stripes[classes][:, None] + random.normal(size=(512, 1, 16, 16))
np.savez("data.npz", x=images.astype(np.float32), y=classes)
