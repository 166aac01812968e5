"""One cohort in every format of the field is one table, and each format's mistakes are named."""

import io
import json
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mwtab.mwtab import MWTabFile

from foldwise.data.orientation import orientation_by_labels, turned
from foldwise.data.readers import read_abundances
from foldwise.data.rules import binary_target
from foldwise.errors import InvalidInputError

NAMES = ["1,2-propanediol", "β-alanine", 'so-called "X"', "Benzoic acid", "glucose"]
IDS = [f"P{i:02d}" for i in (3, 1, 2, 0, 7, 5, 4, 6, 9, 8, 11, 10)]
HMDB = {"glucose": "HMDB0000122", "Benzoic acid": "HMDB0001870"}


@dataclass
class Cohort:
    """Values by sample and metabolite, in an order of samples that is not sorted."""

    values: pd.DataFrame
    labels: pd.Series


@pytest.fixture
def cohort():
    rng = np.random.default_rng(7)
    values = pd.DataFrame(rng.lognormal(3, 1, (12, 5)).round(3), index=IDS, columns=NAMES)
    values.iloc[2, 1] = np.nan
    labels = pd.Series(["case" if int(i[1:]) % 3 else "control" for i in IDS], index=IDS)
    return Cohort(values, labels)


@pytest.fixture
def save(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def text_of(frame, sep=","):
    stream = io.StringIO()
    frame.to_csv(stream, sep=sep)
    return stream.getvalue()


def message(*args, **kwargs):
    with pytest.raises(InvalidInputError) as caught:
        read_abundances(*args, **kwargs)
    return str(caught.value)


def noted(table, part):
    return [note for note in table.notes if part in note]


# ---------------------------------------------------------------- the same cohort in each format


def metaboanalyst_rows(cohort, sep=","):
    frame = cohort.values.copy()
    frame.insert(0, "Label", cohort.labels)
    return text_of(frame.rename_axis("Sample"), sep)


def metaboanalyst_columns(cohort, sep=","):
    frame = cohort.values.T.astype(object)
    frame.loc["Label"] = cohort.labels
    return text_of(frame.loc[["Label", *NAMES]].rename_axis("Sample"), sep)


def w4m_tables(cohort, **columns):
    samples = pd.DataFrame({"class": cohort.labels, **columns}).rename_axis("sampleMetadata")
    variables = pd.DataFrame(
        {"rt": range(5), "hmdb_id": [HMDB.get(name, "NA") for name in NAMES]}, index=NAMES
    ).rename_axis("variableMetadata")
    # Each table in an order of its own: a join by position would be seen.
    matrix = cohort.values.T.iloc[::-1].rename_axis("dataMatrix")
    return text_of(matrix, "\t"), text_of(samples.iloc[::-1], "\t"), text_of(variables, "\t")


def save_w4m(save, tables):
    names = ("dataMatrix.tsv", "sampleMetadata.tsv", "variableMetadata.tsv")
    return [save(name, text) for name, text in zip(names, tables, strict=True)]


def cimcb_sheets(cohort):
    keys = [f"M{j + 1}" for j in range(len(NAMES))]
    data = cohort.values.set_axis(keys, axis=1).astype(object)
    data.insert(0, "Class", cohort.labels)
    data = data.rename_axis("SampleID").reset_index()
    data.insert(0, "Idx", range(1, len(data) + 1))
    peak = pd.DataFrame(
        {
            "Idx": range(1, 6),
            "Name": keys,
            "Label": NAMES,
            "HMDB": [HMDB.get(name) for name in NAMES],
            "QC_RSD": 12.5,
        }
    )
    return data, peak.iloc[::-1]


def save_workbook(path, **sheets):
    with pd.ExcelWriter(path) as book:
        for name, frame in sheets.items():
            frame.to_excel(book, sheet_name=name, index=False)
    return path


def mwtab_text(cohort, *, subjects=None, factors=None, values=None, metabolites=None):
    said = factors or {
        i: f"Diagnosis:{label} | Tissue:Plasma" for i, label in cohort.labels.items()
    }
    subjects = subjects or dict.fromkeys(said, "-")
    lines = [
        "#METABOLOMICS WORKBENCH STUDY_ID:ST000001 ANALYSIS_ID:AN000001",
        "VERSION\t1",
        "CREATED_ON\t2020-01-01",
        "#SUBJECT",
        "SU:SUBJECT_TYPE                  \tHuman",
        "#SUBJECT_SAMPLE_FACTORS:         \tSUBJECT(optional)[tab]SAMPLE[tab]FACTORS",
        *(f"SUBJECT_SAMPLE_FACTORS           \t{subjects[i]}\t{i}\t{said[i]}\t" for i in said),
        "#MS",
        "MS:ION_MODE                      \tPOSITIVE",
        "#MS_METABOLITE_DATA",
        "MS_METABOLITE_DATA:UNITS         \tpeak area",
        "MS_METABOLITE_DATA_START",
        *(values or mwtab_values(cohort)),
        "MS_METABOLITE_DATA_END",
        "#METABOLITES",
        "METABOLITES_START",
        *(metabolites or ["metabolite_name\thmdb_id", *(f"{n}\t{HMDB.get(n, '')}" for n in NAMES)]),
        "METABOLITES_END",
        "#END",
    ]
    return "\n".join(lines) + "\n"


def mwtab_values(cohort):
    ids = sorted(cohort.values.index, reverse=True)
    rows = ["\t".join(["Samples", *ids])]
    rows += ["\t".join(["Factors", *(f"Diagnosis:{cohort.labels[i]}" for i in ids)])]
    for name in NAMES:
        cells = [cohort.values.at[i, name] for i in ids]
        rows.append("\t".join([name, *("" if np.isnan(x) else repr(float(x)) for x in cells)]))
    return rows


def mwtab_json(cohort):
    factors = [
        {"Subject ID": "-", "Sample ID": i, "Factors": {"Diagnosis": label}}
        for i, label in cohort.labels.items()
    ]
    data = [
        {"Metabolite": n, **{i: "" if x != x else repr(float(x)) for i, x in column.items()}}
        for n, column in cohort.values.items()
    ]
    names = [{"Metabolite": name, "hmdb_id": HMDB.get(name, "")} for name in reversed(NAMES)]
    section = {"Units": "peak area", "Data": data, "Metabolites": names}
    return json.dumps(
        {
            "METABOLOMICS WORKBENCH": {"STUDY_ID": "ST000001"},
            "SUBJECT_SAMPLE_FACTORS": factors,
            "MS_METABOLITE_DATA": section,
        }
    )


def written(kind, cohort, save, tmp_path):
    """Return the paths of the cohort written in one format."""
    if kind == "metaboanalyst-rows":
        return [save("rows.csv", metaboanalyst_rows(cohort))]
    if kind == "metaboanalyst-columns":
        return [save("columns.csv", metaboanalyst_columns(cohort))]
    if kind == "metaboanalyst-columns-utf16":
        return [save("columns.txt", metaboanalyst_columns(cohort, "\t").encode("utf-16"))]
    if kind == "features-in-rows-and-labels":
        y = cohort.labels.rename("Diagnosis").rename_axis("id").to_frame()
        X = text_of(cohort.values.T.rename_axis("metabolite"))
        return [save("X.csv", X), save("y.csv", text_of(y))]
    if kind == "workflow4metabolomics":
        return save_w4m(save, w4m_tables(cohort))
    if kind == "cimcb":
        data, peak = cimcb_sheets(cohort)
        return [save_workbook(tmp_path / "cohort.xlsx", Peak=peak, Data=data)]
    if kind == "mwtab-text":
        # quotes around a name are cut by the format's own parser
        return [save("AN000001.txt", mwtab_text(cohort).replace("\n", "\r\n"))]
    return [save("AN000001.json", mwtab_json(cohort))]


KINDS = [
    "metaboanalyst-rows",
    "metaboanalyst-columns",
    "metaboanalyst-columns-utf16",
    "features-in-rows-and-labels",
    "workflow4metabolomics",
    "cimcb",
    "mwtab-text",
    "mwtab-json",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cohort_is_the_same_table_in_every_format(kind, cohort, save, tmp_path):
    table = read_abundances(written(kind, cohort, save, tmp_path))
    names = [name.strip('"') if kind == "mwtab-text" else name for name in NAMES]
    features = table.frame[names].to_numpy(dtype=float)
    assert table.ids == sorted(IDS)
    assert set(table.keys("feature")) == set(names)
    assert np.array_equal(features, cohort.values.sort_index().to_numpy(), equal_nan=True)
    assert table.values("target").to_dict() == cohort.labels.to_dict()
    assert binary_target(table.values("target")).positive == "case"
    assert all(len(source.sha256) == 64 for source in table.sources)


@pytest.mark.parametrize("kind", ["workflow4metabolomics", "cimcb", "mwtab-text", "mwtab-json"])
def test_identifiers_go_with_the_name_of_their_feature(kind, cohort, save, tmp_path):
    table = read_abundances(written(kind, cohort, save, tmp_path))
    assert {key: held["HMDB"] for key, held in table.identifiers.items()} == HMDB


def test_features_that_are_left_out_have_no_identifiers(cohort, save):
    paths = save_w4m(save, w4m_tables(cohort))
    table = read_abundances(paths, ignore=["glucose"])
    assert set(table.identifiers) == {"Benzoic acid"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("metaboanalyst-columns", "samples in columns"),
        ("workflow4metabolomics", "three tables of Workflow4Metabolomics"),
        ("cimcb", "sheets of cimcb"),
        ("mwtab-text", "Read as mwTab"),
        ("mwtab-json", "Read as mwTab"),
    ],
)
def test_a_note_says_what_was_recognised(kind, said, cohort, save, tmp_path):
    assert noted(read_abundances(written(kind, cohort, save, tmp_path)), said)


# ---------------------------------------------------------------- MetaboAnalyst


def paired_text(cohort):
    numbers = [n for pair in range(1, 7) for n in (-pair, pair)]
    cohort.labels = pd.Series(numbers, index=IDS)
    return cohort


@pytest.mark.parametrize("writer", [metaboanalyst_rows, metaboanalyst_columns])
def test_paired_labels_give_a_class_by_sign_and_groups_by_number(writer, cohort, save):
    table = read_abundances(save("paired.csv", writer(paired_text(cohort))))
    pairs = cohort.labels.sort_index()
    assert table.values("target").tolist() == ["1" if n > 0 else "-1" for n in pairs]
    assert table.groups().tolist() == [str(abs(n)) for n in pairs]
    assert noted(table, "come in 6 pairs")
    with pytest.raises(InvalidInputError, match="Which label of 'Label' is the case"):
        binary_target(table.values("target"))


def test_groups_that_are_named_win_over_pairs(cohort, save):
    cohort = paired_text(cohort)
    frame = cohort.values.assign(Label=cohort.labels, site=["a", "b", "c"] * 4)
    table = read_abundances(save("paired.csv", text_of(frame)), groups="site")
    assert set(table.groups()) == {"a", "b", "c"}
    assert set(table.values("target")) == {"-1", "1"}


def test_a_feature_called_pair_stays_beside_the_pairs(cohort, save):
    cohort.values = cohort.values.rename(columns={"glucose": "pair"})
    table = read_abundances(save("t.csv", metaboanalyst_rows(paired_text(cohort))))
    assert "pair" in table.keys("feature")
    assert table.keys("group") == ["pair of Label"]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([-1, 1] * 6, id="two-classes-called-minus-one-and-one"),
        pytest.param([0, 1] * 6, id="zero-and-one"),
        pytest.param([1, 2, 3] * 4, id="three-classes"),
        pytest.param([*range(1, 12), -1], id="one-pair-among-singles"),
    ],
)
def test_labels_that_are_not_paired_stay_as_they_are(labels, cohort, save):
    cohort.labels = pd.Series(labels, index=IDS)
    table = read_abundances(save("t.csv", metaboanalyst_rows(cohort)))
    assert table.values("target").to_dict() == {i: str(n) for i, n in cohort.labels.items()}
    assert table.groups() is None


