"""Makes parity.json: what PyTorch's optimizers make of the small problem of problem_test.go, in float64.

    python3 gan/optim/testdata/parity.py        (PyTorch on the CPU; any version from 1.13 on)

For each optimizer the weights after each of 12 updates, the last 6 with half the rate. Tests: gan/optim/parity_test.go.
"""
import json
import pathlib

import torch

CURVATURE = [1, 4, 0.5, 2, 0.1, 3, 1, 8, 0.25, 1]
TARGET = [0.3, -0.2, 1, 0, -1, 0.5, 0, 0.25, 2, -0.5]
START = [1, 0.5, -1, 0.25, 0, 0.5, -0.75, 1, 0.5, 1]
MATRIX = 6  # of the weights are the matrix's

CASES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "sgd nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "sgd penalty": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.5),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "rmsprop 0.9": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.5, 0.999)),
    "adam without momentum": lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.0, 0.9)),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.5, 0.9), weight_decay=0.4),
    "clip norm": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "clip value": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
}
CLIPS = {
    "clip norm": lambda p: torch.nn.utils.clip_grad_norm_(p, 1.0),
    "clip value": lambda p: torch.nn.utils.clip_grad_value_(p, 0.5),
}


def trace(name):
    start = torch.tensor(START, dtype=torch.float64)
    parameters = [torch.nn.Parameter(start[:MATRIX].reshape(2, -1).clone()), torch.nn.Parameter(start[MATRIX:].clone())]
    curvature, target = torch.tensor(CURVATURE, dtype=torch.float64), torch.tensor(TARGET, dtype=torch.float64)
    optimizer, rows = CASES[name](parameters), []
    for step in range(12):
        if step == 6:
            optimizer.param_groups[0]["lr"] /= 2
        optimizer.zero_grad()
        weights = torch.cat([p.flatten() for p in parameters])
        (0.5 * (curvature * (weights - target) ** 2).sum()).backward()
        CLIPS.get(name, lambda p: None)(parameters)
        optimizer.step()
        rows.append([round(x, 9) for p in parameters for x in p.detach().flatten().tolist()])
    return rows


def main():
    lines = [f'"made by": "gan/optim/testdata/parity.py, PyTorch {torch.__version__.split("+")[0]}"']
    for name in CASES:
        rows = ",\n  ".join(json.dumps(row) for row in trace(name))
        lines.append(f'"{name}": [\n  {rows}]')
    text = "{" + ",\n".join(lines) + "}\n"
    json.loads(text)
    pathlib.Path(__file__).with_name("parity.json").write_text(text)


if __name__ == "__main__":
    main()
