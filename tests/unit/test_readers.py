"""Files of scientists become tables, and their mistakes one clear message."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldwise.data.readers import (
    abundances_from_frame,
    compositions_from_frame,
    read_abundances,
    read_compositions,
    read_frame,
    read_splits,
)
from foldwise.errors import InvalidInputError


@pytest.fixture
def save(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def csv_text(rows, sep=","):
    return "\n".join(sep.join(map(str, row)) for row in rows) + "\n"


def samples(n=12, **changes):
    """Return rows of id, glucose, lactate, Diagnosis; ``changes`` replace cells by id."""
    rows = [["id", "glucose", "lactate", "Diagnosis"]]
    for i in range(n):
        row = [f"P{i:02d}", 1000 + 7 * i, 90.5 - i, "case" if i % 2 else "control"]
        for key, value in changes.items():
            if key == row[0]:
                row[1] = value
        rows.append(row)
    return rows


def two_tables(n=12):
    rows = samples(n)
    return [row[:3] for row in rows], [[row[0], row[3]] for row in rows]


def message(function, *args, **kwargs):
    with pytest.raises(InvalidInputError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("sep", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_delimiters_are_told_apart(save, sep):
    frame, source = read_frame(save("t.csv", csv_text(samples(), sep)))
    assert list(frame.columns) == ["glucose", "lactate", "Diagnosis"]
    assert source.n_rows == len(frame) == 12


def test_names_that_hold_commas_do_not_hide_the_tab(save):
    path = save("t.tsv", "id\t1,2-propanediol,3,4-x\nb\t1.5\na\t2.5\n")
    assert read_frame(path)[0]["1,2-propanediol,3,4-x"].to_dict() == {"a": 2.5, "b": 1.5}


def test_gzip_byte_order_marks_and_windows_lines_are_tolerated(save):
    content = b"\xef\xbb\xbf" + csv_text(samples()).replace("\n", "\r\n").encode()
    plain, _ = read_frame(save("t.csv", content))
    zipped, _ = read_frame(save("t.csv.gz", gzip.compress(content)))
    pd.testing.assert_frame_equal(plain, zipped)
    assert plain.index.name == "id"


def test_a_heading_without_a_name_for_the_ids_is_understood(save):
    frame, _ = read_frame(save("from_r.tsv", "glucose\tlactate\nb\t1\t2\na\t3\t4\n"))
    assert frame.loc["a"].tolist() == [3, 4]


def test_the_order_of_rows_never_matters(save):
    rows = samples()
    shuffled = [rows[0], *rows[:0:-1]]
    a = read_abundances(save("a.csv", csv_text(rows)))
    b = read_abundances(save("b.csv", csv_text(shuffled)))
    pd.testing.assert_frame_equal(a.frame, b.frame)


def test_floats_keep_every_bit(save):
    value = 98.68421052631578
    frame, _ = read_frame(save("t.csv", f"id,x\na,{value!r}\nb,1\n"))
    assert frame.at["a", "x"] == value


def test_codes_with_leading_zeros_stay_text(save):
    frame, _ = read_frame(save("t.csv", "id,batch\n007,01\n008,02\n"))
    assert frame["batch"].to_dict() == {"007": "01", "008": "02"}


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_excel_and_parquet_hold_the_same_table_as_csv(save, tmp_path, suffix):
    rows = samples(P03="")
    expected, _ = read_frame(save("t.csv", csv_text(rows)))
    frame = pd.read_csv(tmp_path / "t.csv")
    path = tmp_path / f"t{suffix}"
    if suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path)
    pd.testing.assert_frame_equal(read_frame(path)[0], expected)


@pytest.mark.parametrize(
    ("suffix", "reader"), [(".xlsx", "read_excel"), (".parquet", "read_parquet")]
)
def test_without_the_extra_its_name_is_given(save, monkeypatch, suffix, reader):
    def absent(*args, **kwargs):
        raise ImportError("Missing optional dependency")

    monkeypatch.setattr(pd, reader, absent)
    text = message(read_frame, save(f"t{suffix}", b"PK\x03\x04"))
    assert "pip install 'foldwise[formats]'" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", ["the file is empty"], id="empty"),
        pytest.param(b"\n \n", ["the file is empty"], id="blank"),
        pytest.param(b"id,glucose\n", ["a heading and no rows"], id="heading-only"),
        pytest.param(b"id|a|b\np|1|2\n", ["only one column", "'id|a|b'", "semicolon"], id="pipe"),
        pytest.param("id,é\n1,2\n".encode("latin1"), ["not UTF-8", "0xe9 in line 1"], id="latin1"),
        pytest.param(b"id,a,a\n1,2,3\n", ["1 column name stands more than once: 'a'"], id="twice"),
        pytest.param(b"id,a,\n1,2,3\n", ["1 column without a name: number 3"], id="unnamed"),
        pytest.param(b"id,a,b\n1,2,3\n2,3\n", ["has 3 columns, but line 3 has 2"], id="ragged"),
        pytest.param(b"id,a\n1,2\n 1,3\n", ["1 id stands in more than one row: '1'"], id="ids"),
        pytest.param(b"id,a\nx,2\n,3\n", ["1 row without an id", "row 2"], id="no-id"),
        pytest.param(b'id,a\nx,"2\n', ["stray quotation mark"], id="quote"),
        pytest.param(b"PK\x03\x04....", ["this is an Excel or zip file"], id="excel-named-csv"),
        pytest.param(b"\x1f\x8b\x08\x00abc", ["damaged or cut off"], id="broken-gzip"),
    ],
)
def test_broken_files_are_named_with_what_is_wrong(save, content, said):
    text = message(read_frame, save("data.csv", content))
    assert text.startswith("data.csv: ")
    assert all(part in text for part in said), text


def test_a_missing_file_is_named_with_where_it_was_looked_for(tmp_path):
    assert "there is no such file" in message(read_frame, tmp_path / "nowhere.csv")
    assert "is a folder" in message(read_frame, tmp_path)


def test_an_id_column_that_is_not_there_is_refused(save):
    path = save("t.csv", csv_text(samples()))
    assert "there is no column 'Glucose'" in message(read_frame, path, id_column="Glucose")
    assert "Did you mean 'glucose'" in message(read_frame, path, id_column="Glucose")


# ---------------------------------------------------------------- abundances


def test_one_table_finds_its_label_by_name(save):
    table = read_abundances(save("t.csv", csv_text(samples())))
    assert (table.keys("feature"), table.keys("target")) == (["glucose", "lactate"], ["Diagnosis"])
    assert "The target 'Diagnosis' was found by its name." in table.notes


def test_the_only_column_of_text_is_the_label(save):
    rows = samples()
    rows[0][3] = "arm"
    assert read_abundances(save("t.csv", csv_text(rows))).keys("target") == ["arm"]


def test_without_a_label_column_candidates_are_listed(save):
    rows = [["id", "glucose", "smoker"], *([f"P{i}", 50 + i, i % 2] for i in range(12))]
    text = message(read_abundances, save("t.csv", csv_text(rows)))
    assert "Candidates: 'smoker'. Name it with --target" in text


def test_two_files_are_joined_by_id_in_any_order(save):
    X, y = two_tables()
    y = [y[0], *y[:0:-1]]
    joined = read_abundances([save("X.csv", csv_text(X)), save("y.csv", csv_text(y))])
    single = read_abundances(save("t.csv", csv_text(samples())))
    assert joined.values("target").to_dict() == single.values("target").to_dict()
    assert np.array_equal(joined.X(), single.X())
    assert [source.name for source in joined.sources] == ["X.csv", "y.csv"]


def test_ids_that_do_not_match_are_listed_from_both_sides(save):
    X, y = two_tables()
    X[1][0], y[2][0] = "p00", "P99"
    text = message(read_abundances, [save("X.csv", csv_text(X)), save("y.csv", csv_text(y))])
    assert text.startswith("2 of 12 samples in y.csv have no row in X.csv: 'P00', 'P99'")
    assert "2 of 12 samples in X.csv have no row in y.csv: 'P01', 'p00'" in text


def test_two_label_columns_ask_for_the_target(save):
    X, y = two_tables()
    y = [[*row, i if i else "age"] for i, row in enumerate(y)]
    paths = [save("X.csv", csv_text(X)), save("y.csv", csv_text(y))]
    assert "which column is the target? It holds 'Diagnosis', 'age'" in message(
        read_abundances, paths
    )
    table = read_abundances(paths, target="Diagnosis")
    assert table.keys("ignored") == ["age"]
    assert "1 column left out: 'age'." in table.notes


def test_a_label_column_that_is_not_there_is_refused_with_a_hint(save):
    text = message(read_abundances, save("t.csv", csv_text(samples())), target="diagnosis")
    assert text == "t.csv: there is no column 'diagnosis'. Did you mean 'Diagnosis'?"


def test_text_among_numbers_is_named_by_row_and_column(save):
    path = save("t.csv", csv_text(samples(P03="<LOD", P07="n.d.")))
    text = message(read_abundances, path)
    assert "2 entries of feature columns are text" in text
    assert "'<LOD' in column 'glucose' (row id P03)" in text
    assert "'n.d.' in column 'glucose' (row id P07)" in text


def test_infinite_values_are_named_by_row_and_column(save):
    text = message(read_abundances, save("t.csv", csv_text(samples(P03="inf", P05="-Inf"))))
    assert "2 infinite values: 'inf' in column 'glucose' (row id P03)" in text


def test_a_decimal_comma_is_called_by_its_name(save):
    rows = [[str(cell).replace(".", ",") for cell in row] for row in samples()]
    text = message(read_abundances, save("t.csv", csv_text(rows, ";")))
    assert "12 numbers with a decimal comma: '90,5' in column 'lactate' (row id P00)" in text


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "nan", "N/A"])
def test_missing_cells_stay_missing_and_are_counted(save, cell):
    table = read_abundances(save("t.csv", csv_text(samples(P03=cell, P04=cell))))
    assert np.isnan(table.X()).sum() == 2
    assert any("2 cells of 24 are missing (8.3%), in 2 rows" in note for note in table.notes)


def test_columns_of_words_or_without_values_are_left_out_and_named(save):
    rows = [
        [*row, "site" if i == 0 else "Bonn", "empty" if i == 0 else ""]
        for i, row in enumerate(samples())
    ]
    table = read_abundances(save("t.csv", csv_text(rows)))
    assert table.keys("ignored") == ["site", "empty"]
    assert "2 columns left out: 'site', 'empty'." in table.notes
    assert "Without any value: 1 column, 'empty'." in table.notes


def test_named_columns_get_their_roles(save):
    rows = [
        [*row, *(("subject", "run", "age") if i == 0 else (i // 2, f"b{i % 3}", 40 + i))]
        for i, row in enumerate(samples())
    ]
    table = read_abundances(
        save("t.csv", csv_text(rows)), groups="subject", batch="run", covariates=["age"]
    )
    assert table.groups().tolist()[:3] == ["0", "1", "1"]
    assert table.values("batch").iat[0] == "b1"
    assert table.values("covariate").iat[0] == 41
    assert table.keys("feature") == ["glucose", "lactate"]


def test_three_samples_are_too_few(save):
    text = message(read_abundances, save("t.csv", csv_text(samples(3))))
    assert "t.csv: 3 rows cannot be split" in text
    assert "at least 10 rows" in text


def test_one_class_only_is_refused(save):
    rows = [[*row[:3], row[3] if i == 0 else "case"] for i, row in enumerate(samples())]
    assert "one class only: 'case' (12 rows)" in message(
        read_abundances, save("t.csv", csv_text(rows))
    )


def test_missing_labels_are_named_by_row(save):
    rows = samples()
    rows[4][3] = ""
    assert "the target 'Diagnosis' is missing in 1 row: 'P03'" in message(
        read_abundances, save("t.csv", csv_text(rows))
    )


def test_new_samples_need_no_labels(save):
    X, _ = two_tables(2)
    table = read_abundances(save("new.csv", csv_text(X)), require_target=False)
    assert table.X().shape == (2, 2)


def test_the_scale_is_a_guess_until_it_is_declared(save):
    path = save("t.csv", csv_text(samples()))
    guessed, declared = read_abundances(path), read_abundances(path, scale="log2")
    assert (guessed.scale_origin, declared.scale_origin) == ("guessed", "declared")
    assert any("is a guess; set it with --scale" in note for note in guessed.notes)
    assert declared.scale == "log2"


def test_arrow_tables_and_indexed_frames_are_read_like_files(save):
    pa = pytest.importorskip("pyarrow", reason="pyarrow comes with foldwise[formats]")
    path = save("t.csv", csv_text(samples()))
    expected = read_abundances(path)
    frame = pd.read_csv(path)
    for table in (pa.Table.from_pandas(frame), frame, frame.set_index("id")):
        built = abundances_from_frame(table)
        pd.testing.assert_frame_equal(built.frame, expected.frame)


# ---------------------------------------------------------------- compositions


def perovskites(n=12, **changes):
    """Return rows of id, A, B, e_above_hull; ``changes`` replace column A or B by id."""
    rows = [["id", "A", "B", "e_above_hull"]]
    rows += [[f"p{i:02d}", "Ba" if i % 2 else "La", "Ti", i / 100] for i in range(n)]
    for row in rows:
        row[2] = changes.get(row[0], row[2])
    return rows


def test_site_columns_and_a_known_target_are_found(save):
    table = read_compositions(save("perov.csv", csv_text(perovskites())))
    assert table.keys("site") == ["A", "B"]
    assert table.column("e_above_hull").unit == "eV/atom"


def test_unknown_elements_are_named_in_one_message(save):
    path = save("perov.csv", csv_text(perovskites(p04="Xx", p09="fe", p11="")))
    assert message(read_compositions, path).startswith(
        "perov.csv: column 'B' has 3 entries that are not element symbols: "
        "'Xx' (row id p04), 'fe' (row id p09), '' (row id p11). Write symbols such as 'Fe'"
    )


def test_fractions_that_sum_to_nine_tenths_are_named(save):
    path = save("perov.csv", csv_text(perovskites(p04="Ti0.5Mn0.4")))
    assert "'Ti0.5Mn0.4' sums to 0.9 (row id p04)" in message(read_compositions, path)


def test_the_symbols_that_look_like_missing_cells_are_elements(save):
    table = read_compositions(save("perov.csv", csv_text(perovskites(p00="Na", p01="No"))))
    assert table.sites()["B"].tolist()[:2] == ["Na", "No"]


def test_a_target_with_missing_values_names_the_rows(save):
    rows = perovskites()
    rows[3][3] = rows[5][3] = ""
    text = message(read_compositions, save("perov.csv", csv_text(rows)))
    assert "the target 'e_above_hull' is missing in 2 rows: 'p02', 'p04'" in text


def test_a_target_of_text_or_infinity_is_refused(save):
    rows = perovskites()
    rows[3][3] = "n/d"
    assert "'n/d' (row id p02)" in message(read_compositions, save("t.csv", csv_text(rows)))
    rows[3][3] = "inf"
    assert "1 infinite value" in message(read_compositions, save("t.csv", csv_text(rows)))


def test_without_a_known_target_the_columns_are_listed(save):
    rows = perovskites()
    rows[0][3] = "stability"
    path = save("perov.csv", csv_text(rows))
    assert "all columns: 'A', 'B', 'stability'" in message(read_compositions, path)
    assert read_compositions(path, target="stability").keys("target") == ["stability"]


def test_outputs_of_the_same_calculation_are_left_out_by_name(save):
    rows = [
        [*row, *(("bandgap", "name") if i == 0 else (0.5, "x"))]
        for i, row in enumerate(perovskites())
    ]
    table = read_compositions(save("perov.csv", csv_text(rows)))
    assert table.keys("ignored") == ["bandgap", "name"]
    assert any("outputs of the same calculation" in n and "bandgap" in n for n in table.notes)
    assert "1 column left out: 'name'." in table.notes


def formula_table(*formulas):
    return pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(len(formulas))],
            "formula": list(formulas),
            "e_hull": [0.1] * len(formulas),
        }
    )


def test_formulas_are_split_into_sites_in_the_order_written():
    table = compositions_from_frame(
        formula_table("BaTiO3", "La0.5Sr0.5MnO3", "Ba2ScNbO6", "CsPbI3", "BaTaO2N"), holdout=True
    )
    assert table.sites().to_numpy().tolist() == [
        ["Ba", "Ti", "O"],
        ["La0.5Sr0.5", "Mn", "O"],
        ["Ba", "Nb0.5Sc0.5", "O"],
        ["Cs", "Pb", "I"],
        ["Ba", "Ta", "N0.333333O0.666667"],
    ]
    assert any("assumed from the order" in note for note in table.notes)


def test_formulas_follow_the_sites_given():
    table = compositions_from_frame(
        formula_table("TiBaO3", "MnSr0.5La0.5O3"),
        sites={"A": ["Ba", "La", "Sr"], "B": ["Ti", "Mn"]},
        holdout=True,
    )
    assert table.sites()["A"].tolist() == ["Ba", "La0.5Sr0.5"]
    assert not any("assumed" in note for note in table.notes)


def test_formulas_whose_sites_cannot_be_told_ask_for_them():
    text = message(
        compositions_from_frame, formula_table("BaTiO3", "La0.7Mn1.3O3", "Al2O3"), holdout=True
    )
    assert "2 formulas whose sites cannot be told" in text
    assert "(row id p1)" in text
    assert "sites={'A': ['La', 'Sr'], 'B': ['Mn']}" in text


def test_a_column_of_formulas_is_found_by_its_cells():
    frame = formula_table("BaTiO3", "SrTiO3").rename(columns={"formula": "compound"})
    assert compositions_from_frame(frame, holdout=True).keys("site") == ["A", "B", "X"]


def test_site_dictionaries_are_read_from_objects_and_json():
    frame = pd.DataFrame(
        {
            "id": ["p1", "p2", "p3"],
            "A": [{"La": 0.5, "Sr": 0.5}, '{"La": 0.5, "Sr": 0.5}', '"{\\"Sr\\": 1.0}"'],
            "B": ["Mn", "Mn", "Ti"],
            "e_hull": [0.0, 0.1, 0.2],
        }
    )
    table = compositions_from_frame(frame, holdout=True)
    assert table.sites()["A"].tolist() == ["La0.5Sr0.5", "La0.5Sr0.5", "Sr"]


def test_a_table_without_sites_or_formulas_is_refused(save):
    path = save("t.csv", csv_text(samples()))
    assert "no columns of sites or formulas" in message(read_compositions, path, target="glucose")


def test_a_small_table_is_fine_as_holdout_only(save):
    path = save("perov.csv", csv_text(perovskites(3)))
    assert "3 rows cannot be split" in message(read_compositions, path)
    assert read_compositions(path, holdout=True).n_rows == 3


def test_new_compositions_need_no_target(save):
    path = save("new.csv", csv_text([row[:3] for row in perovskites(2)]))
    assert read_compositions(path, require_target=False).keys("target") == []


def test_course_files_are_read_as_they_are(course_data):
    table = read_compositions(course_data / "perov_train.csv")
    assert (table.n_rows, table.keys("site")) == (1726, ["A", "B", "X"])
    assert table.frame.loc["2616", ["A", "B"]].tolist() == ["Gd", "Pu"]
    X_y = [course_data / "breastcancer_X.csv", course_data / "breastcancer_y.csv"]
    abundances = read_abundances(X_y)
    assert (abundances.X().shape, abundances.scale) == ((211, 128), "percentile")
    assert abundances.values("target").value_counts().to_dict() == {"1": 135, "0": 76}
    assert abundances.frame.at["PN00506", "1,2-dimethylpropanol"] == 98.68421052631578


# ---------------------------------------------------------------- splits


def test_a_splits_file_is_read_with_its_folds(save):
    splits = read_splits(save("s.csv", "id,part,fold_1\nb,test,0\na,train,1\n"))
    assert splits.to_dict("list") == {"id": ["a", "b"], "part": ["train", "test"], "fold_1": [1, 0]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("id,part\na,train\nb,trian\n", "'trian' (row id b)", id="part"),
        pytest.param("id,fold_1\na,0\nb,1.5\n", "'1.5' (row id b)", id="half-a-fold"),
        pytest.param("id,fold_1\na,0\nb,\n", "'' (row id b)", id="missing-fold"),
        pytest.param("id,split\na,train\nb,test\n", "there is no column 'part'", id="no-part"),
    ],
)
def test_mistakes_in_a_splits_file_are_named(save, content, said):
    assert said in message(read_splits, save("s.csv", content))


def test_a_delimiter_at_the_end_of_every_row_is_refused(tmp_path: Path) -> None:
    rows = "\n".join(f"P{i},{i},{i % 2}," for i in range(12))
    (tmp_path / "t.csv").write_text(f"id,glucose,label\n{rows}\n")
    with pytest.raises(InvalidInputError, match="every row ends with a comma, the first line does"):
        read_abundances(tmp_path / "t.csv")


def test_lines_that_end_as_on_an_old_mac_are_read(tmp_path: Path) -> None:
    rows = "\r".join(f"P{i},{i},{i % 2}" for i in range(12))
    (tmp_path / "t.csv").write_bytes(f"id,glucose,label\r{rows}\r".encode())
    assert read_abundances(tmp_path / "t.csv").n_rows == 12


def test_a_heading_longer_than_a_library_allows_is_read(tmp_path: Path) -> None:
    names = ",".join(f"metabolite-{j:05d}" for j in range(10_000))
    rows = "\n".join(f"P{i},{','.join([str(i)] * 10_000)},{i % 2}" for i in range(12))
    (tmp_path / "t.csv").write_text(f"id,{names},label\n{rows}\n")
    assert read_abundances(tmp_path / "t.csv").X().shape == (12, 10_000)


def test_codes_are_no_features(tmp_path: Path) -> None:
    rows = "\n".join(f"P{i},{i},0700{i:02d},{i % 2}" for i in range(12))
    (tmp_path / "t.csv").write_text(f"id,glucose,zip,label\n{rows}\n")
    table = read_abundances(tmp_path / "t.csv")
    assert table.keys("feature") == ["glucose"]
    assert any("Left out as codes" in note and "'zip'" in note for note in table.notes)


def test_numbers_no_instrument_gives_are_named(tmp_path: Path) -> None:
    rows = "\n".join(f"P{i},{1e300 if i == 3 else i},{i % 2}" for i in range(12))
    (tmp_path / "t.csv").write_text(f"id,glucose,label\n{rows}\n")
    with pytest.raises(InvalidInputError, match=r"1 value beyond 1e\+100: .*row id P3"):
        read_abundances(tmp_path / "t.csv")


@pytest.mark.parametrize("cell", ["10.{}%", "5.{} mg", "10 12{}"])
def test_numbers_with_something_beside_them_are_pointed_out(tmp_path: Path, cell: str) -> None:
    rows = "\n".join(f"P{i},{i},{cell.format(i % 10)},{i % 2}" for i in range(12))
    (tmp_path / "t.csv").write_text(f"id,glucose,odd,label\n{rows}\n")
    table = read_abundances(tmp_path / "t.csv")
    assert table.keys("feature") == ["glucose"]
    assert any("most cells hold digits" in note and "in 'odd'" in note for note in table.notes)
