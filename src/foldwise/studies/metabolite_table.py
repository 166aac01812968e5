"""All that is said about each metabolite, as tables that can be cited."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.coefficients import CoefficientSpread
from foldwise.evaluation.explanations import Explanations
from foldwise.evaluation.importance import ClusterImportance
from foldwise.evaluation.univariate import UnivariateTests
from foldwise.reporting.summary import NamedTable
from foldwise.studies.sections import named_table

__all__ = ["coefficient_spread_table", "metabolite_table", "shap_table"]

_SHAP_FEATURES = 20


def metabolite_table(
    features: Sequence[str],
    tests: UnivariateTests,
    *,
    scale: str,
    identifiers: Mapping[str, str] | None = None,
    coefficients: CoefficientSpread | None = None,
    frequency: FloatArray | None = None,
    clusters: IntArray | None = None,
    shap_size: FloatArray | None = None,
    importance: ClusterImportance | None = None,
    flags: Mapping[str, str] | None = None,
) -> NamedTable:
    """Return the table ``metabolites``: one row per feature, a column for all that is known.

    Columns of what was not computed are left out. Rows go by selection frequency, then by q,
    then in the order given.

    Parameters
    ----------
    features : sequence of str
        Names, one per entry of every array.
    tests : UnivariateTests
        Of the whole table.
    scale : str
        Of the table: it decides the unit of the effect.
    identifiers, flags : mapping of str to str, optional
        Text by name of the feature, such as "HMDB0000190" and "drug"; empty elsewhere.
    coefficients : CoefficientSpread, optional
        Of the headline model over its splits.
    frequency : float array of shape (n_features,), optional
        Selection frequency, 0 to 1.
    clusters : int array of shape (n_features,), optional
        Cluster of interchangeable features.
    shap_size : float array of shape (n_features,), optional
        Mean absolute SHAP value of the headline model on held-out rows.
    importance : ClusterImportance, optional
        Of the forest; a feature shows the value of its cluster.

    Raises
    ------
    InvalidInputError
        If an array has another length, or a name in ``identifiers`` or ``flags`` is none of
        the features.

    Examples
    --------
    >>> from foldwise.evaluation.univariate import univariate_tests
    >>> X = np.array([[1.0, 5.0], [2.0, 4.0], [4.0, 6.0], [8.0, 5.0]])
    >>> tests = univariate_tests(X, np.array([0.0, 0.0, 1.0, 1.0]))
    >>> table = metabolite_table(["alanine", "ibuprofen"], tests, scale="raw",
    ...     flags={"ibuprofen": "drug"})
    >>> table.frame[["feature", "log2_fold_change", "flags"]].values.tolist()
    [['alanine', 2.0, ''], ['ibuprofen', 0.28..., 'drug']]
    """
    columns: dict[str, Sequence[object] | np.ndarray] = {"feature": list(features)}
    if identifiers is not None:
        columns["identifiers"] = _texts(features, identifiers, "identifiers")
    columns |= _univariate_columns(tests, scale)
    if coefficients is not None:
        columns |= _coefficient_columns(coefficients)
    if frequency is not None:
        columns["frequency"] = frequency
    if clusters is not None:
        columns["cluster"] = clusters
    if shap_size is not None:
        columns["shap_size"] = shap_size
    if importance is not None:
        columns["forest_importance"] = importance.mean[importance.of_feature]
    if flags is not None:
        columns["flags"] = _texts(features, flags, "flags")
    _require_lengths(columns, len(features))
    order = ["frequency", "q"] if frequency is not None else ["q"]
    frame = pd.DataFrame(columns).sort_values(
        order, ascending=[one == "q" for one in order], kind="stable", ignore_index=True
    )
    return named_table("metabolites", "What is known of each feature", frame)


def _univariate_columns(tests: UnivariateTests, scale: str) -> dict[str, np.ndarray]:
    fold = tests.effect_kind == "log2 fold change"
    effect = "log2_fold_change" if fold else f"difference_{scale}"
    columns = {
        "n_cases": tests.n_cases,
        "n_controls": tests.n_controls,
        "n_missing": tests.n_missing,
        "n_without_log": tests.n_without_log,
        effect: tests.effect,
        "welch_p": tests.welch_p,
        "mann_whitney_p": tests.mann_whitney_p,
        "q": tests.mann_whitney_q,
        "univariate_auc": tests.auc,
        "auc_low": tests.auc_low,
        "auc_high": tests.auc_high,
    }
    if scale != "raw":  # no logarithm is taken
        del columns["n_without_log"]
    return columns


def _coefficient_columns(spread: CoefficientSpread) -> dict[str, FloatArray]:
    return {
        "coef_median": spread.median,
        "coef_lower": spread.lower_quartile,
        "coef_upper": spread.upper_quartile,
        "sign_consistency": spread.sign_consistency,
        "share_zero": spread.share_zero,
        "rank_low": spread.rank_low,
        "rank_high": spread.rank_high,
        "top5_share": spread.top_five_share,
    }


def _texts(features: Sequence[str], given: Mapping[str, str], name: str) -> list[str]:
    unknown = [key for key in given if key not in set(features)]
    if unknown:
        raise InvalidInputError(
            f"{len(unknown)} of {len(given)} names in {name} are no feature of the table: "
            f"{first_few(unknown)}. Use the names of the table's columns."
        )
    return [given.get(feature, "") for feature in features]


def _require_lengths(columns: Mapping[str, Sequence[object] | np.ndarray], n: int) -> None:
    wrong = [f"{name} ({len(values)})" for name, values in columns.items() if len(values) != n]
    if wrong:
        raise InvalidInputError(
            f"There are {n} features, but other lengths of {first_few(wrong, quoted=False)}. Give "
            "one entry per feature."
        )


def coefficient_spread_table(
    features: Sequence[str], spreads: Mapping[str, CoefficientSpread]
) -> NamedTable:
    """Return the table ``coefficient_spread``: one row per model and feature.

    Parameters
    ----------
    features : sequence of str
    spreads : mapping of str to CoefficientSpread
        By model.
    """
    frames = [
        pd.DataFrame({"model": model, "feature": list(features), **_coefficient_columns(spread)})
        for model, spread in spreads.items()
    ]
    title = "Coefficients over the splits"
    return named_table("coefficient_spread", title, pd.concat(frames, ignore_index=True))


def shap_table(
    features: Sequence[str],
    ids: Sequence[str],
    X: FloatArray,
    explanations: Mapping[str, Explanations],
) -> NamedTable:
    """Return the table ``shap_values``: a row per person, for the 20 features that move most.

    Parameters
    ----------
    features : sequence of str
        Of X's columns.
    ids : sequence of str
        Of X's rows.
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing; shown beside each value in standard deviations of its
        column, only to tell high from low.
    explanations : mapping of str to Explanations
        By model.
    """
    frames = []
    for model, found in explanations.items():
        names = np.asarray(ids, dtype=object)[found.rows]
        for feature in np.argsort(-found.mean_size, kind="stable")[:_SHAP_FEATURES]:
            own = X[:, feature]
            spread = float(np.nanstd(own)) or 1.0
            columns = {
                "model": model,
                "feature": features[feature],
                "id": names,
                "shap": found.values[:, feature],
                "standardized": ((own - np.nanmean(own)) / spread)[found.rows],
            }
            frames.append(pd.DataFrame(columns))
    title = "SHAP values on held-out rows, log-odds of linear models, probability of forests"
    return named_table("shap_values", title, pd.concat(frames, ignore_index=True))
