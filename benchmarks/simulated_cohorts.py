"""Simulated tables of abundances: clean ones of many kinds, and flaws to plant in them.

Everything takes a numpy Generator and gives a `Cohort`. `CLEAN` names kinds of tables that a
careful study may hand in; `FLAWS` names what a careless one does, with the strengths and sizes
at which an audit must see it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import norm, rankdata


@dataclass(frozen=True, eq=False)
class Cohort:
    """A table in memory, in the order of its file.

    Attributes
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    y : float array of shape (n_samples,)
        1 for cases.
    names, ids : list of str
        Of columns and rows.
    extra : mapping of str to array
        Further columns such as "age" or "batch".
    """

    X: np.ndarray
    y: np.ndarray
    names: list[str]
    ids: list[str]
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def rows(self, kept: np.ndarray) -> "Cohort":
        """Return some rows, by their numbers."""
        ids = [self.ids[row] for row in kept]
        extra = {key: values[kept] for key, values in self.extra.items()}
        return replace(self, X=self.X[kept], y=self.y[kept], ids=ids, extra=extra)


Draw = Callable[[np.random.Generator], Cohort]
Plant = Callable[[Cohort, np.random.Generator], Cohort]


# ---------------------------------------------------------------- clean tables


def cohort(
    rng: np.random.Generator,
    n_controls: int = 60,
    n_cases: int = 60,
    n_columns: int = 100,
    *,
    n_markers: int = 10,
    effect: float = 1.0,
) -> Cohort:
    """Return log-normal abundances with 8 shared factors, rows in random order.

    Parameters
    ----------
    n_markers : int
        Columns that differ between the classes, each in its own direction.
    effect : float
        Their difference in standard deviations of the log abundance.
    """
    n_rows = n_controls + n_cases
    y = rng.permutation(np.repeat([0.0, 1.0], [n_controls, n_cases]))
    shared = rng.normal(size=(n_rows, 8)) @ rng.normal(size=(8, n_columns)) / np.sqrt(8)
    z = 0.7 * shared + 0.7 * rng.normal(size=(n_rows, n_columns))
    z[:, rng.permutation(n_columns)[:n_markers]] += (
        effect * rng.choice([-1.0, 1.0], size=min(n_markers, n_columns)) * y[:, None]
    )
    log_abundance = rng.normal(3.0, 2.0, size=n_columns) + rng.uniform(0.2, 1.0, n_columns) * z
    numbers = rng.permutation(10 * n_rows)[:n_rows]
    return Cohort(
        np.exp(log_abundance),
        y,
        [f"metabolite {column:04d}" for column in range(n_columns)],
        [f"S{number:05d}" for number in numbers],
    )


def any_size(rng: np.random.Generator) -> Cohort:
    """Return a cohort of 12 to 1000 rows and 20 to 400 columns, with or without markers."""
    n_rows = int(np.exp(rng.uniform(np.log(12), np.log(1000))))
    n_cases = int(np.clip(round(n_rows * rng.uniform(0.2, 0.8)), 4, n_rows - 4))
    n_columns = int(np.exp(rng.uniform(np.log(20), np.log(400))))
    return cohort(
        rng,
        n_rows - n_cases,
        n_cases,
        n_columns,
        n_markers=int(rng.integers(0, n_columns // 3 + 1)),
        effect=rng.uniform(0.0, 2.0),
    )


def _with(change: Callable[[np.ndarray, np.random.Generator], np.ndarray], base: Draw) -> Draw:
    def draw(rng: np.random.Generator) -> Cohort:
        drawn = base(rng)
        return replace(drawn, X=change(drawn.X, rng))

    return draw


def _below_limit(X: np.ndarray, rng: np.random.Generator, fill: str = "zero") -> np.ndarray:
    """Set what lies below the limits of 40 % of the columns to 0, half the limit, or missing."""
    touched = rng.random(X.shape[1]) < 0.4
    shares = np.where(touched, rng.uniform(0.05, 0.5, X.shape[1]), 0.0)
    limits = np.array([np.quantile(x, share) for x, share in zip(X.T, shares, strict=True)])
    value = {"zero": 0.0, "half": limits / 2, "missing": np.nan}[fill]
    return np.where((limits > X) & touched, value, X)


def _gaps(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(X.shape) < rng.uniform(0.01, 0.2), np.nan, X)


def _block_of_gaps(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Miss a second panel of columns in some rows, of either class."""
    rows, columns = rng.random(len(X)) < 0.25, rng.random(X.shape[1]) < 0.4
    gapped = X.copy()
    gapped[np.ix_(rows, columns)] = np.nan
    return gapped


