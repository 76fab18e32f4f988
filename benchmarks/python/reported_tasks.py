"""Writes the tasks that are only reported: benchmarks/tasks/unseen and benchmarks/tasks/shifted.

What it writes is committed; it is kept to say how that was made. Run in the repository's root, with
the folder of the digits of the classes 0 to 4: python benchmarks/python/reported_tasks.py FOLDER
"""

import csv
import gzip
import io
import json
import pathlib
import sys

import numpy as np
import torch

TASKS = pathlib.Path("benchmarks/tasks")
TEXT = pathlib.Path("CONTRIBUTING.md")
OPTIMIZERS = {
    "sgd": {"type": "sgd"},
    "sgdm": {"type": "sgd", "options": {"momentum": 0.9}},
    "adam": {"type": "adam"},
    "adamw": {"type": "adamw"},
    "rmsprop": {"type": "rmsprop"},
}
ROWS = 1600


def linear(inputs, outputs):
    return {"type": "linear", "in": inputs, "out": outputs}


def mlp(*widths, activation="relu"):
    layers = []
    for inputs, outputs in zip(widths[:-2], widths[1:-1]):
        layers += [linear(inputs, outputs), {"type": activation}]
    return layers + [linear(*widths[-2:])]


def write_table(file, columns, target, digits=5):
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([f"x{i}" for i in range(columns.shape[1])] + ["y"])
    for row, y in zip(columns, target):
        rows.writerow([f"{value:.{digits}g}" for value in (*row, y)])
    with gzip.GzipFile(file, "wb", mtime=0) as out:
        out.write(text.getvalue().encode("ascii"))


def write_tasks(folder, network, data, model, optimizers=OPTIMIZERS, **options):
    settings = {"task": "classification", "loss": "cross_entropy", "batch_size": 32, "steps": 300}
    for name, optimizer in optimizers.items():
        task = {"name": f"{network}--{name}", **settings, "data": data, "model": model, **options}
        task["optimizer"] = optimizer
        (folder / f"{network}--{name}.json").write_text(json.dumps(task) + "\n")


def text_windows(length):
    """Characters, the rarer ones as one, and the one that follows."""
    text = " ".join(TEXT.read_text().lower().split())
    letters = "".join(sorted(set(" abcdefghijklmnopqrstuvwxyz.,`") & set(text)))
    ids = np.array([letters.find(c) if c in letters else len(letters) for c in text])
    starts = np.random.RandomState(1).choice(len(ids) - length, ROWS, replace=False)
    windows = np.stack([ids[start : start + length + 1] for start in starts])
    return windows[:, :-1], windows[:, -1], len(letters) + 1


def waves(random):
    """Sixteen values of a sum of two sines with noise, and the next."""
    t = np.arange(17)
    rows = []
    for _ in range(ROWS):
        frequency, phase = random.uniform(0.2, 1.2, 2), random.uniform(0, 2 * np.pi, 2)
        size = random.uniform(0.5, 1.5, 2)
        rows.append((size[:, None] * np.sin(frequency[:, None] * t + phase[:, None])).sum(0))
    rows = np.array(rows) + 0.1 * random.normal(size=(ROWS, 17))
    return rows[:, :-1], rows[:, -1]


