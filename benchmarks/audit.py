"""What the audit sees and where it is silent, on simulated cohorts.

Detection: each flaw of `simulated_cohorts` is planted at each strength and size, and counts as
seen if a finding of the right name and severity stands in the audit of the whole table. Silence:
clean cohorts of every kind, and the share that the whole audit stops or says anything of.
"""

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from measure import write_section
from scipy.stats import binomtest
from simulated_cohorts import DESIGN_FLAWS, FLAWS, Cohort, Flaw, Plant, cohort, draw_clean

from foldwise.audit.cohort import audit_cohort
from foldwise.audit.findings import Finding
from foldwise.data.readers import abundances_from_frame
from foldwise.data.registry import load_abundances
from foldwise.data.rules import binary_target

GOAL_FOUND, GOAL_STOPPED = 0.95, 4
PUBLISHED = (("sacurine", "sex"), ("covid-plasma", "severe"))


def audit(table: Cohort) -> list[Finding]:
    """Return the findings of the whole audit, from a frame as a user would hand it in."""
    frame = pd.DataFrame(table.X, columns=table.names)
    frame.insert(0, "id", table.ids)
    frame["diagnosis"] = np.where(table.y == 1, "case", "control")
    for key, values in table.extra.items():
        frame[key] = values
    covariates = [key for key in table.extra if key != "batch"]
    read = abundances_from_frame(
        frame,
        target="diagnosis",
        covariates=covariates,
        batch="batch" if "batch" in table.extra else None,
    )
    return audit_cohort(read, binary_target(read.values("target")))


def n_found(flaw: Flaw, plant: Plant, size: tuple[int, int, int], n_draws: int) -> int:
    """Return in how many draws the flaw is seen."""
    right = {(check, severity) for check in flaw.checks for severity in flaw.severities}
    n = 0
    for draw in range(n_draws):
        rng = np.random.default_rng([7, draw])
        found = audit(plant(cohort(rng, *size), rng))
        n += bool(right & {(one.check, one.severity) for one in found})
    return n


def places(flaws: dict[str, Flaw]) -> Iterator[tuple[str, Flaw, str, Plant, tuple[int, int, int]]]:
    """Yield each strength and size of each flaw."""
    for name, flaw in flaws.items():
        for strength, plant in flaw.strengths.items():
            for size in flaw.sizes:
                yield name, flaw, strength, plant, size


def detection(n_draws: int, n_jobs: int) -> tuple[list[list[str]], str]:
    """Return the table of planted flaws and what it says."""
    listed = list(places({**FLAWS, **DESIGN_FLAWS}))
    # Plants are closures, which a process pool takes by their place in the list alone.
    work = (delayed(_found_at)(place, n_draws) for place in range(len(listed)))
    counts = Parallel(n_jobs=n_jobs)(work)
    rows = [["flaw", "strength", "severity", "found, by controls + cases x columns"]]
    cells: dict[tuple[str, str], list[str]] = {}
    for (name, _, strength, _, size), n in zip(listed, counts, strict=True):
        shown = f"{size[0]}+{size[1]} x {size[2]}: {n}/{n_draws}"
        cells.setdefault((name, strength), []).append(shown)
    everything = {**FLAWS, **DESIGN_FLAWS}
    for (name, strength), found in cells.items():
        rows.append([name, strength, " or ".join(everything[name].severities), ", ".join(found)])
    reached = sum(n >= GOAL_FOUND * n_draws for n in counts)
    notes = (
        f"{n_draws} draws of each strength and size. At least {GOAL_FOUND:.0%} are found in "
        f"{reached} of {len(listed)} places, {sum(counts)} of {len(listed) * n_draws} in all."
    )
    return rows, notes


def _found_at(place: int, n_draws: int) -> int:
    _, flaw, _, plant, size = list(places({**FLAWS, **DESIGN_FLAWS}))[place]
    return n_found(flaw, plant, size, n_draws)


def _clean_findings(number: int) -> tuple[str, list[tuple[str, str]]]:
    kind, table = draw_clean(number)
    return kind, [(one.check, one.severity) for one in audit(table)]


def silence(n_cohorts: int, n_jobs: int) -> tuple[list[list[str]], str]:
    """Return the table of findings on clean cohorts and what it says."""
    audited = Parallel(n_jobs=n_jobs)(delayed(_clean_findings)(i) for i in range(n_cohorts))
    said = Counter(pair for _, found in audited for pair in set(found))
    stopped = [kind for kind, found in audited if "stops" in {severity for _, severity in found}]
    rows = [["finding", "severity", f"clean cohorts of {n_cohorts} with it"]]
    order = {"stops": 0, "weakens": 1, "note": 2}
    for (check, severity), n in sorted(said.items(), key=lambda one: (order[one[0][1]], one[0])):
        rows.append([f"`{check}`", severity, str(n)])
    test = binomtest(len(stopped), n_cohorts, alternative="two-sided")
    high = test.proportion_ci(0.95, method="exact").high
    published = [f"{name} ({target}): {_published(name, target)}" for name, target in PUBLISHED]
    notes = (
        f"Stopped: {len(stopped)} of {n_cohorts} ({', '.join(sorted(set(stopped))) or 'none'}); "
        f"upper limit of the 95 % Clopper-Pearson interval {high:.2%}; the goal is at most "
        f"{GOAL_STOPPED} of 1000. Published tables: {'; '.join(published)}. Many "
        "of these cohorts hold strong markers, markers below a detection limit, or values "
        "transformed over all rows: what weakens or is noted is mostly true of them, and only "
        "'stops' is an error by itself."
    )
    return rows, notes


def _published(name: str, target: str) -> str:
    loaded = load_abundances(name, target=target)
    assert loaded.target is not None
    labels = binary_target(loaded.table.values("target"), loaded.target.positive_label)
    found = Counter(one.severity for one in audit_cohort(loaded.table, labels))
    return ", ".join(f"{found[key]} {key}" for key in ("stops", "weakens", "note"))


def main() -> None:
    """Plant, draw, count, and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--cohorts", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=["silence", "detection"])
    asked = parser.parse_args()
    if asked.only != "detection":
        rows, notes = silence(asked.cohorts, asked.jobs)
        write_section(f"Audit: {asked.cohorts} clean cohorts", rows, notes)
    if asked.only != "silence":
        write_section("Audit: planted flaws", *detection(asked.draws, asked.jobs))


if __name__ == "__main__":
    main()
