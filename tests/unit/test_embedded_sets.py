"""The files that Foldwise carries, read as anyone would read them: with pandas alone."""

import gzip
import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETS = ROOT / "src/foldwise/data/sets"
FEATURES = ROOT / "src/foldwise/features"
EMBEDDED = (
    SETS / "covid-plasma.csv.gz",
    SETS / "sacurine.csv.gz",
    SETS / "perovskite-oxides.csv.gz",
    FEATURES / "element_properties.csv",
    FEATURES / "element_property_columns.csv",
)
REFERENCE_PROPERTIES = [
    "atomic_radius",
    "boiling_point",
    "dipole_polarizability",
    "melting_point",
    "vdw_radius",
    "covalent_radius_cordero",
    "covalent_radius_pyykko",
    "vdw_radius_uff",
    "vdw_radius_mm3",
    "en_ghosh",
    "atomic_weight",
    "atomic_radius_rahm",
    "covalent_radius_pyykko_double",
    "dipole_polarizability_unc",
    "pettifor_number",
    "glawe_number",
]
SHARE = re.compile(r"([A-Z][a-z]?)(\d\.\d+)?")


def read_set(name: str) -> pd.DataFrame:
    return pd.read_csv(SETS / f"{name}.csv.gz", dtype={"id": str, "who_status": str})


def site_shares(cell: str) -> dict[str, float]:
    return {symbol: float(share or 1) for symbol, share in SHARE.findall(cell)}


@pytest.fixture(scope="module")
def covid_plasma() -> pd.DataFrame:
    return read_set("covid-plasma")


@pytest.fixture(scope="module")
def sacurine() -> pd.DataFrame:
    return read_set("sacurine")


@pytest.fixture(scope="module")
def perovskites() -> pd.DataFrame:
    return read_set("perovskite-oxides")


@pytest.fixture(scope="module")
def elements() -> pd.DataFrame:
    return pd.read_csv(FEATURES / "element_properties.csv", index_col="symbol")


@pytest.fixture(scope="module")
def element_columns() -> pd.DataFrame:
    return pd.read_csv(
        FEATURES / "element_property_columns.csv", index_col="key", keep_default_na=False
    )


# ---------------------------------------------------------------- all files


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        pytest.param("covid-plasma", (266, 753), id="covid-plasma"),
        pytest.param("sacurine", (183, 111), id="sacurine"),
        pytest.param("perovskite-oxides", (1841, 6), id="perovskite-oxides"),
    ],
)
def test_each_set_has_the_documented_size_and_unique_ids_first(
    name: str, shape: tuple[int, int]
) -> None:
    table = read_set(name)
    assert table.shape == shape
    assert table.columns[0] == "id"
    assert table["id"].is_unique


