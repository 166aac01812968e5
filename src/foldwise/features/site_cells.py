"""What both encoders take in: a table with one column of cells per site."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from foldwise.data.composition import SitePairs, parse_site, parse_site_column
from foldwise.errors import InvalidInputError, first_few

__all__ = ["SiteCells", "ensure_site_cells", "rows_holding"]


@dataclass(frozen=True, eq=False)
class SiteCells:
    """Sites of many rows: ``pairs[site][sample]`` are its elements and shares."""

    names: tuple[str, ...]
    index: pd.Index
    pairs: tuple[tuple[SitePairs, ...], ...]


def ensure_site_cells(X: Any, names: Sequence[str] | None = None) -> SiteCells:
    """Return the sites of a table, parsed.

    Parameters
    ----------
    X : pandas, Polars or PyArrow table, or array of shape (n_samples, n_sites)
        Cells such as ``Ba`` or ``La0.5Sr0.5``.
    names : sequence of str, optional
        The sites that an encoder has learned; a table must hold them in that order.

    Raises
    ------
    InvalidInputError
        If the sites are not those learned, or a cell is not a site; cells are named.

    Examples
    --------
    >>> ensure_site_cells([["La0.5Sr0.5", "Mn"]]).names
    ('site_0', 'site_1')
    """
    frame = _frame(X, names)
    found = tuple(str(name) for name in frame.columns)
    if names is not None and found != tuple(names):
        raise InvalidInputError(
            f"The table has the sites {first_few(found)}, but the encoder has learned "
            f"{first_few(names)}. Give the same sites in the same order."
        )
    pairs = tuple(
        tuple(parse_site(cell) for cell in parse_site_column(frame[name], where="table"))
        for name in frame.columns
    )
    return SiteCells(found, frame.index, pairs)


def _frame(X: Any, names: Sequence[str] | None) -> pd.DataFrame:
    native = nw.from_native(X, pass_through=True, eager_only=True)
    if isinstance(native, nw.DataFrame):
        frame = native.to_pandas()
    else:
        cells = np.asarray(X, dtype=object)
        if cells.ndim != 2:
            raise InvalidInputError(
                f"Sites must form a table with one column per site; this has {cells.ndim} "
                "dimension(s). Give a DataFrame, or an array of shape (n_samples, n_sites)."
            )
        n_sites = cells.shape[1]
        learned = names is not None and len(names) == n_sites
        columns = list(names or ()) if learned else [f"site_{i}" for i in range(n_sites)]
        frame = pd.DataFrame(cells, columns=columns)
    if frame.empty:
        raise InvalidInputError("The table of sites is empty. Give at least one row and one site.")
    return frame


def rows_holding(cells: SiteCells, elements: Sequence[str]) -> list[str]:
    """Return the ids of the rows that hold one of the elements."""
    wanted = set(elements)
    return [
        str(row)
        for i, row in enumerate(cells.index)
        if any(symbol in wanted for site in cells.pairs for symbol, _ in site[i])
    ]
