"""What every benchmark shares: the machine in words, medians of runs, a Markdown table.

A script names its sides; each is a call that starts from arrays in memory and ends with the
table of results. `sides_of` runs one of them alone (``--only NAME``), so that the whole
command, imports included, can be timed and its memory watched from outside.
"""

import argparse
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


def whole_commands(names: Sequence[str], *arguments: str) -> dict[str, tuple[float, float]]:
    """Return seconds and peak memory (MB) of ``script --only NAME`` for each side."""
    found = {}
    for name in names:
        start = time.perf_counter()
        command = [sys.executable, sys.argv[0], "--only", name, *arguments]
        process = subprocess.Popen(command, start_new_session=True)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _memory_of_session(process.pid))
            time.sleep(0.02)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        found[name] = time.perf_counter() - start, peak
        print(f"  whole command, {name}: {found[name]}", file=sys.stderr)
    return found


def _memory_of_session(session: int) -> float:
    """Return the memory of all processes of a session in MB, shared pages split among them."""
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            after_name = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(after_name[3]) != session:
                continue
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:  # it ended meanwhile
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def parsed(about: str | None, sides: Sequence[str], n_runs: int, **more: int) -> argparse.Namespace:
    """Return the arguments every script takes: runs, one side alone, and its own numbers."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--runs", type=int, default=n_runs)
    parser.add_argument("--only", choices=list(sides), help="run this side once, unmeasured")
    for name, value in more.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def comparison(
    taken: dict[str, float], whole: dict[str, tuple[float, float]], digits: int = 1
) -> list[list[str]]:
    """Return the table of sides, the first of which is Foldwise's."""
    fast = next(iter(taken.values()))
    rows = [["who", "seconds", "against Foldwise", "whole command, s", "peak memory, MB"]]
    for name, value in taken.items():
        seconds, memory = whole[name]
        rows.append(
            [
                name,
                f"{value:.{digits}f}",
                f"{value / fast:.1f}",
                f"{seconds:.1f}",
                f"{memory:.0f}",
            ]
        )
    return rows


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
    packages = ("numpy", "scipy", "scikit-learn", "numba", "torch", "skorch")
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
