"""Where the covariates of both classes overlap, and a comparison is fair."""

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["covariate_overlap"]


def covariate_overlap(
    covariates: Float[np.ndarray, "sample covariate"], y: Float[np.ndarray, " sample"]
) -> Bool[np.ndarray, " sample"]:
    """Return which rows lie where both classes have rows, in every covariate.

    A covariate's shared range goes from the larger of the two classes' minima to the
    smaller of their maxima. A 0/1 column that only one class ever has at 1 is thereby
    shared at 0 alone. Rows with a missing covariate are outside: nothing is known of them.

    Parameters
    ----------
    covariates : float array of shape (n_samples, n_covariates)
        Numbers, NaN where missing.
    y : float array of shape (n_samples,)
        0 or 1.

    Examples
    --------
    >>> age = np.array([[21.0], [33.0], [40.0], [31.0], [52.0], [73.0]])
    >>> covariate_overlap(age, np.array([0.0, 0, 0, 1, 1, 1]))
    array([False,  True,  True,  True, False, False])
    """
    inside = np.ones(len(y), bool)
    for column in covariates.T:
        ranges = [column[(y == label) & np.isfinite(column)] for label in (0.0, 1.0)]
        if not all(len(one) for one in ranges):
            return np.zeros(len(y), bool)
        low, high = max(one.min() for one in ranges), min(one.max() for one in ranges)
        inside &= (column >= low) & (column <= high)
    return inside