def test_a_table_that_reads_both_ways_asks_for_its_orientation(save):
    # A sample called 'class' and a column called 'class', numbers everywhere.
    ids = ["class", *(f"P{i}" for i in range(11))]
    rows = [f"{one},{i % 2},{i + 0.5},{2 * i}" for i, one in enumerate(ids)]
    path = save("both.csv", "id,class,a,b\n" + "\n".join(rows) + "\n")
    assert "--orientation rows or --orientation columns" in message(path)
    assert read_abundances(path, orientation="rows").n_rows == 12


def test_a_sample_that_is_called_like_a_label_does_not_turn_a_table_with_words(cohort, save):
    frame = cohort.values.rename(index={"P03": "y"}).assign(arm=list(cohort.labels))
    said = message(save("t.csv", text_of(frame)))
    assert "--orientation" in said


def test_a_stated_orientation_is_obeyed(cohort, save):
    path = save("t.csv", metaboanalyst_columns(cohort))
    assert read_abundances(path, orientation="columns").ids == sorted(IDS)
    assert "text" in message(path, orientation="rows", target="P03")
    assert "not known. Use one of rows, columns" in message(path, orientation="up")


def test_an_id_column_in_the_heading_says_that_samples_stand_in_rows(save):
    rows = [f"{'class' if i == 5 else f'n{i}'},P{i:02d},{i % 2},{i + 0.5}" for i in range(12)]
    path = save("t.csv", "run,sample,class,a\n" + "\n".join(rows).replace("P", "") + "\n")
    assert "--orientation" in message(path)
    assert read_abundances(path, id_column="sample").n_rows == 12


