"""Names of features: do those known to go together, and what is no metabolite."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.audit.metabolite_names import ARTEFACTS, DRUGS, KNOWN_PAIRS, plain_name
from foldwise.errors import first_few

__all__ = ["check_foreign_names", "check_names", "known_pairs", "rank_correlation_within_classes"]

_FEWEST_PAIRS = 3
_MOST_COLUMNS = 3000  # whose matrix of correlations takes 72 MB
_STRONG = 0.9  # an unlisted pair above it shows that the table holds strong pairs at all
_USUAL = 0.9  # quantile of all other pairs that a known pair should pass; one in ten does
_MEAN_PLACE = 0.75
"""Mean place of the known pairs among all others, from 0 to 1: 0.5 for names given at random.
Where all columns rise and fall together, known pairs are ahead by little, but ahead."""


def check_names(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"], names: Sequence[str]
) -> list[Finding]:
    """Return a finding if metabolites known to go together do not, while others do.

    Not applicable, and silent, where fewer than three known pairs are there, or where no
    pair of other names is strongly correlated.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    names : sequence of str
        Names of the features.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 6))
    >>> X[:, 4] = X[:, 5]
    >>> names = ["palmitate", "Octadecanoic acid", "Leucine", "isoleucine", "valine", "x"]
    >>> check_names(X, np.tile([0.0, 1.0], 30), names)[0].check
    'names-do-not-fit'
    """
    pairs = known_pairs(names)
    if len(pairs) < _FEWEST_PAIRS:
        return []
    X, names, pairs = _thinned(X, names, pairs)
    correlation = rank_correlation_within_classes(X, y)
    i, j = np.triu_indices(len(names), 1)
    listed = np.zeros(correlation.shape, dtype=bool)
    for one, other in pairs:
        listed[one, other] = listed[other, one] = True
    others = correlation[i, j][~listed[i, j]]
    if not len(others) or others.max() <= _STRONG:
        return []
    usual = float(np.quantile(others, _USUAL))
    values = [float(correlation[pair]) for pair in pairs]
    place = float(np.mean([(others < value).mean() for value in values]))
    mostly_weak = sum(value < usual for value in values) > len(pairs) / 2
    if not mostly_weak or place > _MEAN_PLACE:
        return []
    return [_misnamed(pairs, values, names, usual, _strongest(correlation, listed))]


def _thinned(
    X: FloatArray, names: Sequence[str], pairs: list[tuple[int, int]]
) -> tuple[FloatArray, Sequence[str], list[tuple[int, int]]]:
    """Return every k-th column beside those of known pairs, so that the matrix fits."""
    step = -(-X.shape[1] // _MOST_COLUMNS)
    if step == 1:
        return X, names, pairs
    kept = sorted({*range(0, X.shape[1], step), *(column for pair in pairs for column in pair)})
    place = {column: new for new, column in enumerate(kept)}
    return X[:, kept], [names[k] for k in kept], [(place[i], place[j]) for i, j in pairs]


def _strongest(correlation: FloatArray, listed: np.ndarray) -> tuple[int, int, float]:
    """Return the unlisted pair with the strongest correlation, and its value."""
    free = np.where(listed | np.tri(len(listed), dtype=bool), -np.inf, correlation)
    one, other = np.unravel_index(int(free.argmax()), free.shape)
    return int(one), int(other), float(free[one, other])


def _misnamed(
    pairs: Sequence[tuple[int, int]],
    values: Sequence[float],
    names: Sequence[str],
    usual: float,
    strongest: tuple[int, int, float],
) -> Finding:
    shown = sorted(zip(values, pairs, strict=True))
    listed = first_few(
        (f"{names[i]} with {names[j]} {value:.2f}" for value, (i, j) in shown), quoted=False
    )
    weak = sum(value < usual for value in values)
    one, other, most = strongest
    return Finding(
        "names-do-not-fit",
        "weakens",
        f"Names do not fit their columns: {weak} of {len(pairs)} pairs of metabolites known to "
        f"go together lie below the upper tenth of other pairs within classes ({usual:.2f}): "
        f"{listed}. Meanwhile {names[one]} goes with {names[other]} at {most:.2f}. The AUC does "
        "not depend on names; panels and named metabolites stop here.",
        "Compare names and columns with the source file: a list of names that was sorted or "
        "joined by position shifts them all. Name no metabolite before that.",
        columns=tuple(dict.fromkeys(names[k] for pair in pairs for k in pair)),
    )


def rank_correlation_within_classes(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> FloatArray:
    """Return Spearman's correlation of columns within classes, shape (n_features, n_features).

    The mean over the two classes weighted by their rows; missing cells take the mean rank.
    A column that is constant in a class has correlation 0 there.
    """
    total = np.zeros((X.shape[1], X.shape[1]))
    for value in (0.0, 1.0):
        rows = X[y == value]
        held = ~np.isnan(rows)
        ranks = rankdata(rows, axis=0, nan_policy="omit")
        centre = np.divide(
            np.where(held, ranks, 0.0).sum(axis=0),
            held.sum(axis=0),
            out=np.zeros(X.shape[1]),
            where=held.any(axis=0),
        )
        ranks = np.where(held, ranks - centre, 0.0)
        size = np.sqrt((ranks**2).sum(axis=0))
        ranks = np.divide(ranks, size, out=np.zeros_like(ranks), where=size > 0)
        total += len(rows) / len(X) * (ranks.T @ ranks)
    return total


def known_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of names that are known to go together.

    Examples
    --------
    >>> known_pairs(["Octadecanoic acid", "glucose", "Palmitate (16:0)"])
    [(0, 2)]
    """
    place: dict[str, int] = {}
    for column, name in enumerate(names):
        if (plain := plain_name(name)) is not None:
            place.setdefault(plain, column)
    found = {
        tuple(sorted((place[one], place[other])))
        for one, other in KNOWN_PAIRS
        if one in place and other in place
    }
    return sorted((int(one), int(other)) for one, other in found)


def check_foreign_names(names: Sequence[str]) -> list[Finding]:
    """Return notes on drugs, and on traces of reagents and plastics, among the names.

    Examples
    --------
    >>> found = check_foreign_names(["Alanine, 2TMS", "Ibuprofen", "glucose"])
    >>> [(finding.check, finding.columns) for finding in found]
    [('drug-names', ('Ibuprofen',)), ('artefact-names', ('Alanine, 2TMS',))]
    """
    found = []
    for check, pattern, what, remedy in (
        (
            "drug-names",
            DRUGS,
            "Drugs, or what is made of them, stand among the features",
            "Who takes a drug knows the diagnosis: such a column tells treatment, not disease. "
            "Look at the model without them.",
        ),
        (
            "artefact-names",
            ARTEFACTS,
            "Names of reagents, derivatives or plastics stand among the features",
            "They tell how samples were prepared and stored. A derivative such as TMS may be a "
            "metabolite measured as it; bare reagents and plasticisers are to be left out.",
        ),
    ):
        columns = tuple(name for name in names if re.search(pattern, name, re.IGNORECASE))
        if columns:
            message = f"{what}, {len(columns)}: {first_few(columns)}."
            found.append(Finding(check, "note", message, remedy, columns=columns))
    return found
