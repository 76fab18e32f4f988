"""One contender in a process of its own: answers questions, a line of JSON each, until there are no more.

python worker.py NAME    with a name of contenders.CONTENDERS
"""

import json
import os
import sys
import time
import traceback

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what libraries print is no answer


def answer(**values):
    answers.write(json.dumps(values) + "\n")


def timed(work, *arguments):
    start = time.perf_counter()
    losses = work(*arguments)
    seconds = time.perf_counter() - start
    answer(micros=seconds * 1e6, losses=[float(loss) for loss in losses])


def main(name):
    import torch

    from contenders import CONTENDERS, Workload

    contender = CONTENDERS[name]()
    config = torch.__config__.show()
    answer(
        versions=contender.versions(),
        python=sys.version.split()[0],
        torch=torch.__version__,
        blas=next((" ".join(part.split()[1:8]) for part in config.splitlines() if "Math Kernel" in part), "no MKL"),
        threads=torch.get_num_threads(),
    )
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if question["do"] == "prepare":
                contender.prepare(Workload(question))
                answer(ok=True)
            elif question["do"] == "sweep":
                timed(contender.sweep, question["steps"], question["min_lr"], question["max_lr"])
            else:
                timed(contender.epoch)
        except Exception as error:
            traceback.print_exc()
            answer(error=f"{type(error).__name__}: {error}"[:300])


main(sys.argv[1])
