"""One-hot encoding of sites: one column per site and element, holding its share."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from foldwise.arrays import FloatArray, SiteLookup
from foldwise.data.composition import ELEMENTS, site_text
from foldwise.data.rules import counted
from foldwise.errors import FoldwiseWarning, InvalidInputError, first_few
from foldwise.features.site_cells import SiteCells, ensure_site_cells, rows_holding

__all__ = ["SiteOneHotEncoder"]


class SiteOneHotEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode which element stands on which site.

    Parameters
    ----------
    vocabulary : sequence of str, optional
        Elements, in the order of the columns; the same for every site. Without it the
        elements seen in ``fit`` are taken, by atomic number.
    handle_unknown : {"error", "ignore"}, default="error"
        What to do with elements outside the vocabulary: raise, or encode them as
        zeros and warn.

    Attributes
    ----------
    vocabulary_ : tuple of str
        Elements in the order of the columns.
    feature_names_in_ : ndarray of str
        The sites.
    n_features_in_ : int
        Number of sites.

    Examples
    --------
    >>> sites = pd.DataFrame({"A": ["La0.5Sr0.5", "Ba"], "B": ["Mn", "Ti"]})
    >>> encoder = SiteOneHotEncoder(vocabulary=["Sr", "La", "Ba", "Mn", "Ti"]).fit(sites)
    >>> encoder.transform(sites)[0]
    array([0.5, 0.5, 0. , 0. , 0. , 0. , 0. , 0. , 1. , 0. ])
    >>> encoder.get_feature_names_out()[:2].tolist()
    ['A_Sr', 'A_La']
    """

    def __init__(
        self, vocabulary: Sequence[str] | None = None, handle_unknown: str = "error"
    ) -> None:
        self.vocabulary = vocabulary
        self.handle_unknown = handle_unknown

    def fit(self, X: Any, y: object = None) -> "SiteOneHotEncoder":
        """Learn the sites and, unless it was given, the vocabulary."""
        if self.handle_unknown not in ("error", "ignore"):
            raise InvalidInputError(
                f"handle_unknown is '{self.handle_unknown}'. Use 'error' or 'ignore'."
            )
        cells = ensure_site_cells(X)
        self.feature_names_in_ = np.array(cells.names, dtype=object)
        self.n_features_in_ = len(cells.names)
        self.vocabulary_ = (
            _seen(cells) if self.vocabulary is None else _require_elements(self.vocabulary)
        )
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return shares, shape (n_samples, n_sites * n_elements)."""
        return self.lookup(X).to_dense()

    def lookup(self, X: Any) -> SiteLookup:
        """Return the same encoding as look-ups, which skip the zeros."""
        check_is_fitted(self)
        cells = ensure_site_cells(X, self.feature_names_in_.tolist())
        self._refuse_unknown(cells)
        position = {symbol: i for i, symbol in enumerate(self.vocabulary_)}
        known = [
            [[(position[s], share) for s, share in pairs if s in position] for pairs in site]
            for site in cells.pairs
        ]
        n_slots = max(1, *(len(pairs) for site in known for pairs in site))
        shape = (len(cells.index), len(cells.names), n_slots)
        index, fraction = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        for j, site in enumerate(known):
            for i, pairs in enumerate(site):
                for slot, (at, share) in enumerate(pairs):
                    index[i, j, slot], fraction[i, j, slot] = at, share
        return SiteLookup(index, fraction, n_elements=len(self.vocabulary_))

    def _refuse_unknown(self, cells: SiteCells) -> None:
        unknown = [symbol for symbol in _seen(cells) if symbol not in self.vocabulary_]
        if not unknown:
            return
        rows = rows_holding(cells, unknown)
        found = (
            f"{counted(len(unknown), 'element')} outside the vocabulary of "
            f"{len(self.vocabulary_)}: {first_few(unknown)}, in {counted(len(rows), 'row')} "
            f"(row id {first_few(rows)})"
        )
        if self.handle_unknown == "error":
            raise InvalidInputError(
                f"{found}. One-hot columns know nothing of them: add the elements to the "
                "vocabulary (--elements), use descriptors, or in Python pass "
                "handle_unknown='ignore'."
            )
        warnings.warn(f"{found}; encoded as zeros.", FoldwiseWarning, stacklevel=4)

    def inverse_transform(self, X: npt.ArrayLike) -> pd.DataFrame:
        """Return the sites of encoded rows; empty text where a site is all zeros."""
        check_is_fitted(self)
        shares = np.asarray(X, dtype=np.float64)
        shares = shares.reshape(len(shares), self.n_features_in_, len(self.vocabulary_))
        sites = {
            name: [
                site_text((self.vocabulary_[e], row[e]) for e in np.flatnonzero(row))
                for row in shares[:, j]
            ]
            for j, name in enumerate(self.feature_names_in_)
        }
        return pd.DataFrame(sites, dtype="str")

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return names such as ``A_La``, site by site."""
        check_is_fitted(self)
        names = [f"{site}_{e}" for site in self.feature_names_in_ for e in self.vocabulary_]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that cells are text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _seen(cells: SiteCells) -> tuple[str, ...]:
    seen = {symbol for site in cells.pairs for pairs in site for symbol, _ in pairs}
    return tuple(symbol for symbol in ELEMENTS if symbol in seen)


def _require_elements(vocabulary: Sequence[str]) -> tuple[str, ...]:
    symbols = tuple(str(symbol) for symbol in vocabulary)
    unknown = [symbol for symbol in symbols if symbol not in ELEMENTS]
    repeated = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if unknown or repeated or not symbols:
        wrong = first_few(unknown or repeated) or "nothing"
        reason = "listed more than once" if repeated and not unknown else "not element symbols"
        raise InvalidInputError(
            f"The vocabulary holds {wrong}: {reason}. List each element once, such as 'Fe'."
        )
    return symbols
