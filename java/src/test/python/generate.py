"""Writes what ModelsFromPythonTest reads: models as TorchScript, their arrays, and the curves that PyTorch itself computes.

Usage, in this folder, with PyTorch 2.10 and NumPy: python generate.py
Nothing here uses this project's code. README.md beside this script says what each file holds.
"""

import json
import zipfile

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
STEPS, MIN_LR, BATCH = 60, 1e-5, 16


def save(exported, name):
    """Without what is for debugging alone, which has the paths of this machine in it."""
    exported.save(name)
    with zipfile.ZipFile(name) as file:
        entries = [(entry, file.read(entry)) for entry in file.namelist() if not entry.endswith(".debug_pkl")]
    with zipfile.ZipFile(name, "w") as file:
        for entry, content in entries:
            file.writestr(zipfile.ZipInfo(entry), content)


class Mlp(nn.Module):
    """A branch, which torch.jit.script keeps, and one output without a dimension of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 24), nn.Linear(24, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.first(x))
        if hidden.mean() > 0.9:
            hidden = hidden * 0.5
        return self.last(hidden).squeeze(-1)


class Words(nn.Module):
    """Classes of sequences of words."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, 3)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(self.embedding(words))
        return self.head(states[:, -1])


def cnn():
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 4))


def sweep(model, inputs, targets, loss, optimizer, max_lr, autocast):
    """Rates and losses, over batches in the order of the rows, without an early stop."""
    lrs = [MIN_LR * (max_lr / MIN_LR) ** (i / (STEPS - 1)) for i in range(STEPS)]
    per_epoch = len(inputs) // BATCH
    losses = []
    for step, lr in enumerate(lrs):
        at = step % per_epoch * BATCH
        x, y = inputs[at:at + BATCH], targets[at:at + BATCH]
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            value = loss(model(x), y)
        value.backward()
        losses.append(value.item())
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
    return lrs, losses


def write(name, exported, inputs, targets, loss, optimizer, max_lr, options, autocast=False):
    """The file has the weights from before the sweep, which trains the module itself."""
    save(exported, f"{name}.pt")
    lrs, losses = sweep(exported, torch.from_numpy(inputs), torch.from_numpy(targets), loss, optimizer(exported.parameters(), lr=1e-3),
                        max_lr, autocast)
    options = ["--script", f"{name}.pt", *options, "--batch-size", str(BATCH), "--no-shuffle", "--min-lr", str(MIN_LR), "--max-lr", str(max_lr),
               "--steps", str(STEPS)]
    with open(f"{name}.json", "w") as f:
        json.dump({"options": " ".join(options), "lr": lrs, "loss": losses}, f, indent=1)
        f.write("\n")


random = np.random.default_rng(7)

torch.manual_seed(1)
rows = random.normal(size=(96, 8)).astype(np.float32)
heights = (rows @ random.normal(size=8) + 0.1 * random.normal(size=96)).astype(np.float32)
np.savez_compressed("mlp.npz", x=rows, y=heights)
write("mlp-adam", torch.jit.script(Mlp()), rows, heights, nn.functional.mse_loss, torch.optim.Adam, 1.0,
      ["--inputs", "mlp.npz:x", "--targets", "mlp.npz:y", "--optimizer", "adam"])
write("mlp-smooth-l1-adamw", torch.jit.script(Mlp()), rows, heights, nn.functional.smooth_l1_loss,
      lambda p, lr: torch.optim.AdamW(p, lr=lr, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05), 1.0,
      ["--inputs", "mlp.npz:x", "--targets", "mlp.npz:y", "--optimizer", "adamw", "--loss", "smooth_l1", "--betas", "0.8,0.95",
       "--eps", "1e-6", "--weight-decay", "0.05"])

images = random.normal(size=(96, 1, 8, 8)).astype(np.float32)
kinds = random.integers(0, 4, size=96)
images += kinds[:, None, None, None] * np.linspace(-1, 1, 8, dtype=np.float32)
np.save("cnn-x.npy", images)
np.save("cnn-y.npy", kinds.astype(np.int32))
options = ["--inputs", "cnn-x.npy", "--targets", "cnn-y.npy", "--optimizer", "sgd", "--momentum", "0.9", "--weight-decay", "1e-3"]
traced = torch.jit.trace(cnn(), torch.from_numpy(images[:BATCH]))
write("cnn-sgd", traced, images, kinds, nn.functional.cross_entropy,
      lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, weight_decay=1e-3), 0.3, options)
traced = torch.jit.trace(cnn(), torch.from_numpy(images[:BATCH]))
write("cnn-bf16", traced, images, kinds, nn.functional.cross_entropy,
      lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True), 0.1, options[:-2] + ["--nesterov", "--precision", "bf16"], autocast=True)

words = random.integers(0, 20, size=(96, 6))
topics = words.max(axis=1) % 3
np.save("words-x.npy", np.asfortranarray(words.astype(np.int16)))
np.save("words-y.npy", topics.astype(np.uint8))
write("words-rmsprop", torch.jit.script(Words()), words, topics, nn.functional.cross_entropy, torch.optim.RMSprop, 0.05,
      ["--inputs", "words-x.npy", "--targets", "words-y.npy", "--optimizer", "rmsprop"])

# What other than that is read, and what is refused.
numbers = np.arange(6).reshape(2, 3)
types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f2", ">f4", ">f8", ">i2", ">i4", ">i8", ">u4"]
np.savez("types.npz", **{t.replace(">", "big-"): numbers.astype(t) for t in types},
         **{f"columns-{t}": np.asfortranarray(numbers.astype(t)) for t in ["f4", "i8", "?"]},
         cube=np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)))
np.savez("no-numbers.npz", objects=np.array([{}, 1], dtype=object), words=np.array(["a", "b"]), complex=numbers * 1j,
         dates=np.array(["2026-01-01"], dtype="datetime64[D]"), pairs=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]),
         long=numbers.astype(np.longdouble), one=np.float32(1), none=np.zeros((0, 3)))
torch.save(torch.ones(2), "saved.pt")
torch.save(torch.ones(2), "saved-by-protocol-2.pt", _use_new_zipfile_serialization=False)


class Odd(nn.Module):
    def __init__(self, device: str = "cpu"):
        super().__init__()
        self.layer, self.device = nn.Linear(8, 1), device

    def forward(self, x):
        return self.layer(x + torch.zeros(1, device=self.device))


class TwoInputs(Odd):
    def forward(self, x, y):
        return self.layer(x) + y


class TwoOutputs(Odd):
    def forward(self, x):
        return self.layer(x), x


save(torch.jit.script(Odd("cuda")), "names-cuda.pt")
save(torch.jit.script(TwoInputs()), "two-inputs.pt")
save(torch.jit.script(TwoOutputs()), "two-outputs.pt")
save(torch.jit.script(Odd().eval()), "eval.pt")
save(torch.jit.freeze(torch.jit.script(Odd().eval())), "frozen.pt")
save(torch.jit.script(Odd().requires_grad_(False)), "no-gradients.pt")
save(torch.jit.script(Odd().double()), "double.pt")