def test_an_id_column_of_the_labels_leaves_turned_features_alone(cohort, save):
    y = pd.DataFrame({"n": range(12), "who": IDS, "Diagnosis": list(cohort.labels)})
    X = save("X.csv", text_of(cohort.values.T.rename_axis("metabolite")))
    labels = save("y.csv", y.to_csv(index=False))
    table = read_abundances([X, labels], id_column="who", target="Diagnosis")
    assert table.values("target").to_dict() == cohort.labels.to_dict()
    assert set(table.keys("feature")) == set(NAMES)


def test_features_and_labels_with_the_same_ids_both_ways_are_asked_about(save):
    ids = [f"P{i}" for i in range(12)]
    square = pd.DataFrame(np.arange(144.0).reshape(12, 12), index=ids, columns=ids)
    y = pd.DataFrame({"Diagnosis": ["case", "control"] * 6}, index=ids)
    said = message([save("X.csv", text_of(square)), save("y.csv", text_of(y))])
    assert "12 sample ids stand both in rows and in columns" in said
    assert "--orientation" in said


def test_a_class_of_numbers_is_found_by_its_name_in_either_orientation(cohort, save):
    cohort.labels = pd.Series([0, 1] * 6, index=IDS)
    rows = read_abundances(save("rows.csv", metaboanalyst_rows(cohort)))
    columns = read_abundances(save("columns.csv", metaboanalyst_columns(cohort)))
    pd.testing.assert_frame_equal(rows.frame[NAMES], columns.frame[NAMES])
    assert rows.values("target").to_dict() == columns.values("target").to_dict()


