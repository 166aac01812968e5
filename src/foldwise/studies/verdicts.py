"""The first sentence of a report, decided by rules that can say no."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from foldwise.audit.findings import Finding

__all__ = [
    "ClassificationScore",
    "RegressionScore",
    "TuningStep",
    "Verdict",
    "classification_verdict",
    "plainly",
    "regression_verdict",
    "stopped_verdict",
    "tuning_verdict",
]

Claim = Literal["supported", "not supported", "unclear"]


@dataclass(frozen=True)
class Verdict:
    """Whether the table carries the claim, and why in two or three sentences."""

    claim: Claim
    text: str


def stopped_verdict(findings: Sequence[Finding]) -> Verdict | None:
    """Return the verdict of findings that stop the claim, or None where none does.

    No score stands in it: a number beside such a finding would be read as a result.

    Examples
    --------
    >>> found = [Finding("zeros", "stops", "Zeros know the class. Alone they reach AUC 0.9.", "")]
    >>> stopped_verdict(found).text
    'No: Zeros know the class.'
    """
    stops = [finding for finding in findings if finding.severity == "stops"]
    if not stops:
        return None
    said = " ".join(_without_scores(finding.message) for finding in stops)
    return Verdict("not supported", f"No: {said}")


def _without_scores(message: str) -> str:
    """Return the sentences of a message that speak of no AUC."""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", message)
    return " ".join(one for one in sentences if "AUC" not in one)


@dataclass(frozen=True)
class ClassificationScore:
    """What the verdict on a classifier rests on.

    Parameters
    ----------
    mean, low, high : float
        Mean within-fold AUC of the headline model and its 95 % interval.
    train : float
        AUC on the rows it was fitted to.
    best_single : float
        Mean within-fold AUC of the best single column, chosen in each fold.
    gain_low, gain_high : float
        95 % interval of the headline model's gain over that column, paired by fold.
    scheme : str
        Such as "10 x 5 folds".
    """

    mean: float
    low: float
    high: float
    train: float
    best_single: float
    gain_low: float
    gain_high: float
    scheme: str


def classification_verdict(
    score: ClassificationScore, positive: str, negative: str, n_positive: int, n_negative: int
) -> Verdict:
    """Return the verdict on "these columns separate these two classes".

    Supported where the interval of the AUC lies above 1/2 and that of the gain over the
    best single column above 0; unclear where only the first holds; else not supported.
    """
    who = f"{positive} (n = {n_positive}) from {negative} (n = {n_negative})"
    numbers = (
        f"mean within-fold AUC {score.mean:.3f}, 95 % interval {score.low:.3f} to "
        f"{score.high:.3f}, {score.scheme}"
    )
    gap = round(score.train, 3) - round(score.mean, 3)
    gained = f"the difference of {gap:.3f} is what fitting alone gains"
    origin = (
        f"On its own training rows the same model reaches {score.train:.3f}"
        f"{'; ' + gained if gap > 0 else ''}. "
        "This is internal validation: the same people, the same laboratory."
    )
    if score.low <= 0.5:
        return Verdict(
            "not supported",
            f"No: this table does not show that the features separate {who} better than chance "
            f"({numbers}, which includes 0.5). {origin}",
        )
    single = (
        f"the best single column, chosen in each fold, reaches {score.best_single:.3f} (gain of "
        f"the panel {score.gain_low:+.3f} to {score.gain_high:+.3f}, 95 %, paired by fold)"
    )
    if score.gain_low <= 0:
        return Verdict(
            "unclear",
            f"The features separate {who} ({numbers}), but {single}: that a panel is needed is "
            f"not shown. {origin}",
        )
    return Verdict(
        "supported",
        f"Yes, in this table: the features separate {who} ({numbers}); {single}. {origin}",
    )


@dataclass(frozen=True)
class RegressionScore:
    """What the verdict on a network rests on: one encoding's test rows.

    Parameters
    ----------
    encoding : str
        Inputs of the network.
    mae : float
        Network, test rows, in the target's unit.
    r2 : str
        R2 of the same rows, or that it is not defined.
    gain_low, gain_high : float
        95 % interval of MAE(mean) - MAE(network), paired over test rows.
    mean_mae : float
        MAE of the training mean on the same rows.
    best_baseline, best_baseline_mae : str, float
        Best of the other baselines on the same rows and encoding.
    """

    encoding: str
    mae: float
    r2: str
    gain_low: float
    gain_high: float
    mean_mae: float
    best_baseline: str
    best_baseline_mae: float


def regression_verdict(
    score: RegressionScore, unit: str, n_test: int, holdout: str = ""
) -> Verdict:
    """Return the verdict on "this network predicts the target from composition".

    Not supported where the paired interval of its gain over the training mean
    reaches 0; unclear where another baseline is at least as good; else supported.
    """
    numbers = f"test MAE {score.mae:.3f} {unit}, R² {score.r2}, n = {n_test}"
    against = (
        f"against {score.mean_mae:.3f} for the training mean (gain {score.gain_low:.3f} to "
        f"{score.gain_high:.3f}, 95 %, paired)"
    )
    tail = f" {holdout}" if holdout else ""
    if score.gain_low <= 0:
        return Verdict(
            "not supported",
            f"No: on rows it has not seen the network on {score.encoding} does not beat the "
            f"training mean ({numbers}, {against}).{tail}",
        )
    baseline = f"{score.best_baseline} on the same inputs reaches {score.best_baseline_mae:.3f}"
    if score.best_baseline_mae <= score.mae:
        return Verdict(
            "unclear",
            f"The network on {score.encoding} predicts unseen rows ({numbers}, {against}), but "
            f"{baseline} {unit}: the network is not what makes it work.{tail}",
        )
    return Verdict(
        "supported",
        f"Yes, for compositions like these: the network on {score.encoding} predicts unseen rows "
        f"({numbers}, {against}); {baseline}.{tail}",
    )


def plainly(value: float, sign: str = "") -> str:
    """Return a score with three decimals; one that makes no sense in a few digits.

    Examples
    --------
    >>> plainly(0.75), plainly(0.01, "+"), plainly(-4.2e41)
    ('0.750', '+0.010', '-4.2e+41')
    """
    return f"{value:{sign}.3f}" if abs(value) < 1000 else f"{value:{sign}.3g}"


@dataclass(frozen=True)
class TuningStep:
    """One step from the untuned to the tuned model, scored on the test rows.

    Parameters
    ----------
    label, setting : str
        What the step changes, and the setting it trains.
    n_train : int
        Training rows.
    reached, low, high : float
        The metric on the test rows, and its 95 % interval where one is claimed.
    seed_sd : float, optional
        Standard deviation over seeds, where several were trained.
    gain, gain_low, gain_high : float, optional
        What the step gains over the one before it, paired; None at the first step, and
        no interval where rows are not independent.
    mae : float, optional
        Mean absolute error on the test rows, for numbers.
    """

    label: str
    setting: str
    n_train: int
    reached: float
    low: float | None = None
    high: float | None = None
    seed_sd: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    mae: float | None = None

    @property
    def gained(self) -> str:
        """The gain and its interval in words; nothing at the first step."""
        if self.gain is None:
            return ""
        gain = plainly(self.gain, "+")
        if self.gain_low is None or self.gain_high is None:
            return f"{gain} (no interval: the test rows are not independent)"
        low, high = plainly(self.gain_low, "+"), plainly(self.gain_high, "+")
        return f"{gain} ({low} to {high}, 95 %, paired)"

    @property
    def says(self) -> str:
        """What the paired interval allows to say; nothing at the first step."""
        if self.gain is None:
            return ""
        if self.gain_low is None or self.gain_high is None:
            return "no interval"
        if self.gain_low > 0:
            return "improvement"
        return "worse" if self.gain_high < 0 else "no improvement shown"


def tuning_verdict(
    metric: str, cross_validated: str, steps: Sequence[TuningStep], n_test: int, over: str = ""
) -> Verdict:
    """Return the verdict on "tuning makes this model better".

    Supported where the paired interval of the gain over the untuned model, on the same
    training rows and with the same scaling, lies above 0; not supported where it lies
    below; else unclear.

    Parameters
    ----------
    metric : str
        "R²" or "AUC".
    cross_validated : str
        What the search found, as sentences.
    steps : sequence of TuningStep
        The last is the tuned model, the one before it what it is compared with.
    n_test : int
        Test rows.
    over : str
        What the numbers are means of, if they are.
    """
    untuned, tuned = steps[-2], steps[-1]
    numbers = (
        f"on the {n_test} test rows{over} the refit of the best setting ({tuned.setting}) reaches "
        f"{metric} {plainly(tuned.reached)}, the untuned one ({untuned.setting}) on the same "
        f"training rows with the same scaling {plainly(untuned.reached)}; tuning itself gains "
        f"{tuned.gained}"
    )
    if tuned.says == "improvement":
        return Verdict("supported", f"Yes: {numbers}. {cross_validated}")
    if tuned.says == "worse":
        return Verdict("not supported", f"No, tuning made it worse: {numbers}. {cross_validated}")
    return Verdict("unclear", f"No improvement is shown: {numbers}. {cross_validated}")
