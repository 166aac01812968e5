"""Results of a study in plain values: each measure with its interval, each test with its floor."""

from dataclasses import dataclass

__all__ = [
    "Calibration",
    "ExternalCohort",
    "Measure",
    "OperatingPoint",
    "Panel",
    "Permutation",
    "Results",
]


@dataclass(frozen=True)
class Measure:
    """A number with its 95 % interval, and how that was formed.

    Examples
    --------
    >>> Measure("mean within-fold AUC", 0.912, 0.85, 0.951, "Nadeau-Bengio on the logit").text
    'mean within-fold AUC 0.912 (95 % interval 0.850 to 0.951, Nadeau-Bengio on the logit)'
    >>> Measure("Brier score", 0.12).text
    'Brier score 0.120 (no interval)'
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    interval: str = ""

    @property
    def text(self) -> str:
        """Name, value and interval."""
        if self.low is None or self.high is None:
            return f"{self.name} {self.value:.3f} (no interval)"
        method = f", {self.interval}" if self.interval else ""
        return (
            f"{self.name} {self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}"
            f"{method})"
        )


@dataclass(frozen=True)
class Permutation:
    """A permutation test of the whole pipeline; ``p`` is (c + 1) / (n + 1)."""

    n: int
    p: float
    statistic: str

    @property
    def floor(self) -> float:
        """The smallest p that so many permutations can give."""
        return 1.0 / (self.n + 1)


@dataclass(frozen=True)
class Panel:
    """Features that stability selection kept, and what its bound says.

    Parameters
    ----------
    features : tuple of str
    n_half_samples : int
        Half-samples, complementary pairs counted as two.
    q : int
        Features that each half-sample selects: the first to enter the path.
    threshold : float
        Selection frequency from which a feature is kept.
    pfer : float
        Bound on the expected number of kept features with selection probability below q/p.
    bound : str
        Its name and assumption, such as "Shah-Samworth, unimodal".
    stability : Measure, optional
        Nogueira index, over resamples of this table.
    """

    features: tuple[str, ...]
    n_half_samples: int
    q: int
    threshold: float
    pfer: float
    bound: str
    stability: Measure | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, the rule that chose it, and the 2 x 2 table of held-out people.

    Parameters
    ----------
    rule : str
        As a noun phrase: "the Youden index of inner out-of-fold scores".
    value : float
        Threshold of the saved model.
    sensitivity, specificity : Measure
    true_positive, false_negative, false_positive, true_negative : int
        Each held-out row once, against the threshold of its own fold.
    lowest, highest : float, optional
        Of the thresholds of the folds.
    """

    rule: str
    value: float
    sensitivity: Measure
    specificity: Measure
    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Calibration of held-out scores; ``intercept`` is None in case-control sampling."""

    slope: Measure
    brier: Measure
    intercept: Measure | None = None


@dataclass(frozen=True)
class ExternalCohort:
    """People that no step of training has seen, scored by the saved model."""

    n_positive: int
    n_negative: int
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Results:
    """Everything a stopped audit withholds."""

    headline: Measure | None = None
    others: tuple[Measure, ...] = ()
    apparent: Measure | None = None
    baselines: tuple[Measure, ...] = ()
    gain: Measure | None = None
    permutation: Permutation | None = None
    panel: Panel | None = None
    operating_point: OperatingPoint | None = None
    calibration: Calibration | None = None
    prevalence: float | None = None
    predictive_values: tuple[Measure, ...] = ()
    external: ExternalCohort | None = None
