"""Microseconds that a step of Lightning's learning-rate finder takes on a device: a line for each network, after a tab.

python lightning_steps.py DEVICE NETWORK...
"""

import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python"))

import torch
from contenders import Lightning, Workload

ROUNDS = 3
BATCH_SIZE = 32


def seconds(contender, steps):
    start = time.perf_counter()
    contender.sweep(steps, 1e-8, 1e-2)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def micros(contender, steps):
    """What a whole sweep takes longer than one of a fifth of its steps, a step."""
    return (seconds(contender, steps) - seconds(contender, steps // 5)) / (steps - steps // 5) * 1e6


def main(device, *networks):
    steps = 50 if device == "cpu" else 250  # the CPU's take longer and vary less
    for network in networks:
        contender = Lightning()
        contender.prepare(
            Workload(
                {
                    "rows": 64 * BATCH_SIZE,
                    "batch_size": BATCH_SIZE,
                    "input": [1, 28, 28] if network == "cnn-28x28" else [64],
                    "output": None,
                    "network": network,
                    "optimizer": "adam",
                    "device": device,
                }
            )
        )
        seconds(contender, 20)  # warms up
        print(f"{network}\t{statistics.median(micros(contender, steps) for _ in range(ROUNDS)):.1f}", flush=True)


main(*sys.argv[1:])