def test_a_label_row_of_another_name_is_found_by_its_words_or_by_the_target(cohort, save):
    text = metaboanalyst_columns(cohort).replace("Label", "Muscle loss")
    assert read_abundances(save("words.csv", text)).keys("target") == ["Muscle loss"]
    cohort.labels = pd.Series([0, 1] * 6, index=IDS)
    text = metaboanalyst_columns(cohort).replace("Label", "Muscle loss")
    table = read_abundances(save("numbers.csv", text), target="Muscle loss")
    assert table.ids == sorted(IDS)


def test_more_than_two_classes_ask_for_the_positive_one(cohort, save):
    cohort.labels = pd.Series(["benign", "early", "late"] * 4, index=IDS)
    table = read_abundances(save("t.csv", metaboanalyst_columns(cohort)))
    with pytest.raises(InvalidInputError, match="holds 3 labels"):
        binary_target(table.values("target"))
    assert binary_target(table.values("target"), "late").y.sum() == 4


def test_decimal_commas_of_a_turned_table_are_named_by_sample_and_metabolite(cohort, save):
    frame = cohort.values.T.map(lambda x: "" if x != x else str(x).replace(".", ","))
    frame.loc["Label"] = cohort.labels
    path = save("german.csv", text_of(frame.loc[["Label", *NAMES]].rename_axis("Sample"), ";"))
    said = message(path)
    assert "with a decimal comma" in said
    assert "in column '1,2-propanediol' (row id P0" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("glucose", "Benzoic acid ", "more than one row: 'Benzoic acid'", id="names"),
        pytest.param("P01", "P02", "more than one column: 'P02'", id="samples"),
        pytest.param("glucose", " ", "1 row without a name: number 6 after", id="unnamed"),
    ],
)
def test_repeated_and_empty_names_of_a_turned_table_are_refused(old, new, said, cohort, save):
    text = metaboanalyst_columns(cohort).replace(old, new)
    assert said in message(save("t.csv", text))


def test_a_turned_table_without_its_heading_is_refused(cohort, save):
    _, label, *body = metaboanalyst_columns(cohort).splitlines(keepends=True)
    said = message(save("t.csv", "".join([body[-1], label, *body[:-1]])))
    assert "the first line holds numbers where the names of the samples should stand" in said


def test_samples_may_be_numbered(cohort, save):
    numbered = cohort.values.set_axis([str(i) for i in range(12)])
    more = Cohort(numbered, cohort.labels.set_axis(numbered.index))
    assert read_abundances(save("t.csv", metaboanalyst_columns(more))).n_rows == 12


def test_trailing_blanks_of_names_are_trimmed(cohort, save):
    text = metaboanalyst_columns(cohort).replace("glucose", "glucose  ").replace("P03", "P03 ")
    table = read_abundances(save("t.csv", text))
    assert "glucose" in table.keys("feature")
    assert table.ids == sorted(IDS)


def test_latin_1_files_are_refused_with_a_way_to_convert_them(cohort, save):
    text = metaboanalyst_columns(cohort).replace("β-alanine", "Säure")
    assert "not UTF-8 text: byte 0xe4" in message(save("t.csv", text.encode("latin-1")))


def test_names_that_a_spreadsheet_made_into_dates_are_noted(cohort, save):
    text = metaboanalyst_columns(cohort).replace("glucose", "2-Sep")
    assert noted(read_abundances(save("t.csv", text)), "1 feature with the name of a date: '2-Sep'")


def test_a_date_in_a_cell_of_a_workbook_is_refused_as_text(cohort, tmp_path):
    data, peak = cimcb_sheets(cohort)
    data.loc[0, "M1"] = pd.Timestamp("2021-09-02")
    said = message(save_workbook(tmp_path / "t.xlsx", Data=data, Peak=peak))
    assert "'2021-09-02 00:00:00' in column '1,2-propanediol' (row id P03)" in said


cells = st.floats(-1e6, 1e6, allow_nan=False).map(repr)


@given(st.integers(2, 8), st.integers(2, 6), st.data())
def test_turning_a_table_gives_the_same_cells_and_the_other_orientation(n, p, data):
    body = [[f"S{i}", "ab"[i % 2], *(data.draw(cells) for _ in range(p))] for i in range(n)]
    rows = [["id", "Class", *(f"x{j}" for j in range(p))], *body]
    other = turned(rows, where="t")
    assert turned(other, where="t") == rows
    assert orientation_by_labels(rows, target=None, where="t") == "rows"
    assert orientation_by_labels(other, target=None, where="t") == "columns"


