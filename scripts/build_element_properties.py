"""The element table of Foldwise, read from the database inside the mendeleev wheel.

``build_datasets.py`` downloads and checks the wheel, calls this module and writes the files.
The database is opened from memory, so mendeleev itself need not be installed.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Table = list[list[str]]
Record = Mapping[str, Any]
ByNumber = Mapping[int, Sequence[Record]]

NUMERIC, ORDINAL, UNCERTAINTY = "numeric", "ordinal scale", "uncertainty"


@dataclass(frozen=True)
class Property:
    """A column of the element table; reference properties come first."""

    key: str
    label: str
    unit: str
    source: str
    kind: str = NUMERIC
    reference: bool = False


def _reference(key: str, label: str, unit: str, source: str, kind: str = NUMERIC) -> Property:
    return Property(key, label, unit, source, kind, reference=True)


_CRC = "CRC Handbook of Chemistry and Physics (2016)"
_WIKIPEDIA = "Wikipedia, Oxidation state (revision 1102394064): main states"
_SHANNON = "Shannon 1976, Acta Cryst. A 32, 751"
_ATOM = "periodic table"

PROPERTIES = (
    _reference("atomic_radius", "Atomic radius", "pm", "Slater 1964, J. Chem. Phys. 41, 3199"),
    _reference("boiling_point", "Boiling or sublimation point", "K", _CRC),
    _reference(
        "dipole_polarizability", "Dipole polarizability", "bohr^3", "Schwerdtfeger & Nagle 2023"
    ),
    _reference("melting_point", "Melting point", "K", _CRC),
    _reference("vdw_radius", "Van der Waals radius", "pm", "CRC Handbook (2014)"),
    _reference("covalent_radius_cordero", "Covalent radius (Cordero)", "pm", "Cordero et al. 2008"),
    _reference(
        "covalent_radius_pyykko",
        "Covalent radius, single bond (Pyykko)",
        "pm",
        "Pyykko & Atsumi 2009",
    ),
    _reference("vdw_radius_uff", "Van der Waals radius (UFF)", "pm", "Rappe et al. 1992"),
    _reference("vdw_radius_mm3", "Van der Waals radius (MM3)", "pm", "Allinger et al. 1994"),
    _reference("en_ghosh", "Electronegativity (Ghosh)", "1/pm", "Ghosh 2005"),
    _reference("atomic_weight", "Atomic weight", "Da", "IUPAC; Meija et al. 2016"),
    _reference("atomic_radius_rahm", "Atomic radius (Rahm)", "pm", "Rahm et al. 2016, 2017"),
    _reference(
        "covalent_radius_pyykko_double",
        "Covalent radius, double bond (Pyykko)",
        "pm",
        "Pyykko & Atsumi 2009",
    ),
    _reference(
        "dipole_polarizability_unc",
        "Uncertainty of the dipole polarizability",
        "bohr^3",
        "Schwerdtfeger & Nagle 2023",
        UNCERTAINTY,
    ),
    _reference("pettifor_number", "Pettifor scale", "", "Pettifor 1984", ORDINAL),
    _reference("glawe_number", "Glawe scale", "", "Glawe et al. 2016", ORDINAL),
    Property("atomic_number", "Atomic number", "", _ATOM, ORDINAL),
    Property("group_id", "Group (empty in the f block)", "", _ATOM, ORDINAL),
    Property("period", "Period", "", _ATOM, ORDINAL),
    Property("valence_electrons", "Valence electrons", "", "group, or electrons beyond the core"),
    Property("common_oxidation_state_min", "Lowest main oxidation state", "e", _WIKIPEDIA),
    Property("common_oxidation_state_max", "Highest main oxidation state", "e", _WIKIPEDIA),
    Property("shannon_radius_vi", "Shannon ionic radius, coordination VI", "pm", _SHANNON),
    Property("shannon_radius_xii", "Shannon ionic radius, coordination XII", "pm", _SHANNON),
    Property("shannon_charge_vi", "Charge of the ion behind the VI radius", "e", _SHANNON),
    Property("shannon_charge_xii", "Charge of the ion behind the XII radius", "e", _SHANNON),
    Property("electron_affinity", "Electron affinity", "eV", "CRC Handbook (2014); Andersen 2004"),
    Property(
        "ionization_energy", "First ionisation energy", "eV", "NIST values as held by mendeleev"
    ),
    Property("en_pauling", "Electronegativity (Pauling)", "", "CRC Handbook (2014)"),
)


def column_table() -> Table:
    """Return one row per property: key, label, unit, kind, source, reference_set."""
    rows = [
        [one.key, one.label, one.unit, one.kind, one.source, "yes" if one.reference else "no"]
        for one in PROPERTIES
    ]
    return [["key", "label", "unit", "kind", "source", "reference_set"], *rows]


def property_table(database: bytes) -> Table:
    """Return one row per element, in the order of atomic numbers; unknown values are empty."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.deserialize(database)
    elements = [dict(row) for row in connection.execute("SELECT * FROM elements")]
    tables = [
        by_number(connection.execute(f"SELECT * FROM {name} WHERE {which} ORDER BY id"))
        for name, which in (
            ("phasetransitions", "1"),
            ("oxidationstates", "category = 'main'"),
            ("ionicradii", "1"),
            ("ionizationenergies", "ion_charge = 0"),
        )
    ]
    connection.close()
    elements.sort(key=lambda element: element["atomic_number"])
    keys = [one.key for one in PROPERTIES]
    body = [
        [element["symbol"], *(number_text(values[key]) for key in keys)]
        for element in elements
        for values in [element | derived(element, *tables)]
    ]
    return [["symbol", *keys], *body]


