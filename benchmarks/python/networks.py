"""The networks of the comparison, as one writes them in Python; JavaNetwork and networks.cpp have the same."""

import re

import torch
from torch import nn
from torch.nn import functional


class Sequence(nn.Module):
    """The outputs of a recurrent layer, without its last state."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, inputs):
        return self.layers(inputs)[0]


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, inputs):
        output = functional.relu(self.bn1(self.conv1(inputs)))
        output = self.bn2(self.conv2(output))
        return functional.relu(output + (self.shortcut(inputs) if self.shortcut else inputs))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(64)
        blocks, inputs = [], 64
        for outputs in (64, 64, 128, 128, 256, 256, 512, 512):
            blocks.append(ResidualBlock(inputs, outputs, 1 if inputs == outputs else 2))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(inputs, 10)

    def forward(self, inputs):
        output = functional.max_pool2d(functional.relu(self.bn(self.conv(inputs))), 3, 2, 1)
        return self.linear(torch.flatten(functional.adaptive_avg_pool2d(self.blocks(output), 1), 1))


def network_of(name):
    if perceptron := re.fullmatch(r"(\d+)x(\d+)", name):
        depth, width = int(perceptron[1]), int(perceptron[2])
        layers = [nn.Linear(64, width), nn.ReLU()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(width, 10))
    if name == "cnn-8x8":
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96, 10)
        )
    if name == "cnn-28x28":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(800, 10),
        )  # fmt: skip
    if name == "encoder-layer":
        return nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, batch_first=True)
    if name == "lstm":
        return Sequence(nn.LSTM(8, 16, num_layers=2, batch_first=True, dropout=0.2))
    if name == "gru":
        return Sequence(nn.GRU(8, 16, bidirectional=True, batch_first=True))
    if name == "resnet-18":
        return ResNet18()
    raise ValueError(f"there is no network {name}")