# ---------------------------------------------------------------- Workflow4Metabolomics


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_three_tables_may_be_given_in_any_order(order, cohort, save):
    paths = save_w4m(save, w4m_tables(cohort))
    table = read_abundances([paths[i] for i in order])
    assert np.array_equal(
        table.frame[NAMES].to_numpy(dtype=float),
        cohort.values.sort_index().to_numpy(),
        equal_nan=True,
    )
    assert {source.name: source.n_rows for source in table.sources} == {
        "dataMatrix.tsv": 5,
        "sampleMetadata.tsv": 12,
        "variableMetadata.tsv": 5,
    }


def test_sample_metadata_is_never_a_feature(cohort, save):
    tables = w4m_tables(cohort, age=range(30, 42), batch=["a", "b"] * 6, injectionOrder=range(12))
    paths = save_w4m(save, tables)
    table = read_abundances(paths, covariates=["age"])
    assert set(table.keys("feature")) == set(NAMES)
    assert (table.keys("covariate"), table.keys("batch")) == (["age"], ["batch"])
    assert table.keys("ignored") == ["injectionOrder"]
    assert noted(table, "The column 'batch' was taken as the batch.")
    assert read_abundances(paths, ignore=["batch"]).keys("batch") == []


def test_a_single_batch_is_no_batch(cohort, save):
    table = read_abundances(save_w4m(save, w4m_tables(cohort, batch="a")))
    assert table.keys("ignored") == ["batch"]


def with_pools(cohort, kinds):
    """Add rows of other kinds, without a label, at values that no sample has."""
    extra = pd.DataFrame(-5.0, index=[f"Q{i}" for i in range(len(kinds))], columns=NAMES)
    values = pd.concat([extra, cohort.values])
    types = pd.Series([*kinds, *["sample"] * len(IDS)], index=values.index)
    return Cohort(values, cohort.labels.reindex(values.index)), types


def test_pools_and_blanks_are_no_cases_and_pools_are_kept_for_quality_control(cohort, save):
    kinds = ["pool", "pool", "QC", "blank", "pool4", "standard"]
    more, types = with_pools(cohort, kinds)
    table = read_abundances(save_w4m(save, w4m_tables(more, sampleType=types)))
    assert table.ids == sorted(IDS)
    assert list(table.qc.index) == ["Q0", "Q1", "Q2"]
    assert list(table.qc.columns) == table.keys("feature")
    assert (table.qc == -5.0).all(axis=None)
    assert noted(table, "3 rows of pooled samples (column 'sampleType')")
    assert noted(table, "'blank' (1), 'pool4' (1), 'standard' (1)")


def test_pools_are_recognised_by_their_label_too(cohort, save):
    more, _ = with_pools(cohort, ["QC", "QC", "Blank"])
    more.labels = more.labels.fillna("QC").where(more.values.index != "Q2", "Blank")
    table = read_abundances(save("t.csv", metaboanalyst_columns(more)))
    assert table.ids == sorted(IDS)
    assert set(table.values("target")) == {"case", "control"}
    assert list(table.qc.index) == ["Q0", "Q1"]


def test_without_pools_there_is_no_table_of_them(cohort, save):
    assert read_abundances(save("t.csv", metaboanalyst_rows(cohort))).qc is None


def test_a_kind_of_sample_that_names_no_pool_takes_nothing_out(cohort, save):
    frame = cohort.values.assign(Label=cohort.labels, sample_type=["plasma", "serum"] * 6)
    assert read_abundances(save("t.csv", text_of(frame))).n_rows == 12


@pytest.mark.parametrize(
    ("which", "old", "new", "said"),
    [
        pytest.param(1, "P03", "P3", "1 of 12 samples in sampleMetadata.tsv has no row", id="id"),
        pytest.param(
            2, "glucose", "Glucose", "is not in variableMetadata.tsv: 'glucose'", id="name"
        ),
        pytest.param(2, "glucose", "β-alanine", "stands in more than one row", id="repeated"),
        pytest.param(1, "class", "glucose", "both hold 1 column named 'glucose'", id="both"),
    ],
)
def test_keys_that_do_not_match_are_named(which, old, new, said, cohort, save):
    tables = list(w4m_tables(cohort))
    tables[which] = tables[which].replace(old, new)
    assert said in message(save_w4m(save, tables))


def test_three_tables_without_common_keys_are_refused(cohort, save):
    one = save("a.csv", metaboanalyst_rows(cohort))
    assert "do not tell which is which" in message([one, one, one])


def test_a_target_among_many_sample_columns_must_be_named(cohort, save):
    tables = w4m_tables(cohort, status=["x", "y"] * 6)
    paths = save_w4m(save, tables)
    assert "It has" not in message(paths)
    assert "'class', 'status'. Name it with --target" in message(paths)
    assert read_abundances(paths, target="status").values("target").name == "status"


