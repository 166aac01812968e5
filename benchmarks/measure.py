"""What every benchmark shares: the machine in words, medians of runs, a Markdown table."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "RESULTS.md"


def seconds(run: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def medians(runs: dict[str, Callable[[], object]], n_runs: int) -> dict[str, float]:
    """Return the median seconds of each, taken in turn so that drift hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(n_runs):
        for name, run in runs.items():
            taken[name].append(seconds(run))
            print(f"  {name}: {taken[name][-1]:.2f} s", file=sys.stderr)
    return {name: float(np.median(values)) for name, values in taken.items()}


def core_gflops() -> float:
    """Return the rate of one core's float32 matrix product, in GFLOP/s."""
    import torch

    torch.set_num_threads(1)
    left, right = torch.randn(256, 512), torch.randn(512, 256)
    out = torch.empty(256, 256)
    best = min(seconds(lambda: [torch.mm(left, right, out=out) for _ in range(200)]) for _ in "abc")
    return 200 * 2 * 256 * 512 * 256 / best / 1e9


def processor() -> str:
    """Return the name of the processor and the number of cores."""
    listed = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    names = [line.split(":")[1].strip() for line in listed.splitlines() if "Model name" in line]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def write_section(title: str, rows: Sequence[Sequence[str]], notes: str) -> None:
    """Put a table into RESULTS.md under its title, in place of the one that stood there."""
    packages = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    head = [
        f"## {title}",
        "",
        f"{processor()}; Python {platform.python_version()}, {versions}; "
        f"{datetime.now(UTC):%Y-%m-%d}; `python {' '.join(sys.argv)}`",
        "",
    ]
    table = [f"| {' | '.join(row)} |" for row in rows]
    table.insert(1, "|" + "---|" * len(rows[0]))
    section = "\n".join([*head, *table, "", notes.strip(), ""])
    old = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Benchmarks\n"
    parts = old.split("\n## ")
    kept = [part for part in parts[1:] if not part.startswith(title + "\n")]
    text = "\n## ".join([parts[0].rstrip() + "\n", *(part.rstrip() + "\n" for part in kept)])
    RESULTS.write_text(text.rstrip() + "\n\n" + section, encoding="utf-8")
    print(section)
