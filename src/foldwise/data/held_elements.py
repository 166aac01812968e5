"""Questions to a table of compositions: which elements its rows hold, and which to hold out."""

from collections.abc import Sequence

import pandas as pd

from foldwise.data.composition import ELEMENTS, amount_text, parse_site
from foldwise.data.tables import Table
from foldwise.errors import InvalidInputError, first_few

__all__ = ["element_membership", "formulas", "hold_out_elements"]


def element_membership(table: Table, sites: Sequence[str] | None = None) -> pd.DataFrame:
    """Return which elements each row holds on some sites (default: all), (sample, element).

    Columns are the elements seen, by atomic number.

    Examples
    --------
    >>> from foldwise.data.compositions import compositions_from_frame
    >>> frame = pd.DataFrame({"id": ["p1"], "A": ["La0.5Sr0.5"], "B": ["Mn"], "e_hull": [0.02]})
    >>> element_membership(compositions_from_frame(frame, holdout=True)).columns.tolist()
    ['Mn', 'Sr', 'La']
    """
    cells = table.sites() if sites is None else table.sites()[list(sites)]
    held = [
        {symbol for cell in row for symbol, _ in parse_site(cell)}
        for row in cells.itertuples(index=False, name=None)
    ]
    seen = sorted(set().union(*held), key=ELEMENTS.index)
    return pd.DataFrame(
        [[symbol in elements for symbol in seen] for elements in held],
        index=cells.index,
        columns=pd.Index(seen, dtype="str"),
        dtype=bool,
    )


def hold_out_elements(table: Table, elements: Sequence[str]) -> tuple[Table, Table]:
    """Return the rows without any of the elements, and the rows that hold one.

    Raises
    ------
    InvalidInputError
        If no row holds an element, or every row holds one.

    Examples
    --------
    >>> from foldwise.data.compositions import compositions_from_frame
    >>> frame = pd.DataFrame({"id": ["p1", "p2"], "A": ["La", "Ba"], "B": ["Mn", "Ti"],
    ...                       "e_hull": [0.02, 0.0]})
    >>> rest, holdout = hold_out_elements(compositions_from_frame(frame, holdout=True), ["Ba"])
    >>> rest.ids, holdout.ids
    (['p1'], ['p2'])
    """
    member = element_membership(table)
    absent = [symbol for symbol in elements if symbol not in member.columns]
    if absent or not elements:
        raise InvalidInputError(
            f"{table.name}: no row holds {first_few(absent) or 'an element: none was named'}. "
            f"Hold out elements of the table: {', '.join(map(str, member.columns))}."
        )
    held = member[list(elements)].any(axis=1).to_numpy()
    if held.all():
        raise InvalidInputError(
            f"{table.name}: every row holds one of {', '.join(elements)}, "
            "so none is left to train on. Hold out fewer elements."
        )
    return table.rows(~held), table.rows(held)


def formulas(table: Table) -> list[str]:
    """Return one formula per row, such as ``La0.5Sr0.5MnO3``; X3 if the anion is not known.

    Examples
    --------
    >>> from foldwise.data.compositions import compositions_from_frame
    >>> frame = pd.DataFrame({"id": ["p1"], "A": ["Ba"], "B": ["Ti"], "X": ["O"], "e_hull": [0.0]})
    >>> formulas(compositions_from_frame(frame, holdout=True))
    ['BaTiO3']
    """
    anions = table.frame["X"] if "X" in table.frame.columns else [""] * table.n_rows
    return [
        f"{a}{b}{_three(x)}"
        for a, b, x in zip(table.frame["A"], table.frame["B"], anions, strict=True)
    ]


def _three(site: str) -> str:
    if not site:
        return "X3"
    return "".join(symbol + amount_text(3 * share) for symbol, share in parse_site(site))