def test_labels_of_variable_metadata_name_the_features(cohort, save):
    matrix, samples, variables = w4m_tables(cohort)
    for j, name in enumerate(NAMES):
        quoted = '"so-called ""X"""' if "X" in name else name
        matrix = matrix.replace(f"\n{quoted}\t", f"\nM{j}\t")
        variables = variables.replace(f"\n{quoted}\t", f"\nM{j}\t")
    lines = variables.strip().split("\n")
    labels = ["compound", "Glucose", "Hexose", "Hexose", "NA", "Lactate"]
    variables = "\n".join(f"{a}\t{b}" for a, b in zip(lines, labels, strict=True)) + "\n"
    table = read_abundances(save_w4m(save, (matrix, samples, variables)))
    assert set(table.keys("feature")) == {"Glucose", "Hexose (M1)", "Hexose (M2)", "M3", "Lactate"}
    assert np.array_equal(table.frame["Glucose"], cohort.values.sort_index()[NAMES[0]])
    assert table.identifiers["Lactate"] == {"HMDB": HMDB["glucose"]}


# ---------------------------------------------------------------- cimcb


def test_codes_for_missing_are_emptied_and_counted(cohort, tmp_path):
    data, peak = cimcb_sheets(cohort)
    data.loc[0, "M1"], data.loc[1, "M1"], data.loc[2, "M3"] = -99, ".", -99.0
    data.loc[3, "M5"] = " "
    table = read_abundances(save_workbook(tmp_path / "t.xlsx", Data=data, Peak=peak))
    assert np.isnan(table.frame.loc[IDS[0], NAMES[0]])
    assert np.isnan(table.frame.loc[IDS[3], NAMES[4]])
    # one more blank is the cell that the cohort itself lacks
    assert noted(table, "read as missing: 2 of -99, 1 of '.', 2 of blank")
    assert np.isnan(table.X()).sum() == 5


def test_a_code_outside_the_peaks_is_left_alone(cohort, tmp_path):
    data, peak = cimcb_sheets(cohort)
    data["Temperature"] = -99.0
    table = read_abundances(
        save_workbook(tmp_path / "t.xlsx", Data=data, Peak=peak), covariates=["Temperature"]
    )
    assert (table.frame["Temperature"] == -99).all()
    assert "Idx" in table.keys("ignored")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda d, p: (d.drop(columns="M2"), p), "no column for 'M2'", id="data"),
        pytest.param(lambda d, p: (d, p[p["Name"] != "M2"]), "has no row for 'M2'", id="peak"),
        pytest.param(lambda d, p: (d, p.drop(columns="Label")), "no column 'Label'", id="label"),
        pytest.param(
            lambda d, p: (d.drop(columns="SampleID"), p), "no column 'SampleID'", id="sample"
        ),
        pytest.param(lambda d, p: (d, p.assign(Name="M1")), "in more than one row", id="twice"),
        pytest.param(lambda d, p: (d, p.head(0)), "need a heading and rows", id="empty"),
    ],
)
def test_sheets_that_do_not_match_are_refused(change, said, cohort, tmp_path):
    data, peak = change(*cimcb_sheets(cohort))
    assert said in message(save_workbook(tmp_path / "t.xlsx", Data=data, Peak=peak))


def test_a_workbook_without_both_sheets_is_a_plain_table(cohort, tmp_path):
    frame = cohort.values.assign(Label=cohort.labels).rename_axis("id").reset_index()
    table = read_abundances(save_workbook(tmp_path / "t.xlsx", Data=frame))
    assert set(table.keys("feature")) == set(NAMES)


# ---------------------------------------------------------------- mwTab


def test_values_and_factors_are_joined_by_sample_not_by_position(cohort, save):
    factors = {i: f"Diagnosis:{cohort.labels[i]}" for i in sorted(IDS)}
    table = read_abundances(save("t.txt", mwtab_text(cohort, factors=factors)))
    assert table.values("target").to_dict() == cohort.labels.to_dict()


@pytest.mark.parametrize("file_format", ["mwtab", "json"])
def test_a_file_that_the_package_of_the_format_writes_is_read(file_format, cohort, save):
    file = MWTabFile("AN000001")
    file.read_from_str(mwtab_text(cohort))
    table = read_abundances(save("written.txt", file.writestr(file_format)))
    names = [name.strip('"') for name in NAMES]
    expected = cohort.values.sort_index().to_numpy()
    assert np.array_equal(table.frame[names].to_numpy(dtype=float), expected, equal_nan=True)
    assert table.values("target").to_dict() == cohort.labels.to_dict()


def test_subjects_with_several_samples_become_the_groups(cohort, save):
    subjects = {i: f"S{int(i[1:]) // 2}" for i in IDS}
    table = read_abundances(save("t.txt", mwtab_text(cohort, subjects=subjects)))
    assert dict(zip(table.ids, table.groups(), strict=True)) == subjects
    assert noted(table, "12 samples come from 6 subjects")


