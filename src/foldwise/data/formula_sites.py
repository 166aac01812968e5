"""Formulas of perovskites: which element of an ABX3 formula stands on which site."""

from collections.abc import Mapping, Sequence

import pandas as pd

from foldwise.data.composition import parse_formula, site_text
from foldwise.data.rules import Cell, counted
from foldwise.errors import InvalidInputError, first_few

__all__ = ["ANIONS", "Sites", "sites_of_formulas"]

ANIONS = frozenset({"H", "N", "O", "F", "S", "Cl", "Se", "Br", "I"})

Sites = Mapping[str, Sequence[str]]


class _NoSitesError(Exception):
    """A formula of which the sites cannot be told."""


def sites_of_formulas(cells: pd.Series, sites: Sites | None, *, where: str) -> pd.DataFrame:
    """Return the sites A, B and X of a column of ABX3 formulas in canonical text.

    Parameters
    ----------
    cells : Series of str
        Formulas, indexed by row id.
    sites : mapping of str to sequence of str, optional
        The elements of site A and of site B. Without it, the first cations written
        fill site A.
    where : str
        The file or table, for errors.

    Raises
    ------
    InvalidInputError
        If a cell is no formula, or its sites cannot be told; all are named.

    Examples
    --------
    >>> cells = pd.Series(["La0.5Sr0.5MnO3"], index=["p1"], name="formula")
    >>> sites_of_formulas(cells, None, where="perov.csv").loc["p1"].tolist()
    ['La0.5Sr0.5', 'Mn', 'O']
    """
    rows: list[tuple[str, str, str]] = []
    unread: list[Cell] = []
    unclear: list[Cell] = []
    for row, cell in cells.items():
        try:
            amounts = parse_formula(cell if isinstance(cell, str) else "")
            rows.append(_abx_of(amounts, sites))
        except InvalidInputError:
            unread.append(Cell(cell, row))
        except _NoSitesError as reason:
            unclear.append(Cell(cell, row, str(reason)))
    if unread:
        raise InvalidInputError(
            f"{where}: column '{cells.name}' has {counted(len(unread), 'entry', 'entries')} that "
            f"{'is' if len(unread) == 1 else 'are'} not a formula: {first_few(unread)}. "
            "Write symbols and counts such as 'La0.5Sr0.5MnO3'."
        )
    if unclear:
        raise InvalidInputError(
            f"{where}: column '{cells.name}' has {counted(len(unclear), 'formula')} whose sites "
            f"cannot be told: {first_few(unclear)}. Give columns 'A' and 'B', or in Python the "
            "elements of each site, such as sites={'A': ['La', 'Sr'], 'B': ['Mn']}."
        )
    return pd.DataFrame(rows, index=cells.index, columns=["A", "B", "X"])


def _abx_of(amounts: Mapping[str, float], sites: Sites | None) -> tuple[str, str, str]:
    anions = {symbol: n for symbol, n in amounts.items() if symbol in ANIONS and n > 0}
    cations = {symbol: n for symbol, n in amounts.items() if symbol not in ANIONS and n > 0}
    per_site = sum(cations.values()) / 2  # ABX3: as many cations on A as on B
    if not cations or abs(sum(anions.values()) / per_site - 3) > 0.03:  # rounded shares pass
        raise _NoSitesError("is not ABX3")
    on_a = _named_cations(cations, sites) if sites else _first_cations(cations, per_site)
    on_b = {symbol: n for symbol, n in cations.items() if symbol not in on_a}
    if abs(sum(on_a.values()) - per_site) > 1e-3 * per_site:
        raise _NoSitesError(f"has {sum(on_a.values()):g} of {per_site:g} atoms on A")
    return _shares_text(on_a), _shares_text(on_b), _shares_text(anions)


def _first_cations(cations: Mapping[str, float], per_site: float) -> dict[str, float]:
    on_a: dict[str, float] = {}
    for symbol, n in cations.items():
        if sum(on_a.values()) >= per_site * (1 - 1e-3):
            break
        on_a[symbol] = n
    return on_a


def _named_cations(cations: Mapping[str, float], sites: Sites) -> dict[str, float]:
    for symbol in cations:
        named = [site for site in ("A", "B") if symbol in sites.get(site, ())]
        if len(named) != 1:
            raise _NoSitesError(f"holds {symbol}, named for {' and '.join(named) or 'no site'}")
    return {symbol: n for symbol, n in cations.items() if symbol in sites["A"]}


def _shares_text(amounts: Mapping[str, float]) -> str:
    total = sum(amounts.values())
    return site_text((symbol, n / total) for symbol, n in amounts.items())
