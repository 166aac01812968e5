"""Filters of features, learned per fit: what a filter drops keeps its place and is empty.

A dropped column is NaN in every row; the fill that follows makes it a constant 0 (``empty=
"constant"``), so its coefficient is exactly 0 and the feature axis keeps its length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import BoolArray, FloatArray, RealArray
from foldwise.errors import InvalidInputError
from foldwise.fits.preprocessing import Kind, StepState

__all__ = ["MissingFilter", "QcFilter", "kept_features", "qc_relative_deviation"]


@dataclass(frozen=True)
class MissingFilter:
    """Drop columns of which more than a share is missing in the training rows.

    The "80 % rule" of metabolomics is a share of 0.2 [1]_, here over all training rows
    whatever their class: counted within classes it would use the labels.

    Parameters
    ----------
    most : float
        Largest share of missing cells that is kept, from 0 to below 1.
    zeros : bool, default=False
        Whether zeros count as missing, as they do where they mean "not detected".

    References
    ----------
    .. [1] Bijlsma et al. (2006), Analytical Chemistry 78, 567.

    Examples
    --------
    >>> X = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 5.0]])
    >>> MissingFilter(0.5).learn(X)
    {'keep_missing': array([1., 0.])}
    """

    most: float
    zeros: bool = False
    kind: Kind = "general"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"keep_missing": (n_features,)}``, 1 where a column is kept."""
        return {"keep_missing": (self._missing(X).mean(axis=0) <= self.most).astype(float)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with dropped columns empty."""
        return np.where(state["keep_missing"] > 0, X, np.nan)

    def idle(self, X: Float[np.ndarray, "sample feature"]) -> bool:
        """Whether no cell counts as missing."""
        return not self._missing(X).any()

    def _missing(self, X: FloatArray) -> BoolArray:
        return np.asarray(np.isnan(X) | (X == 0) if self.zeros else np.isnan(X))

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        missing = "missing or zero" if self.zeros else "missing"
        return (
            f"Features {missing} in more than {self.most:.0%} of the training samples were "
            "left out."
        )


@dataclass(frozen=True)
class QcFilter:
    """Drop columns that repeated measurements of a quality-control pool do not reproduce.

    Nothing is learned from the rows of a fit: the pool is no sample of the study.

    Parameters
    ----------
    kept : tuple of bool
        One per feature; `QcFilter.of` makes them from the rows of the pool.
    most : float
        Largest relative standard deviation that is kept; for the report.

    Examples
    --------
    >>> pool = np.array([[10.0, 10.0], [11.0, 30.0], [9.0, 20.0]])
    >>> QcFilter.of(pool, 0.3).kept
    (True, False)
    """

    kept: tuple[bool, ...]
    most: float
    kind: Kind = "general"

    @classmethod
    def of(
        cls,
        pool: Float[np.ndarray, "sample feature"],
        most: float,
        *,
        log_of_two: float | None = None,
        zeros: bool = False,
    ) -> "QcFilter":
        """Return the filter of a pool; for the parameters see `qc_relative_deviation`."""
        deviation = qc_relative_deviation(pool, log_of_two=log_of_two, zeros=zeros)
        # A column whose precision is unknown is not precise.
        return cls(tuple(bool(one <= most) for one in deviation), most)

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"keep_qc": (n_features,)}``, 1 where a column is kept."""
        if X.shape[1] != len(self.kept):
            raise InvalidInputError(
                f"The quality-control pool has {len(self.kept)} features and X has {X.shape[1]}. "
                "Give the pool the same columns as the samples."
            )
        return {"keep_qc": np.array(self.kept, float)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with dropped columns empty."""
        return np.where(state["keep_qc"] > 0, X, np.nan)

    def idle(self, X: Float[np.ndarray, "sample feature"]) -> bool:
        """Whether every column is kept."""
        return all(self.kept)

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            f"{self.kept.count(False)} of {len(self.kept)} features whose relative standard "
            f"deviation in the quality-control pool exceeds {self.most:.0%}, or is unknown, were "
            "left out."
        )


def qc_relative_deviation(
    pool: Float[np.ndarray, "sample feature"],
    *,
    log_of_two: float | None = None,
    zeros: bool = False,
) -> Float[np.ndarray, " feature"]:
    """Return the relative standard deviation of each feature in a quality-control pool.

    Parameters
    ----------
    pool : float array of shape (n_samples, n_features)
        Repeated measurements of the pool; NaN where a cell is missing.
    log_of_two : float, optional
        On a table of logarithms: the logarithm of 2 to its base (1 for log2). The relative
        deviation is then that of a log-normal variable, sqrt(exp(s^2) - 1), with s the
        standard deviation in natural logarithms [1]_. None for abundances: standard
        deviation over mean.
    zeros : bool, default=False
        Whether a zero is a value; otherwise it is left out like a missing cell.

    Returns
    -------
    float array of shape (n_features,)
        A share (0.3 is 30 %); NaN with fewer than two values or a mean that is not positive.

    References
    ----------
    .. [1] Kirkwood (1979), Biometrics 35, 908.

    Examples
    --------
    >>> qc_relative_deviation(np.array([[9.0], [10.0], [11.0]]))
    array([0.1])
    """
    held = np.where(pool == 0, np.nan, pool) if log_of_two is None and not zeros else pool
    deviation = np.full(pool.shape[1], np.nan)
    known = (~np.isnan(held)).sum(axis=0) >= 2
    spread = np.nanstd(held[:, known], axis=0, ddof=1)
    if log_of_two is not None:
        natural = spread * np.log(2) / log_of_two
        deviation[known] = np.sqrt(np.expm1(natural**2))
        return deviation
    mean = np.nanmean(held[:, known], axis=0)
    deviation[known] = np.where(mean > 0, spread / np.where(mean > 0, mean, 1.0), np.nan)
    return deviation


def kept_features(state: Mapping[str, RealArray], n_features: int) -> Bool[np.ndarray, " feature"]:
    """Return which features no filter of a fit dropped, from what the fit learned.

    Examples
    --------
    >>> kept_features({"keep_missing": np.array([1.0, 0.0]), "fill": np.zeros(2)}, 2)
    array([ True, False])
    """
    kept = np.ones(n_features, bool)
    for name, values in state.items():
        if name.startswith("keep_"):
            kept &= values > 0
    return kept