def friedman1(random):
    """J. Friedman, Multivariate Adaptive Regression Splines, 1991, the first problem."""
    x = random.uniform(size=(ROWS, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    return x, y + 10 * x[:, 3] + 5 * x[:, 4] + random.normal(size=ROWS)


def spirals(random):
    """Three arms of a spiral in the plane."""
    y = random.randint(3, size=ROWS)
    radius = random.uniform(0.1, 1, ROWS)
    angle = 4 * radius + y * 2 * np.pi / 3 + 0.15 * random.normal(size=ROWS)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1), y


def shapes(random):
    """Bars, crosses, squares and dots in noise, 12 x 12."""
    x, y = 0.35 * random.normal(size=(ROWS, 12, 12)), random.randint(5, size=ROWS)
    for image, kind in zip(x, y):
        i, j = random.randint(2, 10, 2)
        if kind in (0, 2):
            image[i, j - 2 : j + 3] += 1
        if kind in (1, 2):
            image[i - 2 : i + 3, j] += 1
        if kind == 3:
            image[i - 1 : i + 2, j - 1 : j + 2] += 1
            image[i, j] -= 1
        if kind == 4:
            image[i - 1 : i + 1, j - 1 : j + 1] += 1.5
    return x.reshape(ROWS, 144), y


def categories(random):
    """Six categories of twelve values each, of which pairs decide."""
    x = random.randint(12, size=(ROWS, 6))
    weights = random.normal(size=(3, 12, 12))
    score = sum(weights[k][x[:, 2 * k], x[:, 2 * k + 1]] for k in range(3))
    return x, np.digitize(score, np.quantile(score, [0.25, 0.5, 0.75]))


def perceptron_of_other_digits(file, folder):
    """Weights of 64-64-64-10 after 300 steps on the digits 0 to 4."""
    with gzip.open(folder / "digits_0_4.csv.gz", "rt") as table:
        rows = np.array(list(csv.reader(table))[1:], dtype=np.float32)
    torch.manual_seed(0)
    x, y = torch.tensor(rows[:, :-1] / 16), torch.tensor(rows[:, -1], dtype=torch.long)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(300):
        batch = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()
    saved = {
        name: {
            "shape": list(value.shape),
            "values": [round(v, 5) for v in value.detach().flatten().tolist()],
        }
        for name, value in net.named_parameters()
    }
    file.write_text(json.dumps(saved))


def unseen(digits):
    folder = TASKS / "unseen"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(7)
    windows, following, vocabulary = text_windows(16)
    write_table(folder / "text.csv.gz", windows, following)
    text = {"vocabulary": vocabulary, "context": 16, "width": 16}
    for kind in ("transformer", "lstm", "embedding"):
        write_tasks(
            folder, f"text-{kind}", "text.csv.gz", {"type": kind, **text, "hidden": 32}, scale=1
        )
    write_table(folder / "categories.csv.gz", *categories(random))
    model = {"type": "embedding", "vocabulary": 12, "context": 6, "width": 8, "hidden": 32, "classes": 4}
    write_tasks(folder, "categories-embedding", "categories.csv.gz", model, scale=1, batch_size=64)
    write_table(folder / "waves.csv.gz", *waves(random))
    write_tasks(
        folder, "waves-gru", "waves.csv.gz", {"type": "gru", "hidden": 16},
        task="regression", loss="mse",
    )
    write_table(folder / "friedman1.csv.gz", *friedman1(random))
    write_tasks(
        folder, "friedman1-mlp", "friedman1.csv.gz", mlp(10, 64, 64, 1),
        task="regression", loss="mse",
    )
    write_table(folder / "spirals.csv.gz", *spirals(random))
    write_tasks(folder, "spirals-tanh", "spirals.csv.gz", mlp(2, 32, 32, 3, activation="tanh"))
    write_table(folder / "shapes.csv.gz", *shapes(random), digits=3)
    cnn = [
        {"type": "unflatten", "shape": [1, 12, 12]},
        {"type": "conv2d", "in": 1, "out": 8, "kernel": 3, "padding": 1},
        {"type": "relu"},
        {"type": "conv2d", "in": 8, "out": 16, "kernel": 3, "stride": 2, "padding": 1},
        {"type": "relu"},
        {"type": "flatten"},
        linear(576, 5),
    ]
    write_tasks(folder, "shapes-cnn", "shapes.csv.gz", cnn, scale=1)
    wine = [
        linear(13, 48), {"type": "layernorm", "features": 48}, {"type": "gelu"},
        linear(48, 48), {"type": "layernorm", "features": 48}, {"type": "gelu"}, linear(48, 3),
    ]
    write_tasks(folder, "wine-layernorm", "wine", wine, batch_size=16)
    write_tasks(
        folder, "diabetes-linear", "diabetes", [linear(10, 1)],
        task="regression", loss="smooth_l1", batch_size=16,
    )
    write_tasks(
        folder, "cancer-tanh5", "breast_cancer", mlp(30, 24, 24, 24, 24, 2, activation="tanh")
    )
    conv = json.loads((TASKS / "public/digits-finetune--sgd.json").read_text())
    write_tasks(
        folder, "digits-zero-head", "../public/digits_5_9.csv.gz", conv["model"], scale=16,
        parameters_file="../public/digits_0_4-cnn.params.json", zero_head=True,
    )
    perceptron_of_other_digits(folder / "digits_0_4-mlp.params.json", digits)
    write_tasks(
        folder, "digits-low-rank", "../public/digits_5_9.csv.gz",
        {"type": "low_rank", "widths": [64, 64, 64, 10], "rank": 4}, scale=16,
        parameters_file="digits_0_4-mlp.params.json",
    )
    write_tasks(folder, "digits-logistic-zero", "digits", [linear(64, 10)], scale=16, zero_head=True)


def shifted():
    folder = TASKS / "shifted"
    folder.mkdir(parents=True, exist_ok=True)
    for name, factor in (("loss-x100", 100), ("loss-x001", 0.01)):
        for network in ("digits-mlp", "cancer-mlp", "diabetes-mlp"):
            task = json.loads((TASKS / f"public/{network}--sgd.json").read_text())
            task |= {"name": f"{network}-{name}--sgd", "loss_factor": factor}
            (folder / f"{task['name']}.json").write_text(json.dumps(task) + "\n")
    digits = mlp(64, 64, 64, 10)
    write_tasks(folder, "digits-mlp-inputs255", "digits", digits, scale=16 / 255)
    write_tasks(folder, "digits-mlp-weights-x10", "digits", digits, weight_factor=10)
    write_tasks(folder, "digits-mlp-weights-x01", "digits", digits, weight_factor=0.1)
    write_tasks(folder, "digits-mlp-batch4", "digits", digits, batch_size=4)
    write_tasks(folder, "digits-mlp-batch256", "digits", digits, batch_size=256)
    used = {name: o for name, o in OPTIMIZERS.items() if name != "sgd"}  # which has no state
    write_tasks(folder, "digits-mlp-used", "digits", digits, used, warm_up_steps=100)


if __name__ == "__main__":
    unseen(pathlib.Path(sys.argv[1]))
    shifted()
