"""Formulas and site fractions: what may stand in a composition cell, and how it is written."""

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from foldwise.data.rules import Cell, counted
from foldwise.errors import InvalidInputError, first_few

__all__ = ["ELEMENTS", "SitePairs", "parse_formula", "parse_site", "parse_site_column", "site_text"]

SitePairs = tuple[tuple[str, float], ...]

_BY_ATOMIC_NUMBER = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se
    Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy
    Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf
    Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
ELEMENTS: tuple[str, ...] = tuple(_BY_ATOMIC_NUMBER.split())
_KNOWN = frozenset(ELEMENTS)
_SUM_TOLERANCE = 1e-3  # published fractions are rounded to three digits (0.333 + 0.667)
_SMALLEST_SHARE = 5e-7  # site_text writes six decimals: less would be written as 0

_TOKEN = re.compile(r"(?P<symbol>[A-Z][a-z]?)|(?P<open>[(\[{])|(?P<close>[)\]}])")
_COUNT = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_HYDRATE = re.compile("[\u00b7\u2022\u22c5*]")  # a full stop is a decimal point, never a dot
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


class _NotASiteError(InvalidInputError):
    """A site cell that does not name elements."""


class _WrongSumError(InvalidInputError):
    """A site cell whose fractions do not sum to 1."""

    def __init__(self, total: float) -> None:
        super().__init__(total)
        self.total = total


def parse_formula(text: str) -> dict[str, float]:
    """Return how many atoms of each element a formula holds, in the order written.

    Brackets may be nested, counts may be decimals, and a raised dot joins a hydrate.

    Parameters
    ----------
    text : str
        Such as ``"La0.5Sr0.5MnO3"``, ``"(La0.5Sr0.5)MnO3"`` or ``"CuSO4·5H2O"``.

    Raises
    ------
    InvalidInputError
        If the text is not a formula; the message says where reading stopped.

    Examples
    --------
    >>> parse_formula("La0.5Sr0.5MnO3")
    {'La': 0.5, 'Sr': 0.5, 'Mn': 1.0, 'O': 3.0}
    >>> parse_formula("Ba(Zn(NO3)2)2·2H2O")["O"]
    14.0
    """
    total: dict[str, float] = {}
    for part in _HYDRATE.split("".join(text.split()).translate(_SUBSCRIPTS)):
        leading = _COUNT.match(part)
        factor = float(leading.group()) if leading else 1.0
        body = part[leading.end() :] if leading else part
        for symbol, count in _parse_part(body, text).items():
            total[symbol] = total.get(symbol, 0.0) + factor * count
    return total


def _parse_part(body: str, text: str) -> dict[str, float]:
    stack: list[dict[str, float]] = [{}]
    position = 0
    while position < len(body):
        token = _TOKEN.match(body, position)
        if token is None:
            raise _not_a_formula(text, f"'{body[position]}' is not expected there")
        position = token.end()
        if token["open"]:
            stack.append({})
            continue
        counted = _COUNT.match(body, position)
        count = float(counted.group()) if counted else 1.0
        position = counted.end() if counted else position
        if token["symbol"]:
            inner = {_require_symbol(token["symbol"], text): 1.0}
        elif len(stack) > 1:
            inner = stack.pop()
        else:
            raise _not_a_formula(text, "a bracket is closed that was never opened")
        for symbol, amount in inner.items():
            stack[-1][symbol] = stack[-1].get(symbol, 0.0) + amount * count
    if len(stack) > 1:
        raise _not_a_formula(text, "a bracket is not closed")
    if not stack[0]:
        raise _not_a_formula(text, "it names no element")
    return stack[0]


def _require_symbol(symbol: str, text: str) -> str:
    if symbol not in _KNOWN:
        raise _not_a_formula(text, f"'{symbol}' is not an element")
    return symbol


def _not_a_formula(text: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{text!r} is not a formula: {reason}. Write symbols and counts such as 'La0.5Sr0.5MnO3'."
    )


def parse_site(cell: object) -> SitePairs:
    """Return the elements of one site and their shares, sorted by symbol.

    Parameters
    ----------
    cell : str or mapping
        An element (``"Ba"``), elements with fractions (``"La0.5Sr0.5"``), a mapping of
        symbols to fractions, or such a mapping as JSON text, also encoded twice.

    Returns
    -------
    tuple of (symbol, share) pairs
        The shares sum to 1: a sum within 0.001 of it is put right.

    Raises
    ------
    InvalidInputError
        If the cell does not name elements or its fractions do not sum to 1.

    Examples
    --------
    >>> parse_site("Sr0.5La0.5")
    (('La', 0.5), ('Sr', 0.5))
    >>> parse_site('{"La": 0.333, "Sr": 0.667}') == parse_site({"Sr": 0.667, "La": 0.333})
    True
    """
    try:
        return _site_pairs(cell)
    except _WrongSumError as error:
        raise InvalidInputError(
            f"The fractions of the site {str(cell)!r} sum to {error.total:.6g}, not to 1. "
            "Write shares of one site, such as 'La0.5Sr0.5'."
        ) from None
    except _NotASiteError:
        raise InvalidInputError(
            f"{'' if cell is None else str(cell)!r} does not name the elements of a site. "
            "Write symbols such as 'Fe', or shares such as 'La0.5Sr0.5'."
        ) from None


