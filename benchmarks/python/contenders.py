"""Ways to do a sweep in Python, each as its documentation invites one to, without progress bars and logs.

What can be made before a sweep (network, optimizer, loader, trainer) is made in prepare, and is not timed.
"""

import copy
import importlib.metadata
import logging
import tempfile

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from networks import network_of

NEVER = 1e30  # no contender stops early


class Workload:
    def __init__(self, question):
        torch.manual_seed(1)
        rows = question["rows"]
        self.batch_size = question["batch_size"]
        self.inputs = torch.randn(rows, *question["input"])
        if question["output"]:
            self.targets = torch.randn(rows, *question["output"])
            self.loss = functional.mse_loss
        else:
            self.targets = torch.randint(10, (rows,))
            self.loss = functional.cross_entropy
        self.network = network_of(question["network"])
        self.optimizer = question["optimizer"]
        self.device = question.get("device", "cpu")

    def optimizer_of(self, parameters, **options):
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[self.optimizer]
        return kind(parameters, lr=1e-3, **options)

    def loader(self):
        return DataLoader(TensorDataset(self.inputs, self.targets), batch_size=self.batch_size, shuffle=True)


class Contender:
    packages = ()

    def versions(self):
        return {package: importlib.metadata.version(package) for package in self.packages}

    def epoch(self):
        raise NotImplementedError


class BarePython(Contender):
    """A loop by hand around the fused optimizer; rows are drawn by index, without a loader."""

    def prepare(self, workload):
        self.workload = workload
        self.forward = lambda inputs, targets: workload.loss(workload.network(inputs), targets)

    def batches(self):
        rows, size = len(self.workload.inputs), self.workload.batch_size
        while True:
            order = torch.randperm(rows)
            for start in range(0, rows - size + 1, size):
                batch = order[start : start + size]
                yield self.workload.inputs[batch], self.workload.targets[batch]

    def steps(self, rates):
        optimizer = self.workload.optimizer_of(self.workload.network.parameters(), fused=True)
        losses = []
        for lr, (inputs, targets) in zip(rates, self.batches()):
            optimizer.zero_grad()
            loss = self.forward(inputs, targets)
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            losses.append(loss.item())
        return losses

    def sweep(self, steps, min_lr, max_lr):
        saved = copy.deepcopy(self.workload.network.state_dict())
        losses = self.steps([min_lr * (max_lr / min_lr) ** (i / (steps - 1)) for i in range(steps)])
        self.workload.network.load_state_dict(saved)
        return losses

    def epoch(self):
        return self.steps([1e-3] * (len(self.workload.inputs) // self.workload.batch_size))


class Compiled(BarePython):
    """The same with forward and loss, and so backward, compiled; compiling is not timed."""

    def prepare(self, workload):
        super().prepare(workload)
        torch._dynamo.reset()
        self.forward = torch.compile(self.forward)
        self.sweep(5, 1e-8, 1e-2)


class Lightning(Contender):
    packages = ("lightning",)

    def __init__(self):
        import lightning

        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        self.lightning = lightning
        self.folder = tempfile.mkdtemp()

    def trainer(self, **options):
        return self.lightning.Trainer(
            accelerator=self.device,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=self.folder,
            **options,
        )

    def prepare(self, workload):
        from lightning.pytorch.tuner import Tuner

        class Module(self.lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.lr = 1e-3
                self.network = workload.network

            def training_step(self, batch, _):
                inputs, targets = batch
                return workload.loss(self.network(inputs), targets)

            def configure_optimizers(self):
                return workload.optimizer_of(self.parameters())

        self.module = Module()
        self.device = workload.device
        self.loader = workload.loader()
        self.tuner = Tuner(self.trainer())

    def sweep(self, steps, min_lr, max_lr):
        found = self.tuner.lr_find(
            self.module,
            train_dataloaders=self.loader,
            min_lr=min_lr,
            max_lr=max_lr,
            num_training=steps,
            early_stop_threshold=None,
            update_attr=False,
        )
        return found.results["loss"]

    def epoch(self):
        self.trainer(max_epochs=1).fit(self.module, self.loader)
        return []


class TorchLrFinder(Contender):
    packages = ("torch-lr-finder",)

    def prepare(self, workload):
        import torch_lr_finder

        self.finder = torch_lr_finder.LRFinder
        self.workload = workload
        self.loader = workload.loader()

    def sweep(self, steps, min_lr, max_lr):
        optimizer = self.workload.optimizer_of(self.workload.network.parameters())
        for group in optimizer.param_groups:
            group["lr"] = min_lr
        finder = self.finder(self.workload.network, optimizer, self.workload.loss, device="cpu")
        finder.range_test(self.loader, end_lr=max_lr, num_iter=steps, diverge_th=NEVER)
        finder.reset()
        return finder.history["loss"]


class Fastai(Contender):
    """With fastai's own optimizers, which are its default."""

    packages = ("fastai",)

    def prepare(self, workload):
        from functools import partial

        import fastai.callback.progress  # gives the learner no_bar
        import fastai.callback.schedule  # and lr_find
        from fastai.data.core import DataLoaders
        from fastai.data.load import DataLoader as Loader
        from fastai.learner import Learner
        from fastai.optimizer import SGD, Adam

        data = TensorDataset(workload.inputs, workload.targets)
        loader = Loader(data, bs=workload.batch_size, shuffle=True, drop_last=True, num_workers=0)
        kind = {
            "adam": partial(Adam, decouple_wd=False, wd=0.0),
            "adamw": partial(Adam, wd=0.01),
            "sgd": partial(SGD, mom=0.0, wd=0.0),
        }[workload.optimizer]
        self.learner = Learner(
            DataLoaders(loader, loader, device="cpu"),
            workload.network,
            loss_func=workload.loss,
            opt_func=kind,
            path=tempfile.mkdtemp(),
            metrics=[],
        )

    def sweep(self, steps, min_lr, max_lr):
        with self.learner.no_bar(), self.learner.no_logging():
            self.learner.lr_find(start_lr=min_lr, end_lr=max_lr, num_it=steps, stop_div=False, show_plot=False)
        return self.learner.recorder.losses


class Ignite(Contender):
    packages = ("pytorch-ignite",)

    def prepare(self, workload):
        from ignite.engine import create_supervised_trainer
        from ignite.handlers import FastaiLRFinder

        self.finder = FastaiLRFinder
        self.network = workload.network
        self.optimizer = workload.optimizer_of(self.network.parameters())
        self.trainer = create_supervised_trainer(self.network, self.optimizer, workload.loss, device="cpu")
        self.loader = workload.loader()

    def sweep(self, steps, min_lr, max_lr):
        finder = self.finder()
        saved = {"model": self.network, "optimizer": self.optimizer}
        with finder.attach(
            self.trainer, to_save=saved, num_iter=steps, start_lr=min_lr, end_lr=max_lr, diverge_th=NEVER
        ) as sweep:
            sweep.run(self.loader)
        return finder.get_results()["loss"]


CONTENDERS = {
    "Lightning": Lightning,
    "torch-lr-finder": TorchLrFinder,
    "fastai": Fastai,
    "Ignite": Ignite,
    "bare Python": BarePython,
    "torch.compile": Compiled,
}
