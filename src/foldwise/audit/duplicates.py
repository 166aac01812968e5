"""Rows that stand twice: exactly, or so nearly that chance does not explain it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import beta
from sklearn.metrics.pairwise import nan_euclidean_distances

from foldwise.arrays import FloatArray, IntArray
from foldwise.audit.findings import Finding
from foldwise.data.rules import counted
from foldwise.errors import first_few

__all__ = ["check_duplicates", "comparable_columns", "near_pairs", "row_distances"]

_LEVEL = 1e-3
"""Chance, over the whole table, of one pair this near among rows that are all different."""
_CLOSE, _FAR = 5, 10  # neighbours between which the growth of neighbourhoods is measured
_LARGEST_DIMENSION = 12.0
_FEWEST_COLUMNS = 3  # in which a pair must be near; one or two agree by rounding
_WINSOR = 4.0  # standard deviations beyond which a cell is no further away


def check_duplicates(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    ids: Sequence[str],
    groups: np.ndarray | None = None,
) -> list[Finding]:
    """Return findings on rows that repeat another exactly or nearly.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    ids : sequence of str
        Row ids.
    groups : array of shape (n_samples,), optional
        Subjects as declared; a pair inside one is known and only noted.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(40, 8))
    >>> X[7] = X[3]
    >>> found = check_duplicates(X, np.tile([0.0, 1.0], 20), [f"s{i}" for i in range(40)])
    >>> [(finding.check, finding.rows) for finding in found]
    [('repeated-rows', ('s3', 's7'))]
    """
    exact = _exact_pairs(X)
    near = [pair for pair in near_pairs(X) if pair not in set(exact)]
    found = []
    if exact:
        found.append(_finding("repeated-rows", "hold the same values", exact, y, ids, groups))
    if near:
        text = "are nearer to each other than chance explains"
        found.append(_finding("nearly-repeated-rows", text, near, y, ids, groups))
    return found


Pair = tuple[int, int]


def _finding(
    check: str,
    text: str,
    pairs: Sequence[Pair],
    y: FloatArray,
    ids: Sequence[str],
    groups: np.ndarray | None,
) -> Finding:
    listed = first_few((f"{ids[i]} = {ids[j]}" for i, j in pairs), quoted=False)
    message = f"Rows that {text}, {counted(len(pairs), 'pair')}: {listed}."
    across = sum(bool(y[i] != y[j]) for i, j in pairs)
    if across:
        message += f" {across} of these pairs have both labels: one of the two must be wrong."
    covered = groups is not None and all(groups[i] == groups[j] for i, j in pairs)
    if covered:
        message += " The declared groups keep each pair on one side of every split."
    return Finding(
        check,
        "note" if covered and not across else "weakens",
        message,
        "Find out which samples these are. Keep one row of each, or keep repeats of a subject on "
        "one side of every split with --groups COLUMN.",
        rows=tuple(ids[row] for row in sorted({row for pair in pairs for row in pair})),
    )


def _exact_pairs(X: FloatArray) -> list[Pair]:
    """Return pairs of equal rows, if equal rows are not to be expected in such a table."""
    _, codes, counts = np.unique(X, axis=0, return_inverse=True, return_counts=True, equal_nan=True)
    pairs = []
    for code in np.flatnonzero(counts > 1):
        rows = np.flatnonzero(codes.ravel() == code).tolist()
        pairs += [(rows[0], other) for other in rows[1:]]
    n = len(X)
    expected = n * (n - 1) / 2 * np.exp(_log_chance_of_equal_rows(X))
    return sorted(pairs) if expected < _LEVEL else []


def _log_chance_of_equal_rows(X: FloatArray) -> float:
    """Return the log of the chance that two unrelated rows agree in every column.

    The product over columns of the chance that two draws are the same value; correlated
    columns count for fewer, by the participation ratio of their correlation matrix.
    """
    n = len(X)
    log_chance = 0.0
    for column in X.T:
        counts = np.unique(column, return_counts=True, equal_nan=True)[1]
        # Laplace's rule: a table of n rows cannot show a chance below about 1/n^2.
        log_chance += np.log(((counts * (counts - 1)).sum() + 1) / (n * (n - 1) + 1))
    Z = comparable_columns(X)
    if Z.shape[1] == 0:
        return 0.0
    products = np.where(np.isnan(Z), 0.0, Z) @ np.where(np.isnan(Z), 0.0, Z).T  # (sample, sample)
    # Both traces are those of the correlation matrix, which may be far larger.
    n_effective = np.trace(products) ** 2 / (products**2).sum()
    return float(log_chance * n_effective / X.shape[1])


def row_distances(Z: Float[np.ndarray, "sample feature"]) -> FloatArray:
    """Return root mean squared differences of standardised rows, shape (n_samples, n_samples).

    Pairs that share fewer than a quarter of the columns are infinitely far, as is a row from
    itself.

    Examples
    --------
    >>> row_distances(np.array([[0.0, 0.0], [3.0, 4.0]])).round(3)
    array([[  inf, 3.536],
           [3.536,   inf]])
    """
    if Z.shape[1] == 0:
        return np.full((len(Z), len(Z)), np.inf)
    held = ~np.isnan(Z)
    shared = held.astype(float) @ held.T.astype(float)  # (sample, sample)
    distances = nan_euclidean_distances(Z) / np.sqrt(Z.shape[1])
    distances[shared < Z.shape[1] / 4] = np.inf
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances)


def comparable_columns(X: Float[np.ndarray, "sample feature"]) -> FloatArray:
    """Return varying columns in their less skewed scale, standardised and winsorised.

    Columns with values of 0 or below are taken as they are.
    """
    held = ~np.isnan(X)
    lowest = np.where(held, X, np.inf).min(axis=0)
    varying = lowest < np.where(held, X, -np.inf).max(axis=0)
    X, positive = X[:, varying], lowest[varying] > 0
    own = _standardised(X)
    logs = _standardised(np.log(np.where(positive, X, 1.0)))
    less_skewed = np.abs(np.nanmean(logs**3, axis=0)) < np.abs(np.nanmean(own**3, axis=0))
    return np.asarray(np.clip(np.where(positive & less_skewed, logs, own), -_WINSOR, _WINSOR))


def _standardised(X: FloatArray) -> FloatArray:
    """Return columns with mean 0 and standard deviation 1, or 0 where they are constant."""
    spread = np.nanstd(X, axis=0)
    return np.asarray((X - np.nanmean(X, axis=0)) / np.where(spread > 0, spread, 1.0))


def near_pairs(X: Float[np.ndarray, "sample feature"]) -> list[Pair]:
    """Return pairs of different rows that are nearer than neighbours of this table can be.

    Around a point the number of neighbours grows as distance to the power d, the intrinsic
    dimension. Whatever the density, ``(r1 / r5) ** d`` then has the law of the least of four
    uniform numbers: ``p = 1 - (1 - (r1 / r5) ** d) ** 4``. The table's d comes from the
    median of ``log(r10 / r5)``, where the ratio of volumes has median 1/2; copies of up to
    five rows do not change it. A pair with fewer cells of its own has a smaller d.

    References
    ----------
    .. [1] Facco, d'Errico, Rodriguez & Laio (2017), Sci. Rep. 7, 12140: ratios of the
       distances to near neighbours.
    """
    n = len(X)
    if n < _CLOSE + 2:
        return []
    distances = row_distances(comparable_columns(X))
    n_far = min(_FAR, n - 1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_far]  # (sample, neighbour)
    nearest = np.take_along_axis(distances, order, axis=1)
    first, close, far = nearest[:, 0], nearest[:, _CLOSE - 1], nearest[:, -1]
    partner = order[:, 0]
    n_own = _n_untied(X, partner)
    # Ten rows to compare with, not five copies.
    usable = np.isfinite(far) & (close > 0) & (n_own >= _FEWEST_COLUMNS)
    if not usable.any():
        return []
    dimension = np.minimum(_dimension(close[usable], far[usable], n_far), n_own)
    dimension *= np.minimum(n_own / np.median(n_own[usable]), 1)
    ratio = (first[usable] / close[usable]) ** dimension[usable]
    p = 1 - (1 - ratio) ** (_CLOSE - 1)
    near = np.flatnonzero(usable)[p < _LEVEL / n].tolist()
    return sorted({(min(i, int(partner[i])), max(i, int(partner[i]))) for i in near})


def _n_untied(X: FloatArray, partner: IntArray) -> IntArray:
    """Return in how many columns neither row of a pair holds a value of other rows.

    Zeros and rounded numbers that many rows share bring any two rows together: such cells
    add nothing to the dimension of a pair.
    """
    own = np.zeros(X.shape, dtype=bool)
    for column, values in enumerate(X.T):
        _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        own[:, column] = (counts[codes] <= 2) & ~np.isnan(values)
    return np.asarray((own & own[partner]).sum(axis=1))


def _dimension(close: FloatArray, far: FloatArray, n_far: int) -> float:
    """Return the intrinsic dimension from the growth of neighbourhoods, at most 12.

    The inner volume over the outer one has the law Beta(5, n_far - 5). In wide tables a
    quiet row is near to all others: the cap asks that a pair be near by a factor, too.
    """
    growth = float(np.median(np.log(far / close)))
    shrinkage = -float(np.log(beta.median(_CLOSE, n_far - _CLOSE)))
    return min(shrinkage / growth, _LARGEST_DIMENSION) if growth > 0 else _LARGEST_DIMENSION