def _site_pairs(cell: object) -> SitePairs:
    if isinstance(cell, Mapping):
        return _shares(cell)
    if not isinstance(cell, str):
        raise _NotASiteError(cell)
    return _pairs_of_text(cell)


@lru_cache(maxsize=16384)
def _pairs_of_text(text: str) -> SitePairs:
    text = text.strip()
    if text in _KNOWN:
        return ((text, 1.0),)
    if text.startswith(("{", '"')):
        return _site_pairs(_written_mapping(text))
    try:
        return _shares(parse_formula(text))
    except (_NotASiteError, _WrongSumError):
        raise
    except InvalidInputError:
        raise _NotASiteError(text) from None


def _written_mapping(text: str) -> object:
    """Return what a JSON text, or the text of a Python dictionary, stands for."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise _NotASiteError(text) from None


def _shares(amounts: Mapping[Any, Any]) -> SitePairs:
    shares: dict[str, float] = {}
    for symbol, amount in amounts.items():
        if symbol not in _KNOWN or isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise _NotASiteError(amounts)
        if not math.isfinite(amount) or amount < 0:
            raise _NotASiteError(amounts)
        if amount >= _SMALLEST_SHARE:
            shares[str(symbol)] = float(amount)
    if not amounts:
        raise _NotASiteError(amounts)
    total = math.fsum(shares.values())
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise _WrongSumError(total)
    return tuple((symbol, share / total) for symbol, share in sorted(shares.items()))


def site_text(pairs: Iterable[tuple[str, float]]) -> str:
    """Return the one way in which Foldwise writes a site: sorted, six decimals at most.

    Examples
    --------
    >>> site_text([("Sr", 2 / 3), ("La", 1 / 3)])
    'La0.333333Sr0.666667'
    >>> site_text(parse_site("Ba1"))
    'Ba'
    """
    ordered = sorted(pairs)
    # The rounded shares must sum to 1 again, or reading the text would change them:
    # whole millionths, and what rounding down left over goes to the largest remainders.
    exact = [share * 1e6 for _, share in ordered]
    units = [math.floor(unit + 1e-6) for unit in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: units[i] - exact[i])
    for i in by_remainder[: round(math.fsum(exact)) - sum(units)]:
        units[i] += 1
    return "".join(
        symbol + amount_text(unit / 1e6) for (symbol, _), unit in zip(ordered, units, strict=True)
    )


def amount_text(amount: float) -> str:
    """Return a count for a formula: nothing for 1, no trailing zeros.

    Examples
    --------
    >>> [amount_text(1.0), amount_text(3.0), amount_text(0.25)]
    ['', '3', '0.25']
    """
    text = f"{amount:.6f}".rstrip("0").rstrip(".")
    return "" if text == "1" else text


def parse_site_column(cells: pd.Series, *, where: str) -> pd.Series:
    """Return a column of site cells in canonical text, or name all that cannot be read.

    Parameters
    ----------
    cells : Series of str or mapping
        Indexed by row id; its name is the column named in errors.
    where : str
        The file or table, for errors.

    Raises
    ------
    InvalidInputError
        If cells do not name elements, or fractions do not sum to 1; all are named.

    Examples
    --------
    >>> parse_site_column(pd.Series(["Sr0.5La0.5", "Ba"], name="A"), where="a.csv").tolist()
    ['La0.5Sr0.5', 'Ba']
    """
    written, unknown, wrong_sum = _read_sites(cells)
    if unknown:
        are = "entry that is not an element symbol", "entries that are not element symbols"
        raise InvalidInputError(
            f"{where}: column '{cells.name}' has {counted(len(unknown), *are)}: "
            f"{first_few(unknown)}. Write symbols such as 'Fe', or shares such as 'La0.5Sr0.5'."
        )
    if wrong_sum:
        raise InvalidInputError(
            f"{where}: column '{cells.name}' has {counted(len(wrong_sum), 'entry', 'entries')} "
            f"whose fractions do not sum to 1: {first_few(wrong_sum)}. "
            "The fractions of one site sum to 1, as in 'La0.5Sr0.5'."
        )
    return pd.Series(written, index=cells.index, name=cells.name, dtype="str")


def _read_sites(cells: pd.Series) -> tuple[list[str], list[Cell], list[Cell]]:
    """Return the sites in canonical text, the cells without elements, those with a wrong sum."""
    written: list[str] = []
    unknown: list[Cell] = []
    wrong_sum: list[Cell] = []
    for row, cell in cells.items():
        try:
            written.append(site_text(_site_pairs(cell)))
        except _WrongSumError as error:
            wrong_sum.append(Cell(cell, row, f"sums to {error.total:.6g}"))
        except _NotASiteError:
            unknown.append(Cell(cell, row))
    return written, unknown, wrong_sum
