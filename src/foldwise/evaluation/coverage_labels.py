"""What each 95 % interval reaches on tables of known truth, to be printed beside it.

The numbers are those of ``docs/intervals.md``, section Coverage, which says how the tables
were drawn; ``benchmarks/interval_coverage.py`` measures them.
"""

from foldwise.errors import InvalidInputError

__all__ = ["BANDS", "COVERAGE", "REJECTED", "SOURCES", "coverage_label", "rejection_label"]

BANDS = ((10, 20), (21, 50), (51, 100), (101, 500))
"""Rows (with groups: subjects) of the smaller class."""

Found = tuple[tuple[int, int] | None, ...]

COVERAGE: dict[tuple[str, str], Found] = {
    ("delong", "given scores"): ((94, 92), (95, 94), (95, 94), (95, 95)),
    ("bca", "given scores"): ((94, 92), (94, 93), (94, 90), (95, 94)),
    ("obuchowski", "subjects, one class each"): ((95, 93), (95, 94), (95, 92), (96, 94)),
    ("delong, subjects ignored", "subjects, one class each"): (
        (88, 87),
        (88, 85),
        (88, 82),
        (89, 89),
    ),
    ("cluster bca", "subjects, one class each"): ((93, 91), (95, 94), (94, 86), (96, 94)),
    ("obuchowski", "subjects, mixed"): ((95, 94), (95, 94), (94, 93), (95, 94)),
    ("delong, subjects ignored", "subjects, mixed"): ((94, 92), (94, 93), (94, 92), (95, 94)),
    ("cluster bca", "subjects, mixed"): ((92, 86), (93, 90), (94, 88), (95, 93)),
    ("ppv", "shares"): ((95, 90), (95, 94), (95, 93), (95, 94)),
    ("npv", "shares"): ((94, 90), (96, 95), (95, 94), (95, 93)),
    ("clustered wilson", "shares"): ((95, 93), (95, 92), (95, 92), (94, 93)),
    ("wilson", "shares"): ((95, 92), (95, 93), (95, 94), (95, 95)),
    ("nadeau-bengio", "L2 in 10 x 5 folds"): ((92, 87), (94, 89), (93, 88), (94, 90)),
    ("delong of one repeat", "L2 in 10 x 5 folds"): ((86, 84), (89, 86), (91, 84), (92, 86)),
    ("delong, median of repeats", "L2 in 10 x 5 folds"): ((88, 86), (91, 90), (92, 88), (93, 89)),
    ("nadeau-bengio", "L1 in 10 x 5 folds"): ((94, 90), (93, 90), (93, 85), None),
    ("delong of one repeat", "L1 in 10 x 5 folds"): ((88, 86), (88, 84), (89, 82), None),
    ("delong, median of repeats", "L1 in 10 x 5 folds"): ((90, 89), (91, 89), (91, 84), None),
}
"""Per row of the table and band: per cent that held the truth over all AUCs, and at the worst."""

REJECTED: dict[tuple[str, str], Found] = {
    ("p delong, median", "L2 in 10 x 5 folds"): ((11, 14), (10, 14), (8, 12), (7, 12)),
    ("p delong", "L2 in 10 x 5 folds"): ((8, 14), (5, 11), (5, 16), (5, 8)),
    ("p nadeau-bengio", "L2 in 10 x 5 folds"): ((9, 13), (8, 13), (7, 13), (6, 11)),
    ("p delong, median", "L1 in 10 x 5 folds"): ((9, 14), (8, 13), (10, 17), None),
    ("p delong", "L1 in 10 x 5 folds"): ((6, 10), (5, 8), (4, 7), None),
    ("p nadeau-bengio", "L1 in 10 x 5 folds"): ((8, 12), (7, 13), (8, 13), None),
}
"""The same of paired tests of models that are equally good: per cent with p below 0.05."""

_FOLDS = "L2 in 10 x 5 folds", "L1 in 10 x 5 folds"
_SUBJECTS = "subjects, one class each", "subjects, mixed"

SOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "delong": (("delong", "given scores"),),
    "bca": (("bca", "given scores"),),
    "obuchowski": tuple(("obuchowski", one) for one in _SUBJECTS),
    "cluster bca": tuple(("cluster bca", one) for one in _SUBJECTS),
    "nadeau-bengio": tuple(("nadeau-bengio", one) for one in _FOLDS),
    "delong, median of repeats": tuple(("delong, median of repeats", one) for one in _FOLDS),
    "wilson": (("wilson", "shares"),),
    "clustered wilson": (("clustered wilson", "shares"),),
    "predictive value": (("ppv", "shares"), ("npv", "shares")),
    "obuchowski, median of repeats": (),
    "bca of average precision": (),
    "wald": (),
    "clustered wald": (),
}
"""Rows of the table that speak of each `Estimate.method`; none where nothing was measured."""

_GOAL = range(92, 99)
_MOST_REJECTED = 8  # as far from 5 as 92 is from 95


def coverage_label(method: str, smaller_class: int) -> str:
    """Return what to print beside a 95 % interval that does not reach 92 to 98 %, else "".

    Parameters
    ----------
    method : str
        As in `Estimate.method`.
    smaller_class : int
        Rows (with groups: subjects) of the smaller class; of a sensitivity or specificity
        those of its own class. Above 500 the largest band speaks, below 10 nothing was
        measured.

    Raises
    ------
    InvalidInputError
        If no method has this name.

    Examples
    --------
    >>> coverage_label("delong", 300)
    ''
    >>> coverage_label("delong", 6)
    'nominal 95 %; not measured with fewer than 10 in the smaller class'
    """
    if method not in SOURCES:
        raise InvalidInputError(f"No interval is called {method!r}; there are {sorted(SOURCES)}.")
    if smaller_class < BANDS[0][0]:
        return f"nominal 95 %; {_TOO_FEW}"
    band, place = _band(smaller_class)
    found = [pair for row in SOURCES[method] if (pair := COVERAGE[row][place]) is not None]
    if not found:
        return "nominal 95 %; what it reaches was not measured"
    if all(number in _GOAL for pair in found for number in pair):
        return ""
    mean, worst = (min(numbers) for numbers in zip(*found, strict=True))
    return (
        f"nominal 95 %; {band} it held the truth in {mean} % of simulated tables, in {worst} % "
        "where it did worst"
    )


def rejection_label(test: str, smaller_class: int) -> str:
    """Return what to print beside a paired p value that rejects equal models too often, else "".

    Parameters
    ----------
    test : str
        "p delong" (`paired_p_value_over_repeats`), "p delong, median" (of one repeat, or
        the median of several) or "p nadeau-bengio" (`corrected_p_value`).
    smaller_class : int
        Rows of the smaller class.

    Raises
    ------
    InvalidInputError
        If no test has this name.

    Examples
    --------
    >>> rejection_label("p delong", 6)
    'not measured with fewer than 10 in the smaller class'
    """
    rows = [row for row in REJECTED if row[0] == test]
    if not rows:
        names = sorted({name for name, _ in REJECTED})
        raise InvalidInputError(f"No paired test is called {test!r}; there are {names}.")
    if smaller_class < BANDS[0][0]:
        return _TOO_FEW
    band, place = _band(smaller_class)
    found = [pair for row in rows if (pair := REJECTED[row][place]) is not None]
    mean, worst = (max(numbers) for numbers in zip(*found, strict=True))
    if mean <= _MOST_REJECTED and worst <= _MOST_REJECTED:
        return ""
    return (
        f"{band} models that are equally good had p < 0.05 in {mean} % of simulated tables, in "
        f"{worst} % where it did worst"
    )


_TOO_FEW = f"not measured with fewer than {BANDS[0][0]} in the smaller class"


def _band(smaller_class: int) -> tuple[str, int]:
    """Return a band in words and its place."""
    place = next((k for k, (_, high) in enumerate(BANDS) if smaller_class <= high), len(BANDS) - 1)
    low, high = BANDS[place]
    return f"with {low} to {high} in the smaller class", place
