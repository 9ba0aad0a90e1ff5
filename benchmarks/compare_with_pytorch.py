#!/usr/bin/env python3
"""Times Calibrant and PyTorch on the same workloads, alternately in one run, and prints the ratios.

    cmake --workflow --preset bench
    python3 benchmarks/compare_with_pytorch.py            (Debian: apt-get install python3-torch libopenblas0-pthread)

Each side runs `--repeat` times in turn; the best of each counts, as other work on the machine only ever slows one down.
Both use one thread. PyTorch trains with its own Adam (foreach where it has it) on indices shuffled anew each epoch.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

try:
    import torch
except ImportError:
    sys.exit("compare_with_pytorch.py: PyTorch is not installed (Debian: apt-get install python3-torch "
             "libopenblas0-pthread)")


def net(widths, activation):
    layers = []
    for i in range(len(widths) - 1):
        layers.append(torch.nn.Linear(widths[i], widths[i + 1]))
        if i + 2 < len(widths):
            layers.append(activation(widths[i + 1]))
    return torch.nn.Sequential(*layers)


def prelu(n):
    return torch.nn.PReLU(n)


def silu(_):
    return torch.nn.SiLU()


def tanh(_):
    return torch.nn.Tanh()


def adam(model):
    try:
        return torch.optim.Adam(model.parameters(), lr=1e-3, foreach=True)
    except TypeError:
        return torch.optim.Adam(model.parameters(), lr=1e-3)


class Training:
    """Epochs over made-up events, at least `seconds` of them."""

    def __init__(self, widths, activation, loss, n_events, batch):
        torch.manual_seed(1)
        self.x = torch.randn(n_events, widths[0])
        self.y = torch.sin(self.x[:, :1]) + 0.1 * torch.randn(n_events, 1)
        self.model, self.loss, self.batch = net(widths, activation), loss, batch
        self.optimizer = adam(self.model)

    def samples_per_s(self, seconds):
        done, start = 0, time.perf_counter()
        while True:
            order = torch.randperm(len(self.x))
            for first in range(0, len(order) - self.batch + 1, self.batch):
                rows = order[first:first + self.batch]
                self.optimizer.zero_grad(set_to_none=True)
                self.loss(self.model(self.x[rows]), self.y[rows]).backward()
                self.optimizer.step()
                done += self.batch
                if time.perf_counter() - start > seconds:
                    return done / (time.perf_counter() - start)


class Inference:
    def __init__(self, widths, activation, batch):
        torch.manual_seed(1)
        self.x = torch.randn(batch, widths[0])
        with torch.no_grad():
            model = net(widths, activation).eval()
            self.model = torch.jit.optimize_for_inference(torch.jit.trace(model, self.x))
            for _ in range(20):
                self.model(self.x)

    def samples_per_s(self, seconds):
        calls, start = 0, time.perf_counter()
        with torch.no_grad():
            while time.perf_counter() - start < seconds:
                for _ in range(10):
                    self.model(self.x)
                calls += 10
        return calls * len(self.x) / (time.perf_counter() - start)


class Inversion:
    """Newton's method on a response near 1 times x, derivative by autograd, all pairs at once in chunks."""

    def __init__(self, n_pairs):
        torch.manual_seed(1)
        self.model = net((3, 64, 64, 1), tanh)
        with torch.no_grad():
            self.model[-1].weight *= 0.1
            self.model[-1].bias.fill_(0.8)
        self.theta = torch.randn(n_pairs, 2)
        truth = torch.exp(torch.empty(n_pairs, 1).uniform_(3.22, 6.68))
        with torch.no_grad():
            self.y = self.response(truth, self.theta)

    def response(self, x, theta):
        return x * self.model(torch.cat([torch.log(x) - 4.605, theta], 1))

    def samples_per_s(self, seconds):
        done, start, chunk = 0, time.perf_counter(), 8192
        while time.perf_counter() - start < seconds:
            for first in range(0, len(self.y), chunk):
                y, theta = self.y[first:first + chunk], self.theta[first:first + chunk]
                x = y.clone()
                for _ in range(30):
                    x.requires_grad_(True)
                    value = self.response(x, theta)
                    slope, = torch.autograd.grad(value.sum(), x)
                    with torch.no_grad():
                        step = (y - value) / slope
                        x = torch.clamp(x + step, 20.0, 1000.0)
                        if torch.all(torch.abs(step) <= 1e-6 * x):
                            break
                done += len(y)
                if time.perf_counter() - start > seconds:
                    break
        return done / (time.perf_counter() - start)


mse, mae = torch.nn.functional.mse_loss, torch.nn.functional.l1_loss
JETS, NARROW, WIDE = (11, 64, 64, 64, 1), (2, 50, 1), (15, 64, 128, 64, 1)

