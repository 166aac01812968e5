"""Files about elements: the vocabulary of an encoding, and tables of properties."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldwise.data.composition import ELEMENTS
from foldwise.data.files import numbers, read_frame
from foldwise.data.rules import Cell, counted, require_finite
from foldwise.errors import InvalidInputError, first_few

__all__ = ["read_property_table", "read_vocabulary"]


def read_vocabulary(path: str | Path) -> tuple[str, ...]:
    """Read the elements of a one-hot encoding, in their order.

    Parameters
    ----------
    path : path
        A NumPy file with a one-dimensional array of text (pickled objects are refused),
        or a text file of symbols separated by spaces, commas or lines.

    Raises
    ------
    InvalidInputError
        If the file holds something else, an unknown element, or an element twice.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> np.save(folder / "elements.npy", np.array(["La", "Ba"]))
    >>> read_vocabulary(folder / "elements.npy")
    ('La', 'Ba')
    """
    path = Path(path)
    symbols = _npy_symbols(path) if path.suffix == ".npy" else _text_symbols(path)
    unknown = [symbol for symbol in symbols if symbol not in ELEMENTS]
    if not symbols:
        raise InvalidInputError(f"{path.name}: the file is empty. List symbols such as Fe.")
    if unknown:
        raise InvalidInputError(
            f"{path.name}: {first_few(unknown)} is not an element. List symbols such as Fe."
        )
    repeated = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if repeated:
        raise InvalidInputError(
            f"{path.name}: listed more than once: {first_few(repeated)}. List each element once."
        )
    return tuple(symbols)


def _npy_symbols(path: Path) -> list[str]:
    advice = "Save symbols as text: numpy.save(path, numpy.array(['La', 'Sr']))."
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: there is no such file. Check the path.") from None
    except (ValueError, OSError, EOFError):
        raise InvalidInputError(
            f"{path.name}: not a NumPy file of plain text; pickled objects are not loaded. {advice}"
        ) from None
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind != "U":
        held = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "files"
        raise InvalidInputError(f"{path.name}: holds {held}, not a list of text. {advice}")
    return [str(symbol) for symbol in array]


def _text_symbols(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").replace(",", " ").split()
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: there is no such file. Check the path.") from None
    except OSError as error:
        raise InvalidInputError(
            f"{path}: cannot be read ({error.strerror}). Give a file of element symbols."
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(
            f"{path.name}: not UTF-8 text. List symbols such as Fe, one a line."
        ) from None


def read_property_table(path: str | Path) -> pd.DataFrame:
    r"""Read a table of element properties: symbols first, then columns of numbers.

    Returns
    -------
    DataFrame
        Indexed by symbol, by atomic number; NaN where a property is unknown.

    Raises
    ------
    InvalidInputError
        If a symbol is no element, or a column holds text or no number at all.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "p.csv").write_text("symbol,radius_pm\nLi,145\nH,\n")
    >>> read_property_table(folder / "p.csv").radius_pm.to_dict()
    {'H': nan, 'Li': 145.0}
    """
    frame, source = read_frame(path)
    unknown = [symbol for symbol in frame.index if symbol not in ELEMENTS]
    if unknown:
        raise InvalidInputError(
            f"{source.name}: the first column has {counted(len(unknown), 'entry', 'entries')} "
            f"that {'is' if len(unknown) == 1 else 'are'} not an element symbol: "
            f"{first_few(map(str, unknown))}. Write symbols such as 'Fe'."
        )
    converted = {str(key): numbers(frame[key]) for key in frame.columns}
    text = [
        Cell(cell.value, cell.row, f"in column '{key}'")
        for key, (_, cells) in converted.items()
        for cell in cells
    ]
    if text:
        raise InvalidInputError(
            f"{source.name}: {counted(len(text), 'property is', 'properties are')} text: "
            f"{first_few(text)}. Properties are numbers; leave unknown ones empty."
        )
    table = pd.DataFrame({key: values for key, (values, _) in converted.items()})
    require_finite(table, where=source.name)
    return table.rename_axis("symbol").loc[[symbol for symbol in ELEMENTS if symbol in table.index]]
