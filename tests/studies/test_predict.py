"""A saved model scores new tables, and refuses what it cannot score."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import BRIEF, write_cohort, write_perovskites

from foldwise.errors import InvalidInputError
from foldwise.runs.folders import RunFolder
from foldwise.runs.runner import run_config
from foldwise.studies.config import BiomarkersConfig, PerovskitesConfig
from foldwise.studies.model import load_model
from foldwise.studies.predicting import predict_table


@pytest.fixture(scope="module")
def cohort_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("cohort")
    X, y = write_cohort(folder, missing=0.02)
    config = BiomarkersConfig(tables=(str(X), str(y)), random_splits=2, **BRIEF)
    return run_config(config, out=folder / "run", n_jobs=1)


@pytest.fixture(scope="module")
def campaign_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("campaign")
    table = write_perovskites(folder)
    config = PerovskitesConfig(
        table=str(table), holdout_elements=("Y",), hidden=(16, 16), epochs=20
    )
    return run_config(config, out=folder / "run", n_jobs=1)


def test_the_network_of_a_run_predicts_its_own_rows_again(campaign_run: RunFolder) -> None:
    again = predict_table(campaign_run.path, campaign_run.path.parent / "perov.csv").frame
    stored = pd.read_csv(campaign_run.path / "predictions.csv", dtype={"id": str})
    stored = stored[stored["encoding"] == "descriptors"].set_index("id")["prediction"]
    found = again.set_index("id")["e_above_hull_predicted"]
    # float32 sums in batches of another size differ in the last bits.
    np.testing.assert_allclose(found, stored.loc[found.index], atol=1e-6)
    assert set(again.loc[again["formula"].str.startswith("Y"), "elements_not_in_training"]) == {"Y"}


def test_new_formulas_need_no_energy_and_no_known_element(
    campaign_run: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text("id,formula\n1,GdMnO3\n2,La0.5Sr0.5FeO3\n")
    predicted = predict_table(campaign_run.path, tmp_path / "new.csv")
    assert predicted.frame["elements_not_in_training"].tolist() == ["Gd", ""]
    assert np.isfinite(predicted.frame["e_above_hull_predicted"]).all()
    assert any("1 of 2 rows hold an element without a training row" in n for n in predicted.notes)


def test_scores_of_a_cohort_do_not_depend_on_column_or_row_order(
    cohort_run: RunFolder, tmp_path: Path
) -> None:
    X = pd.read_csv(cohort_run.path.parent / "X.csv", index_col=0)
    X.to_csv(tmp_path / "one.csv")
    X.iloc[::-1, ::-1].to_csv(tmp_path / "two.csv")
    one, two = (predict_table(cohort_run.path, tmp_path / n).frame for n in ("one.csv", "two.csv"))
    pd.testing.assert_frame_equal(
        one.sort_values("id", ignore_index=True), two.sort_values("id", ignore_index=True)
    )


def test_cohort_scores_are_the_formula_written_by_hand(
    cohort_run: RunFolder, tmp_path: Path
) -> None:
    X = pd.read_csv(cohort_run.path.parent / "X.csv", index_col=0)
    X.to_csv(tmp_path / "new.csv")
    state = load_model(cohort_run.path).state
    filled = X.fillna(X.median())  # the deployed model has seen all rows
    linear = ((filled - state["center"]) / state["scale"]) @ state["coef"] + state["intercept"]
    found = predict_table(cohort_run.path, tmp_path / "new.csv")
    np.testing.assert_allclose(found.frame["score_case"], 1 / (1 + np.exp(-linear)), rtol=1e-12)
    assert any("cells are missing" in note for note in found.notes)


def test_a_missing_feature_is_named(cohort_run: RunFolder, tmp_path: Path) -> None:
    X = pd.read_csv(cohort_run.path.parent / "X.csv", index_col=0)
    X.drop(columns="met-4").to_csv(tmp_path / "new.csv")
    with pytest.raises(InvalidInputError, match=r"1 of the model's 12 features .* 'met-4'"):
        predict_table(cohort_run.path, tmp_path / "new.csv")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param("weights", "SHA-256 differs", id="changed-weights"),
        pytest.param("text", "damaged", id="half-a-description"),
        pytest.param("foreign", "not a Foldwise model", id="foreign-file"),
        pytest.param("newer", "Install a newer foldwise", id="newer-schema"),
        pytest.param("gone", "no model here", id="no-weights"),
    ],
)
def test_a_bundle_that_cannot_be_trusted_is_refused(
    cohort_run: RunFolder, tmp_path: Path, damage: str, message: str
) -> None:
    bundle = tmp_path / "model"
    load_model(cohort_run.path).save(bundle)
    described = json.loads((bundle / "model.json").read_text())
    weights = bytearray((bundle / "weights.safetensors").read_bytes())
    if damage == "weights":
        weights[-1] ^= 1
        (bundle / "weights.safetensors").write_bytes(weights)
    elif damage == "text":
        (bundle / "model.json").write_text((bundle / "model.json").read_text()[:50])
    elif damage == "foreign":
        (bundle / "model.json").write_text('{"schema": "other/1"}')
    elif damage == "newer":
        (bundle / "model.json").write_text(json.dumps({**described, "schema": "foldwise.model/9"}))
    else:
        (bundle / "weights.safetensors").unlink()
    with pytest.raises(InvalidInputError, match=message):
        load_model(bundle)


def test_saving_and_loading_keeps_every_bit(cohort_run: RunFolder, tmp_path: Path) -> None:
    model = load_model(cohort_run.path)
    model.save(tmp_path / "again")
    for name, value in load_model(tmp_path / "again").state.items():
        np.testing.assert_array_equal(value, model.state[name])


def test_labels_are_refused_where_a_network_predicts_energies(campaign_run: RunFolder) -> None:
    table = campaign_run.path.parent / "perov.csv"
    with pytest.raises(InvalidInputError, match="this one predicts e_above_hull from compositions"):
        predict_table(campaign_run.path, table, target="e_above_hull")
