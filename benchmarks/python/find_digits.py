"""A whole process: reads the digits, finds a learning rate by Lightning, prints it. python find_digits.py FILE"""

import sys

import lightning
import pandas
import torch
from lightning.pytorch.tuner import Tuner
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Digits(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.lr = 1e-3
        self.network = nn.Sequential(
            nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
        )

    def training_step(self, batch, _):
        inputs, targets = batch
        return nn.functional.cross_entropy(self.network(inputs), targets)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


table = pandas.read_csv(sys.argv[1])
targets = torch.tensor(table.pop("target").to_numpy())
inputs = torch.tensor(table.to_numpy(), dtype=torch.float32)
inputs = (inputs - inputs.mean(0)) / inputs.std(0).clamp_min(1e-12)
loader = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=True)
trainer = lightning.Trainer(
    accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False
)
found = Tuner(trainer).lr_find(
    Digits(), loader, min_lr=1e-8, max_lr=1, num_training=100, early_stop_threshold=None, update_attr=False
)
print(found.suggestion())
