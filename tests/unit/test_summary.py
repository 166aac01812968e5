"""The Summary on disk: every bit comes back, and nothing false is read."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reporting_samples import biomarkers_summary, perovskites_summary

from foldwise.errors import InvalidInputError
from foldwise.reporting.summary import SCHEMA, NamedTable, Summary, TableColumn, read_summary


def _summary_of(frame: pd.DataFrame, **parts: object) -> Summary:
    columns = tuple(TableColumn(key, key) for key in frame.columns)
    table = NamedTable("values", "Values", columns, frame)
    return Summary("biomarkers", "T", "V.", tables={"values": table}, **parts)


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("make", [biomarkers_summary, perovskites_summary])
def test_a_whole_summary_comes_back_as_it_was_written(make, tmp_path):
    written = make()
    written.write(tmp_path)
    read = read_summary(tmp_path)
    assert read.result == written.result
    assert read.run == written.run
    assert read.findings == written.findings
    for name, table in written.tables.items():
        pd.testing.assert_frame_equal(
            read.tables[name].frame, table.frame, check_exact=True, check_dtype=False
        )
        assert read.tables[name].columns == table.columns


def test_numbers_keep_every_bit(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=2000) * 10.0 ** rng.integers(-300, 300, 2000)
    numbers[:6] = [0.1, -0.0, 5e-324, np.inf, -np.inf, 1 / 3]
    summary = _summary_of(pd.DataFrame({"x": numbers}), result={"x": numbers[5]})
    summary.write(tmp_path)
    read = read_summary(tmp_path)
    back = read.tables["values"].frame["x"].to_numpy()
    assert (back.view(np.int64) == numbers.view(np.int64)).all()
    assert read.result["x"] == numbers[5]


def test_texts_that_look_like_something_else_stay_texts(tmp_path):
    texts = ["NA", "", "007", "1e5", "a,b", 'say "hi"', "two\nlines", "lone\rreturn", "True"]
    _summary_of(pd.DataFrame({"t": texts})).write(tmp_path)
    assert read_summary(tmp_path).tables["values"].frame["t"].tolist() == texts


def test_missing_numbers_stay_missing_and_missing_texts_become_empty(tmp_path):
    frame = pd.DataFrame({"x": [1.5, np.nan], "t": ["a", None], "n": [1, 2], "b": [True, False]})
    _summary_of(frame).write(tmp_path)
    back = read_summary(tmp_path).tables["values"].frame
    assert back["x"].isna().tolist() == [False, True]
    assert back["t"].tolist() == ["a", ""]
    assert [back[key].dtype.kind for key in "nb"] == ["i", "b"]


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for place in ("a", "b"):
        biomarkers_summary().write(tmp_path / place)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert Path("tables/coefficients.csv") in files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_no_temporary_file_is_left(tmp_path):
    biomarkers_summary().write(tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_table_changed_after_the_run_is_refused(tmp_path):
    biomarkers_summary().write(tmp_path)
    file = tmp_path / "tables" / "coefficients.csv"
    file.write_bytes(file.read_bytes().replace(b"2.9", b"9.2", 1))
    with pytest.raises(InvalidInputError, match=r"coefficients\.csv is not the file .* SHA-256"):
        read_summary(tmp_path)


def test_a_missing_table_is_named(tmp_path):
    biomarkers_summary().write(tmp_path)
    (tmp_path / "tables" / "scaling.csv").unlink()
    with pytest.raises(InvalidInputError, match=r"scaling\.csv is missing"):
        read_summary(tmp_path)


def test_a_newer_schema_asks_for_a_newer_foldwise(tmp_path):
    path = _summary_of(pd.DataFrame({"x": [1]})).write(tmp_path)
    _edit(path, schema="foldwise.summary/2")
    with pytest.raises(InvalidInputError, match=r"newer than .* Update Foldwise"):
        read_summary(tmp_path)


@pytest.mark.parametrize("schema", ["other/1", "foldwise.summary", "", None])
def test_another_schema_is_refused(schema, tmp_path):
    path = _summary_of(pd.DataFrame({"x": [1]})).write(tmp_path)
    _edit(path, schema=schema)
    with pytest.raises(InvalidInputError, match=f"not '{SCHEMA}'"):
        read_summary(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"{", "is not JSON", id="cut short"),
        pytest.param(b"[1]", "holds no Summary", id="a list"),
        pytest.param(b'{"schema": "foldwise.summary/1"}', "lacks 'study'", id="keys missing"),
    ],
)
def test_a_file_that_is_no_summary_is_refused(content, message, tmp_path):
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        read_summary(tmp_path)


def test_a_folder_without_a_summary_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="there is no such file"):
        read_summary(tmp_path)


def test_a_table_name_that_leaves_the_folder_is_refused(tmp_path):
    path = _summary_of(pd.DataFrame({"x": [1]})).write(tmp_path)
    path.write_text(path.read_text().replace('"values": {', '"../../values": {'))
    with pytest.raises(InvalidInputError, match="is no name of a table"):
        read_summary(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), np.float64("inf")])
def test_a_number_that_is_not_finite_is_named_by_its_path(value, tmp_path):
    summary = _summary_of(pd.DataFrame({"x": [1]}), result={"metrics": [{"value": value}]})
    with pytest.raises(ValueError, match=r"result\.metrics\[0\]\.value is (nan|inf)"):
        summary.write(tmp_path)
    assert not (tmp_path / "summary.json").exists()


def test_values_of_numpy_are_written_as_plain_ones(tmp_path):
    result = {"a": np.float64(0.5), "b": np.int64(3), "c": np.array([1, 2]), "d": (np.bool_(True),)}
    _summary_of(pd.DataFrame({"x": [1]}), result=result).write(tmp_path)
    assert read_summary(tmp_path).result == {"a": 0.5, "b": 3, "c": [1, 2], "d": [True]}


def test_a_table_with_an_undeclared_column_is_refused():
    with pytest.raises(ValueError, match="Declare each column"):
        NamedTable("values", "Values", (TableColumn("x", "x"),), pd.DataFrame({"y": [1]}))


def test_a_metric_is_found_by_what_tells_it_apart():
    summary = biomarkers_summary()
    entry = summary.metric("roc_auc", model="forest", split="cv")
    assert (entry["model"], entry["split"]) == ("forest", "cv")


@pytest.mark.parametrize("wanted", [{"model": "none-such"}, {"model": "forest"}])
def test_no_metric_or_several_is_an_error_that_lists_them(wanted):
    with pytest.raises(LookupError, match=r"\d+ metrics fit .*roc_auc/"):
        biomarkers_summary().metric("roc_auc", **wanted)