def _filled(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    gapped = _gaps(X, rng)
    return np.where(np.isnan(gapped), np.nanmedian(gapped, axis=0), gapped)


def _digits(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kept = 10.0 ** (int(rng.integers(3, 6)) - 1 - np.floor(np.log10(X)))
    return np.round(X * kept) / kept


def _plates(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift each of four plates, which hold both classes."""
    plate = rng.integers(0, 4, size=len(X))
    return X * np.exp(rng.normal(0.0, 0.3, size=(4, X.shape[1]))[plate])


def _percentiles(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    method = str(rng.choice(["average", "max", "min"]))
    shares = (rankdata(X, axis=0, method=method) - 0.5 * (method == "average")) / len(X)
    return shares * float(rng.choice([1.0, 100.0]))


def _normal_scores(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return norm.ppf((rankdata(X, axis=0) - 0.5) / len(X))


def _z(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (np.log(X) - np.log(X).mean(axis=0)) / np.log(X).std(axis=0)


def _sorted_by_class(rng: np.random.Generator) -> Cohort:
    drawn = any_size(rng)
    return drawn.rows(np.argsort(drawn.y, kind="stable"))


def _class_in_ids(rng: np.random.Generator) -> Cohort:
    drawn = _sorted_by_class(rng)
    words = str(rng.choice(["CTRL-CASE", "HC-BC", "N-T"])).split("-")
    within = [int((drawn.y[:row] == drawn.y[row]).sum()) + 1 for row in range(len(drawn.y))]
    pairs = zip(drawn.y, within, strict=True)
    return replace(drawn, ids=[f"{words[int(label)]}-{number:03d}" for label, number in pairs])


def _running_ids(rng: np.random.Generator) -> Cohort:
    drawn = any_size(rng)
    return replace(drawn, ids=[str(row + 1) for row in range(len(drawn.y))])


def _small_and_wide(rng: np.random.Generator) -> Cohort:
    n = int(rng.integers(6, 11))
    return cohort(rng, n, n, 1000, n_markers=int(rng.choice([0, 30])), effect=1.5)


def _drug(rng: np.random.Generator) -> Cohort:
    """Return a cohort where all cases take a drug that no control takes: four columns."""
    drawn = any_size(rng)
    X = drawn.X.copy()
    X[:, :4] = np.where(drawn.y[:, None] == 1, X[:, :4], 0.0)
    return replace(drawn, X=X)


def _grave_disease(rng: np.random.Generator) -> Cohort:
    """Return a cohort where half of all columns differ, detection limits included."""
    drawn = cohort(rng, 60, 60, 100, n_markers=50, effect=1.0)
    return replace(drawn, X=_below_limit(drawn.X, rng))


def _strong_below_limit(rng: np.random.Generator) -> Cohort:
    drawn = cohort(rng, 80, 60, 120, n_markers=15, effect=2.5)
    return replace(drawn, X=_below_limit(drawn.X, rng))


def _strong_missing(rng: np.random.Generator) -> Cohort:
    drawn = cohort(rng, 80, 60, 120, n_markers=15, effect=2.0)
    return replace(drawn, X=_below_limit(drawn.X, rng, "missing"))


def _few_cases(rng: np.random.Generator) -> Cohort:
    drawn = cohort(rng, int(rng.integers(60, 300)), int(rng.integers(4, 9)), 120, effect=1.5)
    return replace(drawn, X=_below_limit(drawn.X, rng)) if rng.random() < 0.5 else drawn


def _sparse_counts(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counts of which most are 0, from rows of unequal depth."""
    depth = rng.lognormal(0.0, 0.6, size=(len(X), 1))
    return rng.poisson(X / np.median(X, axis=0) * rng.uniform(0.05, 3.0, X.shape[1]) * depth) + 0.0


def _two_limits(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill with half the limit of a row's plate; both classes are on both plates."""
    plate = rng.random((len(X), 1)) < 0.5
    limits = np.where(plate, *(np.quantile(X, share, axis=0) for share in (0.15, 0.3)))
    return np.where(limits > X, limits / 2, X)


def _ages(rng: np.random.Generator) -> Cohort:
    drawn = any_size(rng)
    age = np.round(rng.normal(50, 10, size=len(drawn.y)) + 3 * drawn.y)
    return replace(drawn, extra={"age": age, "batch": rng.integers(1, 5, size=len(drawn.y))})


CLEAN: dict[str, Draw] = {
    "any size": any_size,
    "sorted file": _sorted_by_class,
    "class in ids": _class_in_ids,
    "running ids": _running_ids,
    "small and wide": _small_and_wide,
    "zeros below limits": _with(_below_limit, any_size),
    "half of the limits": _with(lambda X, rng: _below_limit(X, rng, "half"), any_size),
    "missing below limits": _with(lambda X, rng: _below_limit(X, rng, "missing"), any_size),
    "strong markers below limits": _strong_below_limit,
    "strong markers missing below limits": _strong_missing,
    "missing at random": _with(_gaps, any_size),
    "missing block": _with(_block_of_gaps, any_size),
    "gaps filled with medians": _with(_filled, any_size),
    "decimals": _with(lambda X, rng: np.round(X, int(rng.integers(0, 5))), any_size),
    "significant digits": _with(_digits, any_size),
    "counts": _with(lambda X, rng: rng.poisson(X).astype(float), any_size),
    "log2": _with(lambda X, rng: np.log2(X).round(3), any_size),
    "z over all rows": _with(_z, any_size),
    "percentiles over all rows": _with(_percentiles, any_size),
    "percentiles of zeros": _with(lambda X, rng: _percentiles(_below_limit(X, rng), rng), any_size),
    "normal scores over all rows": _with(_normal_scores, any_size),
    "scaled to 0-1": _with(lambda X, rng: (X - X.min(0)) / (X.max(0) - X.min(0)), any_size),
    "plates": _with(_plates, any_size),
    "drug": _drug,
    "grave disease": _grave_disease,
    "ages and plates": _ages,
    "few cases": _few_cases,
    "sparse counts": _with(_sparse_counts, any_size),
    "shares of the row": _with(lambda X, rng: 100 * X / X.sum(axis=1, keepdims=True), any_size),
    "two limits": _with(_two_limits, any_size),
    "grades": _with(lambda X, rng: np.floor(3 * _percentiles(X, rng) ** 0.5) + 1, any_size),
    "ranks over all rows": _with(lambda X, rng: rankdata(X, axis=0), any_size),
}
"""Kinds of clean tables by name."""


def draw_clean(number: int) -> tuple[str, Cohort]:
    """Return the clean cohort of a number, and its kind; kinds take turns."""
    kind = list(CLEAN)[number % len(CLEAN)]
    return kind, CLEAN[kind](np.random.default_rng([20, number]))


# ---------------------------------------------------------------- flaws of the values


def percentiles_among(
    X: np.ndarray, reference: np.ndarray, kind: str = "mean", full_scale: float = 100.0
) -> np.ndarray:
    """Return the percentile of each cell among reference rows, as `scipy.stats.percentileofscore`.

    Parameters
    ----------
    reference : float array of shape (n_reference, n_features)
        The rows to count.
    kind : {"mean", "weak", "strict", "rank"}
        Whether equal rows count by half, fully, not, or as a rank.
    """
    ordered = np.sort(reference, axis=0)
    pairs = list(zip(ordered.T, X.T, strict=True))
    below = np.stack([np.searchsorted(column, x, "left") for column, x in pairs], axis=1)
    up_to = np.stack([np.searchsorted(column, x, "right") for column, x in pairs], axis=1)
    counted = {
        "mean": (below + up_to) / 2,
        "weak": up_to,
        "strict": below,
        "rank": (below + up_to + (below < up_to)) / 2,
    }[kind]
    return np.asarray(counted * (full_scale / len(reference)))


def plant_percentiles(
    kind: str = "mean",
    reference: int = 0,
    *,
    full_scale: float = 100.0,
    decimals: int | None = None,
    jitter: float = 0.0,
    kept: float = 1.0,
    then: Callable[[np.ndarray], np.ndarray] | None = None,
    limits: bool = False,
    gaps: bool = False,
    columns: float = 1.0,
) -> Plant:
    """Return a flaw: percentiles among one class.

    Parameters
    ----------
    decimals, jitter
        What is done to the percentiles: rounding, and noise up to a size.
    kept : float
        Share of the rows that are in the table; all were there when percentiles were made.
    then : callable, optional
        A later transform of all rows.
    limits, gaps : bool
        Zeros below detection limits before, or missing cells after.
    columns : float
        Share of the columns.
    """

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        X = _below_limit(clean.X, rng) if limits else clean.X
        X = percentiles_among(X, X[clean.y == reference], kind, full_scale)
        if decimals is not None:
            X = np.round(X, decimals)
        X = X + rng.uniform(0, 1, size=X.shape) * jitter
        X = then(X) if then else X
        X = _gaps(X, rng) if gaps else X
        X = np.where(rng.random(X.shape[1]) < columns, X, clean.X)
        rows = np.flatnonzero(rng.random(len(X)) < kept) if kept < 1 else np.arange(len(X))
        return replace(clean, X=X).rows(rows)

    return plant


def by_class(change: Callable[[np.ndarray], np.ndarray], *classes: int) -> Plant:
    """Return a flaw: a change of the rows of each class apart, or of one class alone."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        X = clean.X.copy()
        for label in classes or (0, 1):
            X[clean.y == label] = change(X[clean.y == label])
        return replace(clean, X=X)

    return plant


def plant_referred(center: Callable[..., np.ndarray], reference: int = 0) -> Plant:
    """Return a flaw: logarithms less the mean or median of one class."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        logs = np.log2(clean.X)
        return replace(clean, X=logs - center(logs[clean.y == reference], axis=0))

    return plant


def plant_class_fill(center: Callable[..., np.ndarray], share: float) -> Plant:
    """Return a flaw: missing cells filled with the mean or median of their own class."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        X = np.where(rng.random(clean.X.shape) < share, np.nan, clean.X)
        for label in (0, 1):
            rows = clean.y == label
            X[rows] = np.where(np.isnan(X[rows]), center(X[rows], axis=0), X[rows])
        return replace(clean, X=X)

    return plant


def plant_cells(value: float, share: float, columns: float = 1.0, label: int = 1) -> Plant:
    """Return a flaw: a value (a code, 0, NaN) in a share of one class's cells of some columns.

    With ``columns`` 0 it is one column alone.
    """

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        chosen = rng.random(clean.X.shape[1]) < columns
        chosen[0] = True
        hit = (rng.random(clean.X.shape) < share) & chosen & (clean.y == label)[:, None]
        return replace(clean, X=np.where(hit, value, clean.X))

    return plant


def plant_decimals(coarse: int, fine: int | None, columns: float = 1.0, label: int = 1) -> Plant:
    """Return a flaw: one class written to fewer decimals, in a share of the columns or in one."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        chosen = rng.random(clean.X.shape[1]) < columns
        chosen[0] = True
        X = clean.X * 10.0 if fine is None else np.round(clean.X * 10.0, fine)
        rows = clean.y == label
        X[rows] = np.where(chosen, np.round(X[rows], coarse), X[rows])
        return replace(clean, X=X)

    return plant


def _label_copy(clean: Cohort, rng: np.random.Generator) -> Cohort:
    X = clean.X.copy()
    X[:, 0] = np.exp(5 * clean.y + rng.normal(size=len(X)))
    return replace(clean, X=X)


def _within_normal_scores(X: np.ndarray) -> np.ndarray:
    return norm.ppf((rankdata(X, axis=0) - 0.5) / len(X))


def _standardized(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / X.std(axis=0)


# ---------------------------------------------------------------- flaws of design and columns


def plant_copies(n: int, noise: float = 0.0, *, across: bool = False) -> Plant:
    """Return a flaw: rows measured or entered twice, of which n copies replace other rows."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        order = rng.permutation(len(clean.y))
        X = clean.X.copy()
        for source in order[:n]:
            differs = (clean.y == clean.y[source]) == (not across)
            free = [row for row in order[n:] if differs[row]]
            target = int(free[int(rng.integers(len(free)))])
            X[target] = X[source] * np.exp(noise * rng.normal(size=X.shape[1]))
        return replace(clean, X=X)

    return plant


def plant_stems(first: str, second: str, n: int = 3) -> Plant:
    """Return a flaw: subjects that stand twice under one stem with two endings."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        rows = rng.permutation(np.flatnonzero(clean.y == 1))[: 2 * n]
        ids = list(clean.ids)
        for one, other in zip(rows[:n], rows[n:], strict=False):
            stem = ids[one]
            ids[one], ids[other] = stem + first, stem + second
        return replace(clean, ids=ids)

    return plant


def plant_id_ranges(pattern: str = "PN{:05d}", gap: int = 100) -> Plant:
    """Return a flaw: one running number in which each class occupies its own range."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        n = len(clean.y)
        numbers = np.sort(rng.permutation(8 * n)[:n]) + 1
        order = np.argsort(clean.y, kind="stable")
        ids = [""] * n
        for place, row in enumerate(order):
            ids[row] = pattern.format(numbers[place] + gap * int(clean.y[row]))
        return replace(clean, ids=ids)

    return plant


def plant_batch(purity: float) -> Plant:
    """Return a flaw: each class in batches of its own, for a share of its rows."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        mixed = rng.random(len(clean.y)) > purity
        batch = 1 + 2 * clean.y.astype(int) + rng.integers(0, 2, size=len(clean.y))
        batch = np.where(mixed, rng.integers(1, 5, size=len(clean.y)), batch)
        return replace(clean, extra={**clean.extra, "batch": batch})

    return plant


def plant_age(years: float) -> Plant:
    """Return a flaw: cases that are older."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        age = np.round(rng.normal(45, 9, size=len(clean.y)) + years * clean.y)
        return replace(clean, extra={**clean.extra, "age": age})

    return plant


def plant_columns(constant: int = 0, repeated: int = 0) -> Plant:
    """Return a flaw: columns that hold one value, or repeat another."""

    def plant(clean: Cohort, rng: np.random.Generator) -> Cohort:
        X = clean.X.copy()
        X[:, :constant] = 1.0
        half = X.shape[1] // 2
        X[:, half : half + repeated] = X[:, -repeated:] if repeated else X[:, half:half]
        return replace(clean, X=X)

    return plant


_TOGETHER = (
    ("palmitic acid", "stearic acid"),
    ("leucine", "isoleucine"),
    ("isoleucine", "valine"),
    ("myristic acid", "palmitic acid"),
    ("tyrosine", "phenylalanine"),
    ("leucine", "valine"),
)


def named_pairs(clean: Cohort, rng: np.random.Generator) -> Cohort:
    """Return the cohort with columns of metabolites that go together, under their names."""
    names = list(dict.fromkeys(name for pair in _TOGETHER for name in pair))
    logs = np.log(clean.X)
    acids = {"palmitic acid", "stearic acid", "myristic acid"}
    aromatic = {"tyrosine", "phenylalanine"}
    shared = rng.normal(size=(len(logs), 3))
    for column, name in enumerate(names):
        family = 0 if name in acids else 1 if name in aromatic else 2
        logs[:, column] = shared[:, family] + 0.25 * rng.normal(size=len(logs))
    return replace(clean, X=np.exp(logs), names=[*names, *clean.names[len(names) :]])


def _names_shuffled(clean: Cohort, rng: np.random.Generator) -> Cohort:
    named = named_pairs(clean, rng)
    return replace(named, names=[named.names[j] for j in rng.permutation(len(named.names))])


@dataclass(frozen=True)
class Flaw:
    """A flaw in its strengths, and what must be said about it.

    Attributes
    ----------
    checks : tuple of str
        Names of findings, any of which counts as seen.
    severities : tuple of str
        Severities that are right.
    strengths : mapping of str to callable
        What to do to a clean cohort.
    sizes : tuple of (int, int, int)
        Controls, cases and columns.
    """

    checks: tuple[str, ...]
    severities: tuple[str, ...]
    strengths: Mapping[str, Plant]
    sizes: tuple[tuple[int, int, int], ...]


_WIDE_SIZE = (6, 6, 1000)
_SIZES = ((15, 15, 60), (76, 135, 128), (300, 200, 150))
_STOPS = ("stops",)

FLAWS: dict[str, Flaw] = {
    "percentiles of one class": Flaw(
        ("percentile-lattice", "ties-by-class"),
        _STOPS,
        {
            "mean, controls": plant_percentiles(),
            "mean, cases": plant_percentiles(reference=1),
            "mean, shares": plant_percentiles(full_scale=1.0),
            "mean, jitter 1e-9": plant_percentiles(jitter=1e-9),
            "mean, 1 decimal": plant_percentiles(decimals=1),
            "mean, 2 decimals": plant_percentiles(decimals=2),
            "shares, 4 decimals": plant_percentiles(full_scale=1.0, decimals=4),
            "weak": plant_percentiles("weak"),
            "strict, cases": plant_percentiles("strict", 1),
            "rank": plant_percentiles("rank"),
            "weak, jitter 1e-9": plant_percentiles("weak", jitter=1e-9),
            "mean, zeros below limits": plant_percentiles(limits=True),
            "mean, missing cells": plant_percentiles(gaps=True),
            "mean, 60 % of columns": plant_percentiles(columns=0.6),
            "shares, 2 decimals": plant_percentiles(full_scale=1.0, decimals=2),
            "mean, then z": plant_percentiles(then=_standardized),
            "weak, then z": plant_percentiles("weak", then=_standardized),
        },
        (_WIDE_SIZE, *_SIZES),
    ),
    "percentiles, half of the rows kept": Flaw(
        ("percentile-lattice", "ties-by-class"),
        _STOPS,
        {"mean": plant_percentiles(kept=0.5)},
        ((76, 135, 128), (300, 200, 150)),
    ),
    "ranks within each class": Flaw(
        ("percentile-lattice", "ties-by-class"),
        _STOPS,
        {
            "ranks": by_class(lambda X: rankdata(X, axis=0)),
            "shares": by_class(lambda X: rankdata(X, axis=0) / len(X)),
            "normal scores": by_class(_within_normal_scores),
        },
        (_WIDE_SIZE, *_SIZES),
    ),
    "scaled within each class": Flaw(
        ("scaled-by-class",),
        _STOPS,
        {
            "z": by_class(_standardized),
            "z, 3 decimals": by_class(lambda X: np.round(_standardized(X), 3)),
            "mean of logs": by_class(lambda X: np.log(X) - np.log(X).mean(axis=0)),
            "median of logs": by_class(lambda X: np.log(X) - np.median(np.log(X), axis=0)),
            "unit maximum": by_class(lambda X: X / X.max(axis=0)),
            "0 to 1": by_class(lambda X: (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))),
        },
        (_WIDE_SIZE, *_SIZES),
    ),
    "scaled by one class": Flaw(
        ("scaled-by-class",),
        ("weakens",),
        {
            "mean of controls": plant_referred(np.mean),
            "median of controls": plant_referred(np.median),
            "mean of cases": plant_referred(np.mean, 1),
        },
        (_WIDE_SIZE, *_SIZES),
    ),
    "gaps filled by class": Flaw(
        ("ties-by-class",),
        _STOPS,
        {
            "mean, 10 %": plant_class_fill(np.nanmean, 0.1),
            "mean, 20 %": plant_class_fill(np.nanmean, 0.2),
            "median, 10 %": plant_class_fill(np.nanmedian, 0.1),
        },
        _SIZES,
    ),
    "few gaps filled by class": Flaw(
        ("ties-by-class",),
        _STOPS,
        {"mean, 3 %": plant_class_fill(np.nanmean, 0.03)},
        ((76, 135, 128), (300, 200, 150)),
    ),
    "precision by class": Flaw(
        ("precision-by-class",),
        _STOPS,
        {
            "1 of 4 decimals": plant_decimals(1, 4),
            "2 decimals of all": plant_decimals(2, None),
            "whole of 2 decimals": plant_decimals(0, 2),
            "controls coarser": plant_decimals(1, 4, label=0),
            "30 % of columns": plant_decimals(1, 4, 0.3),
            "one column": plant_decimals(1, 4, 0.0),
        },
        _SIZES,
    ),
    "codes in one class": Flaw(
        ("codes-among-values",),
        _STOPS,
        {
            "-99, 5 %": plant_cells(-99.0, 0.05),
            "999999, 20 %": plant_cells(999999.0, 0.2),
            "-1, 20 %, controls": plant_cells(-1.0, 0.2, label=0),
            "-99, one column": plant_cells(-99.0, 1.0, 0.0),
        },
        _SIZES,
    ),
    "zeros in one class": Flaw(
        ("zeros-by-class",),
        _STOPS,
        {
            "3 %": plant_cells(0.0, 0.03),
            "10 %, controls": plant_cells(0.0, 0.1, label=0),
            "30 %": plant_cells(0.0, 0.3),
        },
        ((76, 135, 128), (300, 200, 150)),
    ),
    "gaps in one class": Flaw(
        ("missing-by-class",),
        _STOPS,
        {
            "5 %": plant_cells(np.nan, 0.05),
            "20 %, controls": plant_cells(np.nan, 0.2, label=0),
        },
        _SIZES,
    ),
    "zeros in one class, one column": Flaw(
        ("zeros-by-class",),
        ("weakens",),
        {"60 %": plant_cells(0.0, 0.6, 0.0)},
        ((76, 135, 128), (300, 200, 150)),
    ),
    "gaps in one class, one column": Flaw(
        ("missing-by-class",),
        ("weakens",),
        {"60 %": plant_cells(np.nan, 0.6, 0.0)},
        ((76, 135, 128), (300, 200, 150)),
    ),
    "column that knows the class": Flaw(
        ("single-column",), ("weakens",), {"5 deviations": _label_copy}, _SIZES
    ),
}
"""Flaws of the values by name."""

_DESIGN_SIZES = ((40, 40, 80), (76, 135, 128))

DESIGN_FLAWS: dict[str, Flaw] = {
    "rows twice": Flaw(
        ("repeated-rows", "nearly-repeated-rows"),
        ("weakens",),
        {
            "one copy": plant_copies(1),
            "3 copies across classes": plant_copies(3, across=True),
            "one copy, 0.1 % noise": plant_copies(1, 0.001),
            "3 copies, 1 % noise": plant_copies(3, 0.01),
        },
        _DESIGN_SIZES,
    ),
    "subjects twice": Flaw(
        ("same-subject",),
        ("weakens",),
        {
            "-1 and -2": plant_stems("-1", "-2"),
            "-0001 and -0002.6": plant_stems("-0001", "-0002.6"),
            "one pair, _BL and _FU": plant_stems("_BL", "_FU", 1),
            "a and b": plant_stems("a", "b"),
        },
        _DESIGN_SIZES,
    ),
    "classes in id ranges": Flaw(
        ("class-by-id-number",),
        ("weakens",),
        {
            "PN00123": plant_id_ranges(),
            "123": plant_id_ranges("{}"),
            "plasma-123-A": plant_id_ranges("plasma-{}-A", gap=5000),
        },
        _DESIGN_SIZES,
    ),
    "rows by class": Flaw(
        ("class-by-row-order",),
        ("note",),
        {"sorted": lambda clean, rng: clean.rows(np.argsort(clean.y, kind="stable"))},
        _DESIGN_SIZES,
    ),
    "batch goes with class": Flaw(
        ("batch-goes-with-class",),
        ("weakens",),
        {"all rows": plant_batch(1.0), "70 % of rows": plant_batch(0.7)},
        _DESIGN_SIZES,
    ),
    "age goes with class": Flaw(
        ("covariate-goes-with-class",),
        ("weakens",),
        {"18 years": plant_age(18.0), "9 years": plant_age(9.0)},
        _DESIGN_SIZES,
    ),
    "names shuffled": Flaw(
        ("names-do-not-fit",), ("weakens",), {"all": _names_shuffled}, _DESIGN_SIZES
    ),
    "columns": Flaw(
        ("constant-columns",), ("note",), {"one constant": plant_columns(constant=1)}, _DESIGN_SIZES
    ),
    "columns twice": Flaw(
        ("repeated-columns",), ("weakens",), {"one": plant_columns(repeated=1)}, _DESIGN_SIZES
    ),
    "transformed over all rows": Flaw(
        ("transformed-values",),
        ("weakens",),
        {
            "z": lambda clean, rng: replace(clean, X=_z(clean.X, rng)),
            "percentiles": lambda clean, rng: replace(clean, X=_percentiles(clean.X, rng)),
        },
        _DESIGN_SIZES,
    ),
}
"""Flaws of rows, ids, design and columns by name."""
