"""Foldwise: honest machine learning on small scientific tables.

Every question to a table (a fold, a repeat, a permutation, a seed) is one member
of a batch of fits. Names below load on first use, so that importing costs little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "BiomarkersConfig": "foldwise.studies.config",
    "ElementDescriptorEncoder": "foldwise.features.element_descriptors",
    "FitBatch": "foldwise.fits.batch",
    "FitPlan": "foldwise.fits.plan",
    "FoldwiseError": "foldwise.errors",
    "FoldwiseSearch": "foldwise.tuning.grid",
    "InvalidInputError": "foldwise.errors",
    "LogisticClassifier": "foldwise.fits.estimators",
    "LogisticLearner": "foldwise.fits.logistic_learner",
    "MLPClassifier": "foldwise.fits.estimators",
    "MLPRegressor": "foldwise.fits.estimators",
    "MlpLearner": "foldwise.fits.mlp",
    "Model": "foldwise.studies.model",
    "PerovskitesConfig": "foldwise.studies.config",
    "SiteOneHotEncoder": "foldwise.features.site_one_hot",
    "SklearnLearner": "foldwise.fits.sklearn_learner",
    "Summary": "foldwise.reporting.summary",
    "Table": "foldwise.data.tables",
    "TuneBiomarkersConfig": "foldwise.studies.config",
    "TunePerovskitesConfig": "foldwise.studies.config",
    "ask_cross_validation": "foldwise.evaluation.cross_validation",
    "ask_learning_curve": "foldwise.evaluation.learning_curve",
    "ask_nested_search": "foldwise.tuning.nested",
    "ask_operating_points": "foldwise.evaluation.thresholds",
    "ask_permutation_test": "foldwise.evaluation.permutation",
    "ask_splits": "foldwise.evaluation.cross_validation",
    "ask_stability_selection": "foldwise.evaluation.selection",
    "ask_tpe_search": "foldwise.tuning.search",
    "audit_tables": "foldwise.studies.auditing",
    "load_abundances": "foldwise.data.registry",
    "load_compositions": "foldwise.data.registry",
    "load_model": "foldwise.studies.model",
    "predict_table": "foldwise.studies.predicting",
    "read_abundances": "foldwise.data.readers",
    "read_compositions": "foldwise.data.readers",
    "read_summary": "foldwise.reporting.summary",
    "run_biomarkers": "foldwise.studies.biomarkers",
    "run_config": "foldwise.runs.runner",
    "run_perovskites": "foldwise.studies.perovskites",
    "run_question": "foldwise.evaluation.questions",
    "run_tune_biomarkers": "foldwise.studies.tune_biomarkers",
    "run_tune_perovskites": "foldwise.studies.tune_perovskites",
    "solve_selection": "foldwise.evaluation.selection_bounds",
}

__all__ = [
    "BiomarkersConfig",
    "ElementDescriptorEncoder",
    "FitBatch",
    "FitPlan",
    "FoldwiseError",
    "FoldwiseSearch",
    "InvalidInputError",
    "LogisticClassifier",
    "LogisticLearner",
    "MLPClassifier",
    "MLPRegressor",
    "MlpLearner",
    "Model",
    "PerovskitesConfig",
    "SiteOneHotEncoder",
    "SklearnLearner",
    "Summary",
    "Table",
    "TuneBiomarkersConfig",
    "TunePerovskitesConfig",
    "__version__",
    "ask_cross_validation",
    "ask_learning_curve",
    "ask_nested_search",
    "ask_operating_points",
    "ask_permutation_test",
    "ask_splits",
    "ask_stability_selection",
    "ask_tpe_search",
    "audit_tables",
    "load_abundances",
    "load_compositions",
    "load_model",
    "predict_table",
    "read_abundances",
    "read_compositions",
    "read_summary",
    "run_biomarkers",
    "run_config",
    "run_perovskites",
    "run_question",
    "run_tune_biomarkers",
    "run_tune_perovskites",
    "solve_selection",
]

if TYPE_CHECKING:
    from foldwise.data.readers import read_abundances, read_compositions
    from foldwise.data.registry import load_abundances, load_compositions
    from foldwise.data.tables import Table
    from foldwise.errors import FoldwiseError, InvalidInputError
    from foldwise.evaluation.cross_validation import ask_cross_validation, ask_splits
    from foldwise.evaluation.learning_curve import ask_learning_curve
    from foldwise.evaluation.permutation import ask_permutation_test
    from foldwise.evaluation.questions import run_question
    from foldwise.evaluation.selection import ask_stability_selection
    from foldwise.evaluation.selection_bounds import solve_selection
    from foldwise.evaluation.thresholds import ask_operating_points
    from foldwise.features.element_descriptors import ElementDescriptorEncoder
    from foldwise.features.site_one_hot import SiteOneHotEncoder
    from foldwise.fits.batch import FitBatch
    from foldwise.fits.estimators import LogisticClassifier, MLPClassifier, MLPRegressor
    from foldwise.fits.logistic_learner import LogisticLearner
    from foldwise.fits.mlp import MlpLearner
    from foldwise.fits.plan import FitPlan
    from foldwise.fits.sklearn_learner import SklearnLearner
    from foldwise.reporting.summary import Summary, read_summary
    from foldwise.runs.runner import run_config
    from foldwise.studies.auditing import audit_tables
    from foldwise.studies.biomarkers import run_biomarkers
    from foldwise.studies.config import (
        BiomarkersConfig,
        PerovskitesConfig,
        TuneBiomarkersConfig,
        TunePerovskitesConfig,
    )
    from foldwise.studies.model import Model, load_model
    from foldwise.studies.perovskites import run_perovskites
    from foldwise.studies.predicting import predict_table
    from foldwise.studies.tune_biomarkers import run_tune_biomarkers
    from foldwise.studies.tune_perovskites import run_tune_perovskites
    from foldwise.tuning.grid import FoldwiseSearch
    from foldwise.tuning.nested import ask_nested_search
    from foldwise.tuning.search import ask_tpe_search


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'foldwise' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