@pytest.mark.parametrize("missing", [[], ["P01"]], ids=["one-sample-each", "one-unnamed"])
def test_subjects_group_only_where_they_return_and_are_all_named(missing, cohort, save):
    subjects = {i: f"S{n // 2 if missing else n}" for n, i in enumerate(IDS)}
    subjects |= dict.fromkeys(missing, "-")
    table = read_abundances(save("t.txt", mwtab_text(cohort, subjects=subjects)))
    assert table.groups() is None
    assert bool(noted(table, "nothing keeps the samples")) == bool(missing)


def test_pools_without_a_subject_do_not_hide_subjects_that_return(cohort, save):
    subjects = {i: f"S{int(i[1:]) // 2}" for i in IDS}
    more, _ = with_pools(cohort, ["QC", "QC"])
    more.labels = more.labels.fillna("QC")
    path = save("t.txt", mwtab_text(more, subjects={"Q0": "-", "Q1": "-", **subjects}))
    table = read_abundances(path)
    assert dict(zip(table.ids, table.groups(), strict=True)) == subjects
    assert list(table.qc.index) == ["Q0", "Q1"]
    assert read_abundances(path, ignore=["Subject ID"]).groups() is None


def test_one_subject_for_all_samples_is_no_subject(cohort, save):
    table = read_abundances(save("t.txt", mwtab_text(cohort, subjects=dict.fromkeys(IDS, "Human"))))
    assert table.groups() is None


def test_a_factor_that_is_given_twice_is_refused(cohort, save):
    twice = {i: f"Diagnosis:{label} | Diagnosis:case" for i, label in cohort.labels.items()}
    said = message(save("t.txt", mwtab_text(cohort, factors=twice)))
    assert "1 factor named twice for one sample: 'Diagnosis'" in said
    file = json.loads(mwtab_json(cohort))
    file["SUBJECT_SAMPLE_FACTORS"][3]["Additional sample data"] = {"Diagnosis": "case"}
    said = message(save("t.json", json.dumps(file)))
    assert "1 factor named twice for one sample: 'Diagnosis'" in said


def test_nulls_of_the_database_are_missing_and_counted(cohort, save):
    values = mwtab_values(cohort)
    row = values[-1].split("\t")
    row[1] = row[4] = r"\N"
    table = read_abundances(
        save("t.txt", mwtab_text(cohort, values=[*values[:-1], "\t".join(row)]))
    )
    assert np.isnan(table.frame["glucose"]).sum() == 2
    assert noted(table, r"2 cells of \N were read as missing")


def test_samples_without_values_are_noted_and_values_without_a_sample_refused(cohort, save):
    factors = {i: f"Diagnosis:{label}" for i, label in cohort.labels.items()}
    more = read_abundances(
        save("more.txt", mwtab_text(cohort, factors={**factors, "P99": "Diagnosis:case"}))
    )
    assert noted(more, "1 sample of SUBJECT_SAMPLE_FACTORS has no values in this file: 'P99'")
    del factors["P03"]
    said = message(save("fewer.txt", mwtab_text(cohort, factors=factors)))
    assert "1 sample with values has no entry in SUBJECT_SAMPLE_FACTORS: 'P03'" in said


def test_values_of_other_samples_altogether_are_refused_by_their_ids(cohort, save):
    cohort.values.index = [f"Q{i}" for i in IDS]
    factors = {i: f"Diagnosis:{label}" for i, label in cohort.labels.items()}
    cohort.labels = cohort.labels.set_axis(cohort.values.index)
    said = message(save("t.txt", mwtab_text(cohort, factors=factors)))
    assert "12 samples with values have no entry in SUBJECT_SAMPLE_FACTORS: 'QP00'" in said


