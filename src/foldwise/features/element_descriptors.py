"""Descriptors of sites: averages of element properties over the atoms of a site."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from foldwise.arrays import FloatArray
from foldwise.data.composition import SitePairs
from foldwise.data.elements import read_property_table
from foldwise.data.files import read_frame
from foldwise.data.rules import counted
from foldwise.errors import FoldwiseWarning, InvalidInputError, first_few
from foldwise.features.site_cells import SiteCells, ensure_site_cells, rows_holding

__all__ = [
    "ElementDescriptorEncoder",
    "load_element_properties",
    "property_columns",
    "read_properties",
]

_FOLDER = Path(__file__).parent


def load_element_properties() -> pd.DataFrame:
    """Return the embedded element properties: one row per symbol, by atomic number.

    Units, sources and kinds of the columns are in ``property_columns``; NaN where a
    property is not known.

    Examples
    --------
    >>> float(load_element_properties().loc["Fe", "atomic_weight"].round(1))
    55.8
    """
    return _element_properties().copy()


@cache
def _element_properties() -> pd.DataFrame:
    return read_property_table(_FOLDER / "element_properties.csv")


def property_columns() -> pd.DataFrame:
    """Return label, unit, kind, source and set of each element property, by key.

    Examples
    --------
    >>> property_columns().loc["atomic_weight", "unit"]
    'Da'
    """
    return _property_columns().copy()


@cache
def _property_columns() -> pd.DataFrame:
    frame, _ = read_frame(_FOLDER / "element_property_columns.csv")
    in_order = [key for key in _element_properties().columns if key in frame.index]
    return frame.loc[in_order].rename_axis("key")


def read_properties(properties: str | Path | pd.DataFrame = "reference") -> pd.DataFrame:
    """Return a table of element properties, indexed by symbol.

    Parameters
    ----------
    properties : {"reference", "extended"}, path or DataFrame
        ``reference``: 16 properties. ``extended``: all embedded ones. Or a table of one's
        own, symbols first (in a DataFrame: the index).

    Examples
    --------
    >>> read_properties("reference").shape[1]
    16
    """
    if isinstance(properties, pd.DataFrame):
        return properties.astype(np.float64)
    if str(properties) == "extended":
        return load_element_properties()
    if str(properties) == "reference":
        chosen = property_columns()["reference_set"].map(_is_true)
        return load_element_properties()[list(chosen.index[chosen])]
    return read_property_table(properties)


def _is_true(cell: object) -> bool:
    return str(cell).casefold() in ("1", "1.0", "true", "yes")


class ElementDescriptorEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Describe each site by the properties of its elements, weighted by their shares.

    Parameters
    ----------
    properties : {"reference", "extended"}, path or DataFrame, default="reference"
        As in ``read_properties``.
    spread : bool, optional
        Whether the standard deviation over the atoms of a site stands beside the mean;
        0 for a site with one element. By default for ``extended`` only.

    Attributes
    ----------
    properties_ : DataFrame
        The table in use, indexed by symbol.
    feature_names_in_ : ndarray of str
        The sites.
    n_features_in_ : int
        Number of sites.

    Examples
    --------
    >>> radius = pd.DataFrame({"radius_pm": [195.0, 200.0, 140.0]}, index=["La", "Sr", "Mn"])
    >>> sites = pd.DataFrame({"A": ["La0.5Sr0.5"], "B": ["Mn"]})
    >>> encoder = ElementDescriptorEncoder(radius, spread=True).fit(sites)
    >>> encoder.transform(sites)
    array([[197.5,   2.5, 140. ,   0. ]])
    >>> encoder.get_feature_names_out()[:2].tolist()
    ['A_radius_pm_mean', 'A_radius_pm_std']
    """

    def __init__(
        self,
        properties: str | Path | pd.DataFrame = "reference",
        spread: bool | None = None,
    ) -> None:
        self.properties = properties
        self.spread = spread

    def fit(self, X: Any, y: object = None) -> "ElementDescriptorEncoder":
        """Learn the sites; no number is learned from the rows."""
        cells = ensure_site_cells(X)
        self.properties_ = read_properties(self.properties)
        self.feature_names_in_ = np.array(cells.names, dtype=object)
        self.n_features_in_ = len(cells.names)
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return descriptors, shape (n_samples, n_sites * n_descriptors); NaN if unknown."""
        check_is_fitted(self)
        cells = ensure_site_cells(X, self.feature_names_in_.tolist())
        self._refuse_unknown(cells)
        self._warn_of_gaps(cells)
        return np.hstack([self._describe(site) for site in cells.pairs])

    def _describe(self, site: tuple[SitePairs, ...]) -> FloatArray:
        table = self.properties_
        values = table.to_numpy(dtype=np.float64)  # (element, property)
        position = {str(symbol): i for i, symbol in enumerate(table.index)}
        n_columns = values.shape[1] * (2 if self._has_spread else 1)
        described: dict[SitePairs, FloatArray] = {}
        out = np.empty((len(site), n_columns))
        for i, pairs in enumerate(site):
            if pairs not in described:
                held = values[[position[symbol] for symbol, _ in pairs]]
                shares = np.array([share for _, share in pairs])
                described[pairs] = self._moments(held, shares)
            out[i] = described[pairs]
        return out

    def _moments(self, held: FloatArray, shares: FloatArray) -> FloatArray:
        mean = shares @ held  # (property,)
        if not self._has_spread:
            return mean
        deviation = np.sqrt(shares @ (held - mean) ** 2)
        # Columns alternate: mean and standard deviation of one property stand side by side.
        return np.stack([mean, deviation], axis=1).ravel()

    @property
    def _has_spread(self) -> bool:
        if self.spread is not None:
            return self.spread
        return isinstance(self.properties, str) and self.properties == "extended"

    def _refuse_unknown(self, cells: SiteCells) -> None:
        unknown = [e for e in _elements(cells) if e not in self.properties_.index]
        if unknown:
            rows = rows_holding(cells, unknown)
            raise InvalidInputError(
                f"The table of element properties has no row for {first_few(unknown)}, held by "
                f"{counted(len(rows), 'row')} (row id {first_few(rows)}). Add the "
                "elements to the table of properties, or remove those rows."
            )

    def _warn_of_gaps(self, cells: SiteCells) -> None:
        held = self.properties_.loc[_elements(cells)].isna()
        gaps = [
            f"{name}: {', '.join(held.index[held[name]])}"
            for name in held.columns
            if held[name].any()
        ]
        if gaps:
            warnings.warn(
                f"{counted(len(gaps), 'property is', 'properties are')} not known for all "
                f"elements ({'; '.join(gaps)}); the descriptors are empty there.",
                FoldwiseWarning,
                stacklevel=3,
            )

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return names such as ``A_atomic_radius``, site by site."""
        check_is_fitted(self)
        endings = ("_mean", "_std") if self._has_spread else ("",)
        names = [
            f"{site}_{key}{ending}"
            for site in self.feature_names_in_
            for key in self.properties_.columns
            for ending in endings
        ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that cells are text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _elements(cells: SiteCells) -> list[str]:
    return sorted({symbol for site in cells.pairs for pairs in site for symbol, _ in pairs})
