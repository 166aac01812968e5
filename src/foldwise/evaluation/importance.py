"""Permutation importance on held-out rows, of clusters of correlated features."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from foldwise.arrays import Design, FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.held_out import dense_of_batch, held_out_rows
from foldwise.evaluation.metrics import column_aucs
from foldwise.evaluation.seeds import child_seed
from foldwise.fits.batch import FitBatch, FitState
from foldwise.fits.preprocessing import Step, apply_steps
from foldwise.fits.schedule import finish_in_order
from foldwise.fits.sklearn_learner import SklearnLearner, estimator_scores
from foldwise.fits.threads import one_blas_thread

__all__ = ["ClusterImportance", "cluster_importance"]

_MOST_CELLS = 4_000_000  # of permuted copies of the held-out rows at a time: 32 MB


@dataclass(frozen=True, eq=False)
class ClusterImportance:
    """What the AUC loses when the values of a cluster change owners.

    Parameters
    ----------
    drop : float array of shape (n_fits, n_repeats, n_clusters)
        AUC on the held-out rows minus the AUC with the cluster's columns permuted.
    of_feature : int array of shape (n_features,)
        Position in the last axis of the cluster each feature belongs to.
    """

    drop: Float[np.ndarray, "fit repeat cluster"]
    of_feature: Int[np.ndarray, " feature"]

    @property
    def mean(self) -> FloatArray:
        """Mean drop of each cluster, shape (n_clusters,)."""
        return np.asarray(self.drop.mean(axis=(0, 1)))

    @property
    def spread(self) -> FloatArray:
        """Standard deviation over fits of the mean over repeats, shape (n_clusters,).

        It shows how the drop varies over folds. It is no error of the mean: folds share rows.
        """
        if len(self.drop) < 2:
            return np.full(self.drop.shape[2], np.nan)
        return np.asarray(self.drop.mean(axis=1).std(axis=0, ddof=1))


@dataclass(frozen=True, eq=False)
class _Job:
    """One fitted estimator, its held-out rows, and the seed of their permutations."""

    estimator: Any
    state: FitState
    X: FloatArray  # (held-out row, feature)
    y: FloatArray
    seed: int


def cluster_importance(
    batch: FitBatch,
    X: Design,
    clusters: Int[np.ndarray, " feature"],
    *,
    n_repeats: int = 5,
    seed: int = 0,
    n_jobs: int | None = None,
) -> ClusterImportance:
    """Return the permutation importance of each cluster on the held-out rows of each fit.

    All members of a cluster get the values of the same other row, so that features which
    stand in for one another cannot hide each other's importance. Importance is that of a
    cluster for these fits; it is not causal.

    Parameters
    ----------
    batch : FitBatch
        Of a `SklearnLearner` that kept "estimators", and "preprocessing" where it has steps.
    X : float array of shape (n_samples, n_features)
        Inputs the batch was trained on.
    clusters : int array of shape (n_features,)
        Cluster of each feature; every feature its own where each has another number.
    n_repeats : int, default=5
        Row permutations per fit and cluster.
    seed : int
        The run's seed. Permutations depend on it and on the number of the fit alone.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Raises
    ------
    InvalidInputError
        If the batch kept no estimators, a fit's held-out rows hold one class only, or there is
        no cluster for a feature.

    References
    ----------
    .. [1] Breiman (2001), Machine Learning 45, 5, section 10.
    .. [2] Strobl et al. (2008), BMC Bioinformatics 9, 307: correlated predictors.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from foldwise.fits.plan import FitPlan
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 3))
    >>> y = (X[:, 0] > 0).astype(float)
    >>> train = np.arange(60) % 3 != np.arange(3)[:, None]
    >>> batch = SklearnLearner(RandomForestClassifier(10, random_state=0)).run(
    ...     X, FitPlan(train, ~train, y), keep=("scores", "estimators"))
    >>> cluster_importance(batch, X, np.array([0, 1, 1])).mean.argmax()
    np.int64(0)
    """
    dense = dense_of_batch(batch, X)
    names, of_feature = np.unique(clusters, return_inverse=True)
    if len(of_feature) != dense.shape[1]:
        raise InvalidInputError(
            f"There are {len(of_feature)} cluster numbers for {dense.shape[1]} features. Give one "
            "per feature."
        )
    if n_repeats < 1:
        raise InvalidInputError(f"n_repeats is {n_repeats}. Permute at least once.")
    jobs = _jobs(batch, dense, seed)
    steps = getattr(batch.learner, "steps", ())
    drop = partial(_drop, steps, of_feature, len(names), n_repeats)
    return ClusterImportance(
        np.stack([found for _, found in finish_in_order(drop, jobs, n_jobs)]), of_feature
    )


def _jobs(batch: FitBatch, X: FloatArray, seed: int) -> list[_Job]:
    if not batch.estimators or not isinstance(batch.learner, SklearnLearner):
        raise InvalidInputError(
            "The batch kept no estimators. Run SklearnLearner with "
            'keep=("scores", "estimators", "preprocessing").'
        )
    if batch.learner.steps and not batch.states:
        raise InvalidInputError(
            "The learner has preprocessing steps, and the batch did not keep what they learned. "
            'Run it with keep=("scores", "estimators", "preprocessing").'
        )
    jobs = []
    for fit, rows in held_out_rows(batch):
        y, name = batch.plan.target_of(fit)[rows], batch.plan.describe(fit)
        if len(np.unique(y)) < 2:
            raise InvalidInputError(
                f"The {len(y)} held-out rows of {name} are of one class: AUC is undefined there. "
                "Use stratified folds or fewer of them."
            )
        state = batch.states[fit] if batch.states else {}
        own = child_seed(seed, "importance", int(batch.plan.number[fit]))
        jobs.append(_Job(batch.estimators[fit], state, X[rows], y, own))
    return jobs


def _drop(
    steps: tuple[Step, ...], of_feature: IntArray, n_clusters: int, n_repeats: int, job: _Job
) -> FloatArray:
    """Return the drops of one fit, shape (n_repeats, n_clusters)."""
    n_rows, n_features = job.X.shape
    rng = np.random.default_rng(job.seed)
    draws = rng.permuted(np.tile(np.arange(n_rows), (n_repeats * n_clusters, 1)), axis=1)
    cluster = np.tile(np.arange(n_clusters), n_repeats)
    aucs = []
    at_a_time = max(1, _MOST_CELLS // job.X.size)
    with one_blas_thread():
        whole = column_aucs(_scores(steps, job, job.X)[:, None], job.y)
        for start in range(0, len(draws), at_a_time):
            part = slice(start, start + at_a_time)
            # (draw, row, feature): the rows of one cluster's columns change places.
            moved = of_feature == cluster[part, None, None]
            source = np.where(moved, draws[part, :, None], np.arange(n_rows)[:, None])
            changed = job.X[source, np.arange(n_features)].reshape(-1, n_features)
            scores = _scores(steps, job, changed).reshape(-1, n_rows)  # (draw, row)
            aucs.append(column_aucs(scores.T, job.y))
    return np.asarray((whole - np.concatenate(aucs)).reshape(n_repeats, n_clusters))


def _scores(steps: tuple[Step, ...], job: _Job, X: FloatArray) -> FloatArray:
    return estimator_scores(job.estimator, apply_steps(steps, job.state, X))