def by_number(rows: Iterable[sqlite3.Row]) -> dict[int, list[Record]]:
    """Return the rows of a table by atomic number."""
    grouped: dict[int, list[Record]] = {}
    for row in rows:
        grouped.setdefault(row["atomic_number"], []).append(dict(row))
    return grouped


def derived(
    element: Record, phases: ByNumber, states: ByNumber, radii: ByNumber, energies: ByNumber
) -> dict[str, Any]:
    """Return the properties of an element that stand in no column of mendeleev's elements."""
    number = element["atomic_number"]
    phase = standard_phase(phases.get(number, ()))
    charges = sorted(state["oxidation_state"] for state in states.get(number, ()))
    octahedral = typical_ion(radii.get(number, ()), "VI", charges, element["group_id"])
    twelvefold = typical_ion(radii.get(number, ()), "XII", charges, element["group_id"])
    return {
        "boiling_point": phase.get("boiling_point"),
        "melting_point": phase.get("melting_point"),
        "valence_electrons": valence_electrons(number, element["group_id"]),
        "common_oxidation_state_min": charges[0] if charges else None,
        "common_oxidation_state_max": charges[-1] if charges else None,
        "shannon_radius_vi": octahedral.get("ionic_radius"),
        "shannon_radius_xii": twelvefold.get("ionic_radius"),
        "shannon_charge_vi": octahedral.get("charge"),
        "shannon_charge_xii": twelvefold.get("charge"),
        "ionization_energy": next(
            (row["ionization_energy"] for row in energies.get(number, ())), None
        ),
    }


def standard_phase(phases: Sequence[Record]) -> Record:
    """Return the allotrope whose melting point is meant, or nothing.

    An entry whose "melting point" is the change into the next crystal form goes first
    (vitreous Se, rhombic S, gray Sn), then a form that sublimes (red P). One form is left
    of every element: gray Se, monoclinic S, white Sn, white P.
    """
    for flag in ("is_transition", "is_sublimation_point"):
        if len(phases) > 1:
            phases = [phase for phase in phases if not phase[flag]]
    if len(phases) > 1:
        raise ValueError(f"Several allotropes are left: {phases}")
    return phases[0] if phases else {}


def valence_electrons(number: int, group: int | None) -> int:
    """Return the electrons outside the noble-gas core, without full d shells of the p block.

    Examples
    --------
    >>> [valence_electrons(*one) for one in ((2, 18), (26, 8), (31, 13), (60, None))]
    [2, 8, 3, 6]
    """
    if number == 2:
        return 2
    if group is None:  # lanthanides after Xe, actinides after Rn
        return number - (54 if number < 86 else 86)
    return group if group <= 12 else group - 10


def typical_ion(
    radii: Sequence[Record], coordination: str, charges: Sequence[int], group: int | None
) -> Record:
    """Return the Shannon entry that stands for an element on a perovskite site, or nothing.

    mendeleev names main oxidation states without ranking them. The charges of A and B sum to
    +6 in an ABO3 oxide, so the main state nearest to +3 is taken; of two equally near ones
    the higher in coordination VI (B site), the lower in XII (A site). Groups 16 and 17 are
    anions: their lowest main state. Of several spin states the entry that Shannon marks as
    most reliable is taken, else high spin.
    """
    known = [
        ion for ion in radii if ion["coordination"] == coordination and ion["charge"] in charges
    ]
    return min(known, key=_ion_order(coordination, group), default={})


def _ion_order(coordination: str, group: int | None) -> Callable[[Record], tuple[int, ...]]:
    def order(ion: Record) -> tuple[int, ...]:
        charge = ion["charge"]
        tie = -charge if coordination == "VI" else charge
        distance = charge if group in (16, 17) else abs(charge - 3)
        return (distance, tie, -int(ion["most_reliable"] or 0), -int(ion["spin"] == "HS"))

    return order


def number_text(number: float | None) -> str:
    """Return ten significant digits: 57.99999999999999 is 58 stored in binary."""
    return "" if number is None else f"{number:.10g}"