def test_names_with_two_sets_of_identifiers_keep_none(cohort, save):
    rows = ["metabolite_name\thmdb_id\tkegg_id", "glucose\tH1\tC00031", "glucose\tH2\tC00031"]
    table = read_abundances(
        save("t.txt", mwtab_text(cohort, metabolites=[*rows, "β-alanine\t\tC9"]))
    )
    assert table.identifiers == {"β-alanine": {"KEGG": "C9"}}
    assert noted(table, "more than one set of identifiers, which are left out: 'glucose'")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "\tP02\tP01", "\tP01\tP01", "more than one column of values: 'P01'", id="twice"
        ),
        pytest.param("\nglucose\t", "\nglucose\t1\t", "has 14", id="a-cell-too-many"),
        pytest.param("\nβ-alanine\t", "\nβ-alanine", "has 12", id="a-cell-too-few"),
        pytest.param("\nβ-alanine\t", "\nglucose\t", "more than one row: 'glucose'", id="repeated"),
        pytest.param("VERSION\t1", "VERSION 1", "Expected a tab in the line", id="no-tab"),
        pytest.param("Tissue:Plasma", "Tissue:Plas:ma", "extra colon", id="factor"),
        pytest.param("-\tP03\t", "-\tP02\t", "1 id stands in more than one row: 'P02'", id="ssf"),
        pytest.param(
            "Samples\tP", "Samples\tQP", "1 sample with values has no entry", id="other-sample"
        ),
        pytest.param(
            "MS_METABOLITE_DATA", "MS_OTHER_DATA", "the mwTab file holds no values", id="section"
        ),
        pytest.param("Diagnosis:control\tDiag", "Diagnosis:case\tDiag", "differ for", id="labels"),
    ],
)
def test_malformed_text_is_refused_in_words(old, new, said, cohort, save):
    text = mwtab_text(cohort)
    assert old in text
    shown = message(save("t.txt", text.replace(old, new)))
    assert said in shown
    assert shown.startswith("t.txt")
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda f: f.pop("SUBJECT_SAMPLE_FACTORS"), "SUBJECT_SAMPLE_FACTORS", id="ssf"),
        pytest.param(lambda f: f.pop("MS_METABOLITE_DATA"), "holds no values", id="data"),
        pytest.param(
            lambda f: f["MS_METABOLITE_DATA"]["Data"][2].pop("P03"),
            "1 metabolite with values of other samples",
            id="a-value-less",
        ),
        pytest.param(
            lambda f: f["SUBJECT_SAMPLE_FACTORS"][0].pop("Sample ID"), "not of the form", id="no-id"
        ),
        pytest.param(
            lambda f: f["MS_METABOLITE_DATA"]["Data"][0].pop("Metabolite"), "no name", id="no-name"
        ),
        pytest.param(
            lambda f: f.update(MS_METABOLITE_DATA="see elsewhere"), "mwTab file", id="no-section"
        ),
        pytest.param(
            lambda f: f["MS_METABOLITE_DATA"].update(Data=["x"]), "mwTab file", id="no-records"
        ),
    ],
)
def test_malformed_json_is_refused_in_words(change, said, cohort, save):
    file = json.loads(mwtab_json(cohort))
    change(file)
    assert said in message(save("t.json", json.dumps(file)))


def test_json_that_breaks_off_and_keys_that_return_are_refused(cohort, save):
    text = mwtab_json(cohort)
    assert "not a readable mwTab file" in message(save("cut.json", text[:-40]))
    twice = text.replace('"P03":', '"P01":', 1).replace('"P03": ', '"P01": ')
    assert "more than one column of values: 'P01'" in message(save("twice.json", twice))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old-mac"])
def test_a_short_row_is_seen_whatever_ends_the_lines(end, cohort, save):
    text = mwtab_text(cohort).replace("\nβ-alanine\t", "\nβ-alanine").replace("\n", end)
    assert "has 12" in message(save("t.txt", text))


def test_numbers_of_json_and_of_factors_are_numbers(cohort, save):
    file = json.loads(mwtab_json(cohort))
    row = file["MS_METABOLITE_DATA"]["Data"][4]
    row |= {key: float(cell) for key, cell in row.items() if key in IDS} | {"P03": None}
    for n, entry in enumerate(file["SUBJECT_SAMPLE_FACTORS"]):
        entry["Factors"]["Age"] = str(40 + n)
    table = read_abundances(save("t.json", json.dumps(file)), covariates=["Age"])
    assert table.frame.loc["P03", "glucose"] != table.frame.loc["P03", "glucose"]
    assert table.frame.loc["P01", "glucose"] == cohort.values.loc["P01", "glucose"]
    assert table.frame["Age"].to_dict() == {i: 40.0 + n for n, i in enumerate(IDS)}


def test_two_analyses_in_one_file_are_refused(cohort, save):
    assert "holds 2 analyses" in message(save("t.txt", mwtab_text(cohort) * 2))


def test_an_mwtab_file_is_given_alone_and_without_options_for_plain_tables(cohort, save):
    path = save("t.txt", mwtab_text(cohort))
    assert "give it alone" in message([path, path])
    assert "--orientation says how to read a plain table" in message(path, orientation="rows")
    assert "--id says how to read a plain table" in message(path, id_column="Sample ID")


def test_without_the_package_the_extra_is_named(cohort, save, monkeypatch):
    monkeypatch.setitem(sys.modules, "mwtab.mwtab", None)
    said = message(save("t.txt", mwtab_text(cohort)))
    assert "pip install 'foldwise[formats]'" in said


def test_both_orders_of_workflow4metabolomics_tables_are_kept(tmp_path):
    ids = [f"S{i:02d}" for i in range(12)]
    first, second = ids[::-1], [*ids[1:], ids[0]]
    values = "\t".join(str(k + 0.5) for k in range(12))
    label = {i: "case" if k % 2 else "control" for k, i in enumerate(ids)}
    texts = {
        "dataMatrix.tsv": "\t".join(["dataMatrix", *first]) + f"\nglucose\t{values}\n",
        "sampleMetadata.tsv": "sampleMetadata\tclass\n"
        + "".join(f"{i}\t{label[i]}\n" for i in second),
        "variableMetadata.tsv": "variableMetadata\trt\nglucose\t1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    table = read_abundances([tmp_path / name for name in texts])
    assert table.file_orders == (tuple(first), tuple(second))
