"""The arcs' network in PyTorch Geometric: same layers, same sizes, same weights, same input.

Reads what `cargo run --release -p debal-bench --example forward -- GRAPH DIR` wrote into DIR, checks
that it comes to the same numbers, and prints how long one forward pass takes. It must never be timed
against another input than the one it checked.

usage: python3 pyg_forward.py DIR THREADS REPEATS      (pip install torch torch_geometric numpy)
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch
import torch_geometric
from torch import nn
from torch_geometric.nn import MessagePassing

WIDTH = 32


class Mean(MessagePassing):
    """The mean of what arcs carry, at the nodes they arrive at."""

    def __init__(self):
        super().__init__(aggr="mean")

    def forward(self, edge_index, arcs, size):
        return self.propagate(edge_index, arcs=arcs, size=(size, size))

    def message(self, arcs):
        return arcs


class Layer(nn.Module):
    """One layer: nodes from both means, arcs from their way back and both ends."""

    def __init__(self):
        super().__init__()
        self.mean = Mean()
        self.node = nn.ModuleList([nn.Linear(WIDTH, WIDTH, bias=i == 0) for i in range(3)])
        self.arc = nn.ModuleList([nn.Linear(WIDTH, WIDTH, bias=i == 0) for i in range(4)])

    def forward(self, nodes, arcs, there, back, other):
        entering = self.mean(there, arcs, nodes.size(0))
        leaving = self.mean(back, arcs, nodes.size(0))
        summed = self.node[0](nodes) + self.node[1](leaving) + self.node[2](entering)
        nodes = nodes + summed.relu()
        summed = self.arc[0](arcs) + self.arc[1](arcs)[other]
        summed = summed + self.arc[2](nodes)[there[0]] + self.arc[3](nodes)[there[1]]
        return nodes, arcs + summed.relu()


class Arcs(nn.Module):
    """The whole network."""

    def __init__(self, arc_features, node_features, layers, outputs):
        super().__init__()
        self.arc_in = nn.Linear(arc_features, WIDTH)
        self.node_in = nn.Linear(node_features, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(layers)])
        self.out = nn.Linear(WIDTH, outputs)

    def forward(self, arcs, nodes, there, back, other):
        arcs, nodes = self.arc_in(arcs).relu(), self.node_in(nodes).relu()
        for layer in self.layers:
            nodes, arcs = layer(nodes, arcs, there, back, other)
        return self.out(arcs)

    def read(self, tensors):
        """Takes the weights in the order of the model file; a row there is a column here."""
        tensors = iter(tensors)

        def take(linear):
            linear.weight.data = next(tensors).t().contiguous()

        def bias(linear):
            linear.bias.data = next(tensors).flatten()

        for linear in (self.arc_in, self.node_in):
            take(linear)
            bias(linear)
        for layer in self.layers:
            for group in (layer.node, layer.arc):
                for linear in group:
                    take(linear)
                bias(group[0])
        take(self.out)
        bias(self.out)


def main():
    folder, threads, repeats = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    shape = json.loads((folder / "shape.json").read_text())
    arcs, nodes, outputs = shape["arcs"], shape["nodes"], shape["outputs"]

    def numbers(name, kind):
        return np.fromfile(folder / name, dtype=kind)

    ends = torch.from_numpy(numbers("ends.u32", "<u4").astype(np.int64)).view(arcs, 2).t()
    arc_features = torch.from_numpy(numbers("arcs.f32", "<f4")).view(arcs, -1)
    node_features = torch.from_numpy(numbers("nodes.f32", "<f4")).view(nodes, -1)
    ours = torch.from_numpy(numbers("out.f32", "<f4")).view(arcs, outputs)
    weights, tensors, at = torch.from_numpy(numbers("weights.f32", "<f4")), [], 0
    for rows, columns in shape["tensors"]:
        tensors.append(weights[at : at + rows * columns].view(rows, columns))
        at += rows * columns
    network = Arcs(arc_features.size(1), node_features.size(1), shape["layers"], outputs)
    network.read(tensors)
    there, back = ends.contiguous(), ends.flip(0).contiguous()
    other = torch.arange(arcs) ^ 1
    with torch.inference_mode():
        found = network(arc_features, node_features, there, back, other)
        off = ((found - ours).abs() / ours.abs().clamp(min=1)).max().item()
        if off > 1e-4:
            sys.exit(f"other numbers than ours: {off}")
        spent, before = [], time.process_time()
        for _ in range(repeats):
            begun = time.perf_counter()
            network(arc_features, node_features, there, back, other)
            spent.append(time.perf_counter() - begun)
        processor = (time.process_time() - before) / repeats
    spent.sort()
    print(json.dumps({"ms_median": spent[len(spent) // 2] * 1e3, "ms_best": spent[0] * 1e3,
                      "ms_processor": processor * 1e3, "off": off,
                      "version": f"{torch_geometric.__version__} on torch {torch.__version__}"}))


main()
