"""One of several processes of DistributedDataParallel over gloo: answers a line "NETWORK STEPS" with a step's median."""

import statistics
import sys
import time

import torch
import torch.distributed as dist
from networks import network_of
from torch.nn.parallel import DistributedDataParallel

BATCH_SIZES = {"2x512": 64}
SETTLING = 5


def made(name):
    torch.manual_seed(1)
    model = DistributedDataParallel(network_of(name), gradient_as_bucket_view=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    torch.manual_seed(7 + dist.get_rank())
    rows = BATCH_SIZES.get(name, 32)
    sizes = (rows, 1, 8, 8) if name == "cnn-8x8" else (rows, 64)
    return model, optimizer, torch.randn(sizes), torch.randint(0, 10, (rows,))


def micros(model, optimizer, inputs, targets, steps):
    loss_of = torch.nn.CrossEntropyLoss()
    took = []
    for _ in range(steps + SETTLING):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        loss.item()
        took.append((time.perf_counter() - start) * 1e6)
    return statistics.median(took[SETTLING:])


torch.set_num_threads(1)
dist.init_process_group("gloo")
models = {}
for line in sys.stdin:
    name, steps = line.split()
    if name not in models:
        models[name] = made(name)
    print("us", micros(*models[name], int(steps)), flush=True)
dist.destroy_process_group()