@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.name)
def test_each_file_is_the_one_datasets_md_describes(path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = f"| `{path.relative_to(ROOT).as_posix()}` |"
    lines = (ROOT / "DATASETS.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(row) and f"`{digest}`" in line]


@pytest.mark.parametrize("path", EMBEDDED[:3], ids=lambda path: path.name)
def test_gzip_headers_hold_neither_time_nor_file_name(path: Path) -> None:
    header = path.read_bytes()[:10]  # RFC 1952: magic, method, flags, 4 bytes of time, ...
    assert header[3] == 0
    assert header[4:8] == bytes(4)
    assert b"\r" not in gzip.decompress(path.read_bytes())


@pytest.mark.parametrize(
    ("name", "notice"),
    [
        pytest.param("covid-plasma", "GNU GENERAL PUBLIC LICENSE", id="covid-plasma"),
        pytest.param("sacurine", "Permission is hereby granted", id="sacurine"),
        pytest.param("perovskite-oxides", "Permission is hereby granted", id="perovskite-oxides"),
        pytest.param("element_properties", "Permission is hereby granted", id="elements"),
    ],
)
def test_each_set_carries_its_licence_text(name: str, notice: str) -> None:
    text = (SETS / "licenses" / f"{name}.txt").read_text(encoding="utf-8")
    assert notice in text
    assert "Taken from" in text
    assert "Changed by" in text


# ---------------------------------------------------------------- covid-plasma


def test_covid_plasma_holds_as_many_patients_as_healthy_people(
    covid_plasma: pd.DataFrame,
) -> None:
    assert list(covid_plasma.columns[:3]) == ["id", "group", "who_status"]
    assert covid_plasma["group"].value_counts().to_dict() == {"COVID-19": 133, "Healthy": 133}


def test_covid_plasma_severity_is_known_for_each_patient(covid_plasma: pd.DataFrame) -> None:
    counts = covid_plasma.groupby(["group", "who_status"]).size().to_dict()
    assert counts == {
        ("Healthy", "0"): 133,
        ("COVID-19", "1-2"): 45,
        ("COVID-19", "3-4"): 59,
        ("COVID-19", "5-7"): 29,
    }


@pytest.mark.parametrize(
    ("max_missing", "n_columns"),
    [pytest.param(0.2, 750, id="embedded"), pytest.param(0.02, 191, id="nearly-complete")],
)
def test_covid_plasma_has_the_documented_number_of_columns_up_to_a_missing_share(
    covid_plasma: pd.DataFrame, max_missing: float, n_columns: int
) -> None:
    missing = covid_plasma.iloc[:, 3:].isna().mean()
    assert (missing <= max_missing).sum() == n_columns


def test_covid_plasma_abundances_are_positive(covid_plasma: pd.DataFrame) -> None:
    assert covid_plasma.iloc[:, 3:].min().min() > 0


def test_covid_plasma_ids_of_cases_and_healthy_people_follow_different_schemes(
    covid_plasma: pd.DataFrame,
) -> None:
    from_patients = covid_plasma["id"].str.fullmatch(r"INCOV\d{3}-BL")
    assert (from_patients == (covid_plasma["group"] == "COVID-19")).all()


# ---------------------------------------------------------------- sacurine


def test_sacurine_is_complete_and_counts_100_men_and_83_women(sacurine: pd.DataFrame) -> None:
    assert sacurine["sex"].value_counts().to_dict() == {"M": 100, "F": 83}
    assert sacurine.iloc[:, 2:].notna().all(axis=None)


# ---------------------------------------------------------------- perovskite-oxides


@pytest.mark.parametrize("site", ["A", "B"])
def test_site_fractions_are_sorted_eighths_that_sum_to_one(
    perovskites: pd.DataFrame, site: str
) -> None:
    for cell in perovskites[site]:
        shares = site_shares(cell)
        assert "".join(s + (str(f) if f < 1 else "") for s, f in sorted(shares.items())) == cell
        # Eighths are exact in binary, so both comparisons are too.
        assert sum(shares.values()) == 1
        assert all((8 * share).is_integer() for share in shares.values())


def test_perovskite_ids_are_their_reduced_formulas(perovskites: pd.DataFrame) -> None:
    assert (perovskites["id"] == perovskites["A"] + perovskites["B"] + "O3").all()
    assert set(perovskites["X"]) == {"O"}


def test_energies_above_hull_are_never_negative_and_given_in_ev(
    perovskites: pd.DataFrame,
) -> None:
    assert list(perovskites.columns[4:]) == ["e_above_hull", "formation_energy"]
    assert perovskites["e_above_hull"].between(0, 0.65).all()
    assert perovskites["formation_energy"].between(-3.3, -0.4).all()


def test_known_rows_keep_the_energy_of_the_source(perovskites: pd.DataFrame) -> None:
    energies = perovskites.set_index("id")["e_above_hull"]
    assert energies["Ba0.125Sr0.875VO3"] == 0.029748  # Ba1Sr7V8O24, 29.7477073211 meV/atom
    assert energies["BaMoO3"] == 0.64373  # Ba8Mo8O24, 643.729766 meV/atom


@pytest.mark.parametrize("element", ["Y", "Ca", "La", "Pr"])
def test_broken_calculations_are_left_out(perovskites: pd.DataFrame, element: str) -> None:
    a_site = "".join(f"{symbol}0.5" for symbol in sorted(["Ba", element]))
    assert f"{a_site}Fe0.75Mn0.25O3" not in set(perovskites["id"])


# ---------------------------------------------------------------- elements


def test_element_table_lists_all_elements_in_the_order_of_atomic_numbers(
    elements: pd.DataFrame,
) -> None:
    assert elements.index.is_unique
    assert elements["atomic_number"].tolist() == list(range(1, 119))


def test_the_16_reference_properties_come_first(
    elements: pd.DataFrame, element_columns: pd.DataFrame
) -> None:
    assert list(elements.columns[:16]) == REFERENCE_PROPERTIES
    marked = element_columns.index[element_columns["reference_set"] == "yes"]
    assert list(marked) == REFERENCE_PROPERTIES


def test_reference_properties_are_complete_for_the_elements_of_perovskite_oxides(
    elements: pd.DataFrame, perovskites: pd.DataFrame
) -> None:
    sites = perovskites[["A", "B", "X"]].stack()
    present = sorted({symbol for cell in sites for symbol in site_shares(cell)})
    assert len(present) == 46
    assert elements.loc[present, REFERENCE_PROPERTIES].notna().all(axis=None)


def test_each_element_column_is_described_with_a_kind(
    elements: pd.DataFrame, element_columns: pd.DataFrame
) -> None:
    assert list(element_columns.index) == list(elements.columns)
    kinds = element_columns["kind"]
    assert set(kinds) == {"numeric", "ordinal scale", "uncertainty"}
    assert kinds[["pettifor_number", "glawe_number"]].eq("ordinal scale").all()
    assert kinds[kinds == "uncertainty"].index.tolist() == ["dipole_polarizability_unc"]


@pytest.mark.parametrize(
    ("symbol", "key", "value"),
    [
        pytest.param("Li", "melting_point", 453.65, id="lithium-melts-at-180.5-C"),
        pytest.param("Sn", "melting_point", 505.078, id="white-tin"),
        pytest.param("P", "melting_point", 317.3, id="white-phosphorus"),
        pytest.param("Sr", "shannon_radius_xii", 144.0, id="strontium-2+"),
        pytest.param("Ti", "shannon_radius_vi", 60.5, id="titanium-4+"),
        pytest.param("Co", "shannon_radius_vi", 54.5, id="cobalt-3+-low-spin"),
        pytest.param("O", "shannon_radius_vi", 140.0, id="oxide"),
        pytest.param("Gd", "valence_electrons", 10, id="lanthanide-valence"),
    ],
)
def test_element_values_agree_with_the_handbook(
    elements: pd.DataFrame, symbol: str, key: str, value: float
) -> None:
    assert elements.loc[symbol, key] == value