# What it is, our program, our benchmark, PyTorch's side.
WORKLOADS = [
    ("W0 main job, batch 1024", "w0_main_job", "W0/train/11-64-64-64-1/batch:1024/threads:1/real_time",
     lambda: Training(JETS, silu, mae, 139335, 1024)),
    ("W1 2-50-1 PReLU, batch 32", "w1_narrow_training", "W1/train/2-50-1/squared/batch:32/threads:1/real_time",
     lambda: Training(NARROW, prelu, mse, 500000, 32)),
    ("W1 2-50-1 PReLU, batch 1024", "w1_narrow_training", "W1/train/2-50-1/squared/batch:1024/threads:1/real_time",
     lambda: Training(NARROW, prelu, mse, 500000, 1024)),
    ("W2 15-64-128-64-1, batch 1024", "w2_wide_training", "W2/train/15-64-128-64-1/batch:1024/threads:1/real_time",
     lambda: Training(WIDE, silu, mse, 131072, 1024)),
    ("W6 2-50-1, one object", "w6_inference", "W6/inference/2-50-1/batch:1", lambda: Inference(NARROW, prelu, 1)),
    ("W6 15-64-128-64-1, one object", "w6_inference", "W6/inference/15-64-128-64-1/batch:1",
     lambda: Inference(WIDE, silu, 1)),
    ("W6 2-50-1, batch 1024", "w6_inference", "W6/inference/2-50-1/batch:1024", lambda: Inference(NARROW, prelu, 1024)),
    ("W6 15-64-128-64-1, batch 1024", "w6_inference", "W6/inference/15-64-128-64-1/batch:1024",
     lambda: Inference(WIDE, silu, 1024)),
    ("W7 inversion of 3-64-64-1", "w7_inversion", "W7/inversion/3-64-64-1/pairs:1000000", lambda: Inversion(1 << 20)),
]


def ours(folder, program, name):
    path = os.path.join(folder, program + "_bench")
    if not os.path.exists(path):
        sys.exit(f"compare_with_pytorch.py: expected {path}, found nothing; run `cmake --workflow --preset bench` first")
    with tempfile.TemporaryDirectory() as temporary:
        results = os.path.join(temporary, "results.json")
        run = subprocess.run([path, f"--benchmark_filter=^{name}$", f"--results={results}",
                              "--benchmark_repetitions=5", "--benchmark_min_time=0.05"],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"compare_with_pytorch.py: {path} ended with {run.returncode}:\n{run.stderr}")
        with open(results, encoding="utf-8") as file:
            found = [entry["samples_per_s"] for entry in json.load(file) if entry["name"] == name]
    if len(found) != 1:
        sys.exit(f"compare_with_pytorch.py: expected one benchmark '{name}' in {program}_bench, found {len(found)}")
    return found[0]


def matrix_product_gflops():
    """Debian's PyTorch takes whatever BLAS it finds; with the reference BLAS it is many times too slow to compare with."""
    n = 1024
    left, right = torch.randn(n, n), torch.randn(n, n)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        left @ right
        best = max(best, 2e-9 * n**3 / (time.perf_counter() - start))
    return best


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=os.path.join(root, "build", "bench", "benchmarks"),
                        help="folder of the benchmark programs (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of PyTorch's turn (default: %(default)s)")
    parser.add_argument("--only", default="", help="workloads whose name starts with this, such as W1")
    parser.add_argument("--output", help="write the table as JSON to this file too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [workload for workload in WORKLOADS if workload[0].startswith(arguments.only)]
    if arguments.repeat < 1 or not chosen:
        parser.error("expected --repeat of 1 or more and --only the start of one of: " +
                     ", ".join(workload[0] for workload in WORKLOADS))

    speed = matrix_product_gflops()
    if speed < 20.0:
        print(f"PyTorch's matrix product makes only {speed:.3g} GFLOP/s: is there no good BLAS? (Debian: apt-get install "
              "libopenblas0-pthread)", file=sys.stderr)
    print(f"PyTorch {torch.__version__}, one thread, matrix product of {speed:.3g} GFLOP/s; samples per second, best of "
          f"{arguments.repeat} turns")
    print(f"{'workload':32} {'Calibrant':>12} {'PyTorch':>12} {'ratio':>8}")
    table = []
    for title, program, name, make in chosen:
        peer = make()
        peer.samples_per_s(0.2)
        best = [0.0, 0.0]
        for _ in range(arguments.repeat):
            best[0] = max(best[0], ours(arguments.programs, program, name))
            best[1] = max(best[1], peer.samples_per_s(arguments.seconds))
        print(f"{title:32} {best[0]:12.4g} {best[1]:12.4g} {best[0] / best[1]:8.2f}", flush=True)
        table.append({"workload": title, "calibrant": best[0], "pytorch": best[1], "ratio": best[0] / best[1]})
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            json.dump(table, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
