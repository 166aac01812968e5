"""Tables at the edge of what a study can carry: answered, or refused in words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import BRIEF, write_cohort, write_perovskites

from foldwise.errors import InvalidInputError
from foldwise.reporting.html_report import render_report
from foldwise.reporting.summary import read_summary
from foldwise.runs.runner import run_config
from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.config import BiomarkersConfig, PerovskitesConfig
from foldwise.studies.perovskites import run_perovskites
from foldwise.studies.predicting import predict_table
from foldwise.studies.sections import StudyResult


def cohort_of(folder: Path, frame: pd.DataFrame) -> BiomarkersConfig:
    frame.to_csv(folder / "table.csv", index_label="id")
    return BiomarkersConfig(tables=(str(folder / "table.csv"),), random_splits=2, **BRIEF)


def labelled(X: np.ndarray) -> pd.DataFrame:
    names = [f"m{j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names, index=[f"P{i:02d}" for i in range(len(X))])
    return frame.assign(diagnosis=np.where(np.arange(len(X)) % 2, "case", "control"))


def answer(result: StudyResult, row: str, key: str) -> str:
    section = next(one for one in result.summary.result["sections"] if one["row"] == row)
    return str(next(one["answer"] for one in section["answers"] if one["key"] == key))


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.random.default_rng(0).normal(size=(24, 1)), id="one-feature"),
        pytest.param(np.ones((24, 3)), id="constant-features"),
        pytest.param(
            np.where(np.arange(24)[:, None] % 2, -1.0, 1.0)
            + np.random.default_rng(1).normal(size=(24, 2)),
            id="no-positive-coefficient",
        ),
    ],
)
def test_a_table_with_little_in_it_gets_a_report_all_the_same(
    tmp_path: Path, X: np.ndarray
) -> None:
    result = run_biomarkers(cohort_of(tmp_path, labelled(X)), n_jobs=1)
    page = render_report(result.summary)
    for row in ("1.4", "1.5", "1.6", "1.7"):
        assert f'id="row-{row}"' in page


def test_no_positive_coefficient_is_said_and_has_no_figure(tmp_path: Path) -> None:
    config = cohort_of(tmp_path, labelled(np.random.default_rng(0).normal(size=(24, 2))))
    result = run_biomarkers(config.model_copy(update={"C": 1e-9}), n_jobs=1)
    assert answer(result, "1.6", "1.6-top-five-logistic-l1").startswith("None is positive.")
    assert "top_features_logistic-l1" not in render_report(result.summary)


def test_columns_with_almost_no_values_are_named(tmp_path: Path) -> None:
    frame = labelled(np.random.default_rng(0).normal(size=(24, 3)))
    frame.loc[frame.index[1:], "m1"] = np.nan
    with pytest.raises(InvalidInputError, match=r"table\.csv: columns with so few values .*'m1'"):
        run_biomarkers(cohort_of(tmp_path, frame), n_jobs=1)


def campaign(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> PerovskitesConfig:
    path = write_perovskites(folder)
    change(pd.read_csv(path, index_col=0)).to_csv(path)
    return PerovskitesConfig(table=str(path), hidden=(8,), epochs=5)


def test_a_holdout_of_one_row_has_no_r2_and_no_interval(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame)
    (tmp_path / "one.csv").write_text("row,A,B,X,e_above_hull\nnew,Gd,Mn,O,0.1\n")
    result = run_perovskites(config.model_copy(update={"holdout": str(tmp_path / "one.csv")}))
    held = [one for one in result.summary.result["metrics"] if one["split"] == "holdout"]
    assert {one["name"] for one in held} == {"mae", "rmse"}
    assert {one["low"] for one in held} == {None}
    assert "R² is not defined" in answer(result, "2.8", "2.8-transfer")
    assert 'id="row-2.10"' in render_report(result.summary)


def test_a_target_that_never_varies_is_refused(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame.assign(e_above_hull=0.1))
    with pytest.raises(InvalidInputError, match=r"the target is 0\.1 in all 120 rows"):
        run_perovskites(config)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param(
            lambda frame: frame.assign(e_above_hull=-frame["e_above_hull"].abs()),
            "impossible-energies",
            id="negative",
        ),
        pytest.param(
            lambda frame: frame.assign(e_above_hull=1000 * frame["e_above_hull"].abs()),
            "impossible-energies",
            id="meV",
        ),
        pytest.param(
            lambda frame: frame.assign(A="La", B="Mn"), "repeated-compositions", id="one-compound"
        ),
    ],
)
def test_energies_and_compositions_that_cannot_be_are_found(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], check: str
) -> None:
    findings = run_perovskites(campaign(tmp_path, change)).summary.findings
    assert check in {one["check"] for one in findings}


def test_a_finding_that_stops_the_claim_is_the_verdict(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame).model_copy(update={"weight_decay": 10.0})
    summary = run_perovskites(config.model_copy(update={"epochs": 100})).summary
    assert summary.result["claim"] == "not supported"
    assert summary.verdict.startswith("No: On one-hot the network's predictions")
    assert "MAE" not in summary.verdict
    page = render_report(summary)
    assert "The numbers that carry the verdict" not in page


def test_a_diverged_network_is_named_with_its_encoding(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame).model_copy(update={"lr": 1e30})
    with pytest.raises(InvalidInputError, match=r"network, one-hot: 1 of 1 fits diverged"):
        run_perovskites(config)


def test_held_out_rows_may_have_no_other_part_in_a_splits_file(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame)
    ids = pd.read_csv(str(config.table))["row"].astype(str)
    splits = pd.DataFrame({"id": ids, "part": np.where(np.arange(len(ids)) % 5, "train", "test")})
    splits.to_csv(tmp_path / "splits.csv", index=False)
    wanted = {"splits": str(tmp_path / "splits.csv"), "holdout_elements": ("Y",)}
    with pytest.raises(InvalidInputError, match="held-out rows have another part than 'holdout'"):
        run_perovskites(config.model_copy(update=wanted))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda s: s.assign(part=["holdout", *s["part"][1:]]),
            "knows the parts train and test, not 'holdout'",
            id="a-part-of-the-other-study",
        ),
        pytest.param(
            lambda s: s.assign(fold1=0),
            "1 column that is no assignment: 'fold1'",
            id="misnamed-folds",
        ),
        pytest.param(
            lambda s: s,
            "groups stand on two sides",
            id="torn-groups",
        ),
    ],
)
def test_a_splits_file_that_would_be_misread_is_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    frame = labelled(np.random.default_rng(0).normal(size=(24, 3)))
    frame["subject"] = [f"S{i // 2}" for i in range(24)]
    part = np.where(np.arange(24) % 4 < 3, "train", "test")
    splits = change(pd.DataFrame({"id": frame.index, "part": part}))
    splits.to_csv(tmp_path / "splits.csv", index=False)
    config = cohort_of(tmp_path, frame)
    given = {"splits": str(tmp_path / "splits.csv"), "groups": "subject"}
    with pytest.raises(InvalidInputError, match=message):
        run_biomarkers(config.model_copy(update=given), n_jobs=1)


def test_options_that_would_change_nothing_on_a_registered_set_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"--groups, --scale says how to read a file"):
        run_biomarkers(BiomarkersConfig(dataset="sacurine", groups="subject", scale="z"))
    with pytest.raises(InvalidInputError, match=r"--target says how to read a file"):
        run_perovskites(PerovskitesConfig(target="bandgap"))


def test_one_column_cannot_have_two_roles(tmp_path: Path) -> None:
    config = cohort_of(tmp_path, labelled(np.random.default_rng(0).normal(size=(24, 3))))
    given = {"target": "diagnosis", "groups": "diagnosis"}
    with pytest.raises(InvalidInputError, match="'diagnosis' is given two roles"):
        run_biomarkers(config.model_copy(update=given), n_jobs=1)


def test_a_model_trained_on_oxides_refuses_other_anions(tmp_path: Path) -> None:
    run = run_config(campaign(tmp_path, lambda frame: frame), out=tmp_path / "run")
    (tmp_path / "oxide.csv").write_text("id,A,B\n1,La,Mn\n")
    assert predict_table(run.path, tmp_path / "oxide.csv").frame["formula"].tolist() == ["LaMnO3"]
    (tmp_path / "fluoride.csv").write_text("id,A,B,X\n1,La,Mn,F\n2,La,Mn,O\n")
    with pytest.raises(InvalidInputError, match=r"trained on X = O alone .*: '1'\. Remove"):
        predict_table(run.path, tmp_path / "fluoride.csv")


def test_a_model_that_encodes_the_anion_asks_for_it(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda f: f.assign(X=np.where(np.arange(len(f)) % 2, "O", "F")))
    run = run_config(config, out=tmp_path / "run")
    (tmp_path / "new.csv").write_text("id,A,B\n1,La,Mn\n")
    with pytest.raises(InvalidInputError, match="encodes the site 'X', for which there is no col"):
        predict_table(run.path, tmp_path / "new.csv")


def test_predict_ignores_a_target_and_takes_the_id_column_of_training(tmp_path: Path) -> None:
    run = run_config(campaign(tmp_path, lambda frame: frame), out=tmp_path / "run")
    (tmp_path / "new.csv").write_text("A,B,e_above_hull,sample\nLa,Mn,n.d.,s1\nSr,Fe,,s2\n")
    found = predict_table(run.path, tmp_path / "new.csv", id_column="sample")
    assert found.frame["id"].tolist() == ["s1", "s2"]


def test_a_refused_run_leaves_its_folder_free_for_the_corrected_command(tmp_path: Path) -> None:
    config = campaign(tmp_path, lambda frame: frame)
    out = tmp_path / "new" / "run"
    with pytest.raises(InvalidInputError, match="diverged"):
        run_config(config.model_copy(update={"lr": 1e30}), out=out)
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="diverged"):
        run_config(config.model_copy(update={"lr": 1e30}), out=tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    assert run_config(config, out=tmp_path / "empty").finished


@pytest.mark.parametrize("which", ["splits", "descriptors", "elements"])
def test_every_file_a_config_names_belongs_to_the_run(tmp_path: Path, which: str) -> None:
    config = campaign(tmp_path, lambda frame: frame)
    ids = pd.read_csv(str(config.table))["row"].astype(str)
    part = np.where(np.arange(len(ids)) % 5, "train", "test")
    pd.DataFrame({"id": ids, "part": part}).to_csv(tmp_path / "splits.csv", index=False)
    elements = ["La", "Sr", "Ba", "Ca", "Nd", "Y", "Mn", "Fe", "Co", "Ti", "Ni", "Cr"]
    (tmp_path / "elements.txt").write_text(" ".join(elements))
    radii = "\n".join(f"{symbol},{100 + i}" for i, symbol in enumerate(elements))
    (tmp_path / "descriptors.csv").write_text(f"symbol,radius_pm\n{radii}\n")
    files = {"splits": "splits.csv", "descriptors": "descriptors.csv", "elements": "elements.txt"}
    given = {key: str(tmp_path / name) for key, name in files.items()}
    config = config.model_copy(update=given)
    run_config(config, out=tmp_path / "run")
    assert run_config(config, out=tmp_path / "run").finished
    (tmp_path / files[which]).unlink()
    with pytest.raises(InvalidInputError, match=rf"{files[which]} changed, or is gone"):
        run_config(config, out=tmp_path / "run")


def test_two_tables_of_one_name_are_told_apart(tmp_path: Path) -> None:
    X, y = write_cohort(tmp_path)
    paths = [tmp_path / side / "data.csv" for side in ("left", "right")]
    for source, path in zip((X, y), paths, strict=True):
        path.parent.mkdir()
        source.rename(path)
    config = BiomarkersConfig(tables=tuple(map(str, paths)), random_splits=2, **BRIEF)
    run_config(config, out=tmp_path / "run", n_jobs=1)
    assert run_config(config, out=tmp_path / "run", n_jobs=1).finished
    assert len(read_summary(tmp_path / "run").run["files"]) == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = campaign(tmp_path, lambda frame: frame)
    with pytest.raises(InvalidInputError, match=r"--out .*file/run: the folder cannot be written"):
        run_config(config, out=tmp_path / "file" / "run")
