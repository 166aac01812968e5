"""New cohorts: compared with the training rows, and scored against their labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from tables import write_cohort
from typer.testing import CliRunner

from foldwise.cli.main import app
from foldwise.data.files import file_sha256
from foldwise.errors import InvalidInputError
from foldwise.evaluation.intervals import delong_interval
from foldwise.studies.model import Model
from foldwise.studies.predicting import Predicted, predict_table
from foldwise.studies.training_record import Threshold, training_facts


def frame_of(folder: Path, n: int = 80, seed: int = 1, effect: float = 1.0) -> pd.DataFrame:
    """Return a cohort as one table: 12 features, then the label."""
    X, y = write_cohort(folder, n=n, seed=seed, effect=effect)
    return pd.read_csv(X, index_col=0).join(pd.read_csv(y, index_col=0))


def renamed(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    return frame.set_axis([f"{prefix}{i:03d}" for i in range(len(frame))], axis=0)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Model, pd.DataFrame]:
    """Return a model of weights written by hand, with the record of its training rows."""
    frame = frame_of(tmp_path / "train", n=120, seed=0)
    X, y = frame.iloc[:, :12], (frame["diagnosis"] == "case").to_numpy().astype(float)
    coef = np.array([1.0, 0.8, 0.6] + [0.0] * 9)
    center, scale = X.mean().to_numpy(), X.std(ddof=0).to_numpy()
    state = {"fill": X.median().to_numpy(), "center": center, "scale": scale, "coef": coef}
    state["intercept"] = np.array(0.0)
    facts = {"scale": "log2", "data": [{"sha256": file_sha256(tmp_path / "train" / "X.csv")}]}
    facts |= training_facts(X.to_numpy(), y, list(frame.index))
    target = {"name": "diagnosis", "unit": "probability", "positive": "case"}
    target["negative"] = "control"
    return Model("logistic", state, tuple(X.columns), target, {"kind": "columns"}, facts), frame


@pytest.fixture
def model(trained: tuple[Model, pd.DataFrame]) -> Model:
    return trained[0]


def scored(model: Model, frame: pd.DataFrame, folder: Path, **asked: object) -> Predicted:
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "new.csv", index_label="sample")
    asked.setdefault("scale", "log2")
    return predict_table(model, folder / "new.csv", **asked)  # type: ignore[arg-type]


def checks(predicted: Predicted) -> set[str]:
    return {finding.check for finding in predicted.findings}


def metric(predicted: Predicted, name: str) -> pd.Series:
    assert predicted.validation is not None
    frame = predicted.validation.metrics.frame
    return frame[frame["metric"].str.startswith(name)].iloc[0]


# ---------------------------------------------------------------- metrics


def test_metrics_are_those_of_scikit_learn_on_the_scores(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    found = scored(model, frame, tmp_path, target="diagnosis")
    y = (frame["diagnosis"] == "case").to_numpy().astype(float)
    p = found.frame.set_index("id").loc[frame.index, "score_case"].to_numpy()
    auc = metric(found, "ROC AUC")
    assert auc["estimate"] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert (auc["low"], auc["high"]) == pytest.approx(delong_interval(y, p))
    expected = average_precision_score(y, p)
    assert metric(found, "Average")["estimate"] == pytest.approx(expected, abs=1e-12)
    assert metric(found, "Brier")["estimate"] == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert metric(found, "Sensitivity")["estimate"] == np.mean(p[y == 1] > 0.5)
    assert metric(found, "Specificity")["estimate"] == np.mean(p[y == 0] <= 0.5)
    refit = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], y)
    assert metric(found, "Calibration slope")["estimate"] == pytest.approx(
        refit.coef_[0, 0], rel=1e-4
    )
    assert found.validation is not None
    assert found.validation.external
    assert "External validation: 40 cases, 40 controls" in found.validation.title


def test_every_interval_holds_its_estimate(model: Model, tmp_path: Path) -> None:
    found = scored(model, renamed(frame_of(tmp_path / "new"), "E"), tmp_path, target="diagnosis")
    assert found.validation is not None
    frame = found.validation.metrics.frame
    assert len(frame) == 7
    assert ((frame["low"] < frame["estimate"]) & (frame["estimate"] < frame["high"])).all()


def test_a_stored_threshold_decides_sensitivity_and_the_class(model: Model, tmp_path: Path) -> None:
    stored = {"threshold": vars(Threshold(0.8, "specificity of 0.9 in inner folds"))}
    model = replace(model, facts={**model.facts, **stored})
    frame = renamed(frame_of(tmp_path / "new"), "E")
    found = scored(model, frame, tmp_path, target="diagnosis")
    p = found.frame.set_index("id").loc[frame.index, "score_case"]
    is_case = frame["diagnosis"] == "case"
    assert metric(found, "Sensitivity")["estimate"] == (p[is_case] > 0.8).mean()
    assert (found.frame["class_at_0.8"] == "case").sum() == (p > 0.8).sum()
    assert found.validation is not None
    assert "specificity of 0.9 in inner folds" in " ".join(found.validation.notes)


def test_without_a_stored_threshold_the_half_is_called_chosen_by_nothing(
    model: Model, tmp_path: Path
) -> None:
    found = scored(model, renamed(frame_of(tmp_path / "new"), "E"), tmp_path, target="diagnosis")
    assert found.validation is not None
    assert "stores no threshold" in " ".join(found.validation.notes)


def test_repeated_rows_of_persons_widen_the_interval(model: Model, tmp_path: Path) -> None:
    frame = frame_of(tmp_path / "new", n=40)
    tripled = renamed(pd.concat([frame] * 3), "E").assign(person=list(frame.index) * 3)
    rows = metric(scored(model, tripled, tmp_path, target="diagnosis"), "ROC AUC")
    people = scored(model, tripled, tmp_path, target="diagnosis", groups="person")
    once = renamed(frame, "E").assign(person=list(frame.index))
    single = metric(scored(model, once, tmp_path, target="diagnosis", groups="person"), "ROC AUC")
    by_person = metric(people, "ROC AUC")
    assert rows["high"] - rows["low"] < 0.7 * (by_person["high"] - by_person["low"])
    assert by_person["n"] == 40
    # Equal copies add nothing: the interval is that of each person once.
    assert (by_person["low"], by_person["high"]) == pytest.approx((single["low"], single["high"]))


def test_a_class_of_one_row_gives_an_auc_without_an_interval(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    keep = (frame["diagnosis"] == "control") | (np.arange(len(frame)) == 1)
    auc = metric(scored(model, frame[keep], tmp_path, target="diagnosis"), "ROC AUC")
    assert np.isnan(auc["low"])
    assert "fewer than two of a class" in auc["method"]


def test_a_model_that_scores_all_alike_claims_no_interval(model: Model, tmp_path: Path) -> None:
    blind = replace(model, state={**model.state, "coef": np.zeros(12)})
    found = scored(blind, renamed(frame_of(tmp_path / "new"), "E"), tmp_path, target="diagnosis")
    auc, slope = metric(found, "ROC AUC"), metric(found, "Calibration slope")
    assert auc["estimate"] == 0.5
    assert np.isnan(auc["low"])
    assert np.isnan(slope["estimate"])
    assert "all probabilities are equal" in slope["method"]


def test_labels_may_stand_in_a_second_file_in_any_order(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame[["diagnosis"]].iloc[::-1].to_csv(tmp_path / "labels.csv", index_label="sample")
    one = scored(model, frame, tmp_path, target="diagnosis")
    two = scored(model, frame.iloc[:, :12], tmp_path, labels=tmp_path / "labels.csv")
    assert one.validation is not None
    assert two.validation is not None
    pd.testing.assert_frame_equal(one.validation.metrics.frame, two.validation.metrics.frame)


# ---------------------------------------------------------------- labels


def test_other_words_for_the_classes_need_the_case_named(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    own = metric(scored(model, frame, tmp_path, target="diagnosis"), "ROC AUC")
    frame["diagnosis"] = frame["diagnosis"].map({"case": "BC", "control": "HC"})
    with pytest.raises(InvalidInputError, match=r"'BC' \(40\), 'HC' \(40\); the model was trained"):
        scored(model, frame, tmp_path, target="diagnosis")
    named = metric(scored(model, frame, tmp_path, target="diagnosis", positive="BC"), "ROC AUC")
    assert named["estimate"] == own["estimate"]


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        pytest.param({}, {"positive": "control"}, "contradicts the model", id="turned-round"),
        pytest.param({}, {"positive": "sick"}, "is the case", id="no-such-label"),
        pytest.param({"control": "case"}, {}, "one class only", id="one-class"),
        pytest.param({"control": None}, {}, "missing in 40 rows", id="missing-labels"),
        pytest.param({}, {"target": "met-3"}, "is a feature of the model", id="a-feature"),
        pytest.param({}, {"target": "status"}, "no column 'status'", id="no-column"),
        pytest.param({}, {"target": None, "positive": "case"}, "none were given", id="no-labels"),
    ],
)
def test_labels_that_are_not_clear_are_refused(
    model: Model,
    tmp_path: Path,
    change: dict[str, str | None],
    asked: dict[str, str | None],
    message: str,
) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame["diagnosis"] = frame["diagnosis"].map(lambda label: change.get(label, label))
    with pytest.raises(InvalidInputError, match=message):
        scored(model, frame, tmp_path, **{"target": "diagnosis", **asked})


# ---------------------------------------------------------------- overlap


def test_metrics_on_the_training_file_are_refused_and_scores_are_marked(
    trained: tuple[Model, pd.DataFrame], tmp_path: Path
) -> None:
    model, _ = trained
    folder = tmp_path / "train"
    with pytest.raises(InvalidInputError, match="120 of 120 rows are rows the model was trained"):
        predict_table(model, folder / "X.csv", labels=folder / "y.csv", scale="log2")
    assert "trained-on-this-file" in checks(predict_table(model, folder / "X.csv", scale="log2"))


def test_training_rows_are_known_again_under_other_ids_and_column_orders(
    trained: tuple[Model, pd.DataFrame], tmp_path: Path
) -> None:
    model, old = trained
    new = renamed(pd.concat([frame_of(tmp_path / "new"), old.iloc[:7]]), "E").iloc[:, ::-1]
    found = scored(model, new, tmp_path)
    (finding,) = [one for one in found.findings if one.check == "trained-on-these-rows"]
    assert finding.message.startswith("7 of 87 rows are rows the model was trained on")
    assert finding.rows == tuple(f"E{i:03d}" for i in range(80, 87))
    with pytest.raises(InvalidInputError, match="7 of 87 rows are rows the model was trained on"):
        scored(model, new, tmp_path, target="diagnosis")


def test_a_training_row_under_its_own_id_is_reported_once(
    trained: tuple[Model, pd.DataFrame], tmp_path: Path
) -> None:
    model, old = trained
    new = pd.concat([renamed(frame_of(tmp_path / "new"), "E"), old.iloc[:7]])
    assert checks(scored(model, new, tmp_path)) == {"trained-on-these-rows"}


def test_shared_ids_alone_are_warned_about_and_not_called_external(
    model: Model, tmp_path: Path
) -> None:
    found = scored(model, frame_of(tmp_path / "new"), tmp_path, target="diagnosis")
    assert "ids-of-training-rows" in checks(found)
    assert found.validation is not None
    assert not found.validation.external
    assert found.validation.title.startswith("Metrics on new rows")


def test_a_bundle_without_a_record_claims_no_external_validation(
    model: Model, tmp_path: Path
) -> None:
    bare = replace(model, facts={"scale": "log2", "data": []})
    frame = renamed(frame_of(tmp_path / "new"), "E")
    found = scored(bare, frame, tmp_path, target="diagnosis")
    assert "no-training-record" in checks(found)
    assert found.drift is None
    assert found.validation is not None
    assert not found.validation.external


def test_where_values_name_no_row_nothing_is_called_external(model: Model, tmp_path: Path) -> None:
    X = np.repeat(np.arange(5.0), 20)[:, None] + np.zeros(12)
    facts = training_facts(X, np.arange(100) % 2.0, [f"P{i}" for i in range(100)])
    assert facts["training"]["rows"] == []
    coarse = replace(model, facts={"scale": "log2", **facts})
    found = scored(coarse, renamed(frame_of(tmp_path / "new"), "E"), tmp_path, target="diagnosis")
    assert found.validation is not None
    assert not found.validation.external
    assert "have equal values" in found.validation.notes[0]


def test_the_record_holds_no_id_and_no_cell_of_a_row(trained: tuple[Model, pd.DataFrame]) -> None:
    model, frame = trained
    written = json.dumps(model.facts["training"])
    assert not any(one in written for one in frame.index)
    inner = frame.iloc[:, 3].sort_values().iloc[1:-1]  # the extremes are the recorded range
    assert not any(repr(float(value)) in written for value in inner)


# ---------------------------------------------------------------- drift and scale


def test_a_cohort_like_the_training_rows_raises_no_warning(model: Model, tmp_path: Path) -> None:
    found = scored(model, renamed(frame_of(tmp_path / "new"), "E"), tmp_path)
    assert found.findings == ()
    assert found.drift is not None
    assert not found.drift.frame["drifted"].any()


def test_drifted_features_are_named_with_their_shift(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame["met-5"] += 2.0
    found = scored(model, frame, tmp_path)
    (finding,) = [one for one in found.findings if one.check == "drifted-features"]
    assert finding.columns == ("met-5",)
    assert "1 of 12 features drifted" in finding.message
    assert found.drift is not None
    row = found.drift.frame.set_index("feature").loc["met-5"]
    assert row["shift"] == pytest.approx(2.0, abs=0.4)  # sd 1, 80 rows
    assert row["share_outside"] > 0.1


def test_scores_of_another_distribution_are_warned_about(
    trained: tuple[Model, pd.DataFrame], tmp_path: Path
) -> None:
    model, old = trained
    X = old.iloc[:, :12].to_numpy()
    y = (old["diagnosis"] == "case").to_numpy().astype(float)
    facts = training_facts(X, y, list(old.index), out_of_fold_scores=model.predict(X))
    model = replace(model, facts={**model.facts, **facts})
    new = renamed(frame_of(tmp_path / "new"), "E")
    assert "score-distribution" not in checks(scored(model, new, tmp_path))
    cases = new[new["diagnosis"] == "case"]
    assert "score-distribution" in checks(scored(model, cases, tmp_path))


def test_raw_values_for_a_model_of_logs_are_refused(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame.iloc[:, :12] = 2.0 ** frame.iloc[:, :12]
    with pytest.raises(InvalidInputError, match=r"look raw, the model was trained on log2"):
        scored(model, frame, tmp_path, scale=None)
    with pytest.raises(InvalidInputError, match=r"were declared raw"):
        scored(model, frame, tmp_path, scale="raw")
    # Said to be log2 all the same: scored, and far off by its numbers.
    assert "far-from-training" in checks(scored(model, frame, tmp_path, scale="log2"))


def test_a_feature_without_a_value_in_any_row_is_named(model: Model, tmp_path: Path) -> None:
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame["met-7"] = np.nan
    assert "features-without-values" in checks(scored(model, frame, tmp_path))


def test_a_feature_spelled_otherwise_is_shown(model: Model, tmp_path: Path) -> None:
    frame = frame_of(tmp_path / "new").rename(columns={"met-4": "Met-4"})
    with pytest.raises(InvalidInputError, match=r"'met-4'. Written differently there: 'Met-4'"):
        scored(model, frame, tmp_path)


# ---------------------------------------------------------------- command line


def test_the_command_prints_metrics_and_writes_table_and_report(
    model: Model, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame.to_csv(tmp_path / "new.csv", index_label="sample")
    arguments = ["predict", str(tmp_path / "model"), str(tmp_path / "new.csv")]
    arguments += ["--target", "diagnosis", "--out", str(tmp_path / "scores.csv")]
    arguments += ["--report", str(tmp_path / "report.json"), "--scale", "log2"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0
    assert "External validation: 40 cases, 40 controls" in ended.stderr
    assert "ROC AUC" in ended.stderr
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 80
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["schema"] == "foldwise.external/1"
    assert written["validation"]["external"] is True
    assert written["validation"]["metrics"][0]["metric"] == "ROC AUC"
    assert len(written["drift"]) == 12
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, InvalidInputError)
    assert "nothing is overwritten" in str(again.exception)


def test_saving_the_record_keeps_every_bit(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    frame = renamed(frame_of(tmp_path / "new"), "E")
    frame.to_csv(tmp_path / "new.csv", index_label="sample")
    one = predict_table(model, tmp_path / "new.csv", target="diagnosis", scale="log2")
    two = predict_table(tmp_path / "model", tmp_path / "new.csv", target="diagnosis", scale="log2")
    assert one.document() == two.document()
