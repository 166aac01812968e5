"""Shifted names are found, sound ones are left alone; foreign substances are named."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from foldwise.audit.metabolite_names import KNOWN_PAIRS, SYNONYMS, plain_name
from foldwise.audit.names import (
    check_foreign_names,
    check_names,
    known_pairs,
    rank_correlation_within_classes,
)
from foldwise.data.readers import read_abundances
from foldwise.data.registry import load_abundances
from foldwise.data.rules import binary_target

PATHWAYS = (
    ["Hexadecanoic acid", "Octadecanoic acid", "Myristic acid", "Oleic acid"],
    ["L-Leucine", "Isoleucine", "L-Valine"],
    ["Tyrosine", "Phenylalanine"],
)
NAMES = [name for pathway in PATHWAYS for name in pathway] + [f"unknown {i}" for i in range(31)]


def sound_table(seed: int, *, load: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return 90 people whose pathways rise and fall together, ten unknown pairs at 0.99."""
    rng = np.random.default_rng(seed)
    columns = []
    for pathway in PATHWAYS:
        shared = rng.normal(size=(90, 1))
        columns.append(shared + 0.5 * rng.normal(size=(90, len(pathway))))
    unknown = rng.normal(size=(90, 31))
    unknown[:, 10:20] = unknown[:, :10] + 0.1 * rng.normal(size=(90, 10))
    X = np.hstack([*columns, unknown]) + load * rng.normal(size=(90, 1))
    y = (rng.random(90) < 0.4).astype(float)
    X[:, 3] += 2 * y  # a marker does not change correlations within classes
    return np.exp(X), y


def test_shifted_names_are_found_and_sound_ones_are_not() -> None:
    found_sound = found_shifted = 0
    for seed in range(40):
        X, y = sound_table(seed)
        found_sound += bool(check_names(X, y, NAMES))
        order = np.random.default_rng(seed).permutation(len(NAMES))
        found_shifted += bool(check_names(X[:, order], y, NAMES))
    assert found_sound == 0
    assert found_shifted >= 38  # by chance a few shifted names fall on pairs that correlate


@pytest.mark.parametrize("load", [1.0, 3.0])
def test_a_dilution_of_whole_samples_does_not_make_names_wrong(load: float) -> None:
    assert not any(check_names(*sound_table(seed, load=load), NAMES) for seed in range(20))


def test_a_block_of_stronger_pairs_does_not_make_names_wrong() -> None:
    X, y = sound_table(0)
    lipids = np.random.default_rng(1).normal(size=(90, 1))
    X[:, 9:29] = lipids + 0.1 * np.random.default_rng(2).normal(size=(90, 20))
    correlation = rank_correlation_within_classes(X, y)
    others = correlation[9:, 9:][np.triu_indices(31, 1)]
    # 190 pairs of 780 pass every known one: the upper tenth alone would blame the names.
    assert (others > max(correlation[pair] for pair in known_pairs(NAMES))).sum() == 190
    assert check_names(X, y, NAMES) == []


def test_the_finding_says_what_stops_and_what_does_not() -> None:
    X, y = sound_table(0)
    (finding,) = check_names(X[:, np.random.default_rng(0).permutation(40)], y, NAMES)
    assert (finding.check, finding.severity) == ("names-do-not-fit", "weakens")
    assert "The AUC does not depend on names" in finding.message
    assert "Hexadecanoic acid" in finding.columns


def test_fewer_than_three_known_pairs_are_not_judged() -> None:
    X, y = sound_table(0)
    few = ["palmitate", "stearate", *(f"unknown {i}" for i in range(38))]
    assert check_names(X[:, ::-1], y, few) == []


def test_a_table_without_any_strong_pair_is_not_judged() -> None:
    X = np.random.default_rng(0).normal(size=(90, len(NAMES)))
    assert check_names(X, np.arange(90) % 2.0, NAMES) == []


def test_very_wide_tables_are_thinned_and_keep_their_known_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("foldwise.audit.names._MOST_COLUMNS", 20)
    X, y = sound_table(0)
    assert check_names(X, y, NAMES) == []
    (finding,) = check_names(X[:, ::-1], y, NAMES)
    assert set(finding.columns) == {name for pathway in PATHWAYS for name in pathway}


def test_correlations_are_spearmans_within_classes() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.lognormal(size=(50, 4)), np.repeat([0.0, 1.0], [20, 30])
    X[:, 1] += X[:, 0]
    X[:, 2] += 10 * y  # far apart between classes only
    expected = 0.4 * spearmanr(X[y == 0]).statistic + 0.6 * spearmanr(X[y == 1]).statistic
    np.testing.assert_allclose(rank_correlation_within_classes(X, y), expected, atol=1e-12)


def test_missing_and_constant_columns_correlate_with_nothing() -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    X[:, 0], X[:, 1] = np.nan, 1.0
    correlation = rank_correlation_within_classes(X, np.arange(20) % 2.0)
    assert np.isfinite(correlation).all()
    np.testing.assert_allclose(correlation[:2], 0.0)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Hexadecanoic acid", "palmitate"),
        ("PALMITIC ACID", "palmitate"),
        ("palmitate (16:0)", "palmitate"),
        ("Palmitic acid, TMS", "palmitate"),
        ("oleate/vaccenate (18:1)", "oleate"),
        ("9,12-Octadecadienoic acid (Z,Z)-", "linoleate"),
        ("linoleate (18:2n6)", "linoleate"),
        ("L-Tyrosine", "tyrosine"),
        ("DL-Isoleucine", "isoleucine"),
        ("Leu", "leucine"),
        ("Ketoleucine", "4-methyl-2-oxopentanoate"),
        ("N-acetylleucine", None),
        ("1-palmitoyl-GPC (16:0)", None),
        ("2-hydroxystearate", None),
        ("Methyl hexadecanoic acid ester", None),
        ("glucose", None),
    ],
)
def test_synonyms_name_one_substance_and_derivatives_do_not(
    written: str, plain: str | None
) -> None:
    assert plain_name(written) == plain


def test_no_synonym_names_two_substances_and_each_pair_is_in_the_table() -> None:
    every = [other for name, others in SYNONYMS.items() for other in (name, *others)]
    assert len(every) == len(set(every))
    assert {name for pair in KNOWN_PAIRS for name in pair} == set(SYNONYMS)
    assert all(plain_name(other) == name for name, o in SYNONYMS.items() for other in o)


def test_a_substance_named_twice_makes_no_pair_with_itself() -> None:
    assert known_pairs(["palmitate", "Hexadecanoic acid", "stearate"]) == [(0, 2)]


@pytest.mark.parametrize(
    ("name", "checks"),
    [
        ("Alanine, 2TMS", ["artefact-names"]),
        ("Ethanolamine 3TMS", ["artefact-names"]),
        ("Decamethylcyclopentasiloxane", ["artefact-names"]),
        ("Monoethyl phthalate", ["artefact-names"]),
        ("2,2'-Bipyridine", ["artefact-names"]),
        ("caffeine", ["drug-names"]),
        ("Acetaminophen glucuronide", ["drug-names"]),
        ("metformin", ["drug-names"]),
        ("nicotinamide", []),
        ("Nicotinic acid", []),
        ("salicylate", []),
        ("tryptophan", []),
        ("aminosalicylic acid", []),
        ("PEGylated unknown", []),
    ],
)
def test_drugs_and_artefacts_are_whole_words(name: str, checks: list[str]) -> None:
    assert [one.check for one in check_foreign_names([name])] == checks
    assert all(one.severity == "note" for one in check_foreign_names([name]))


def test_known_names_are_neither_drugs_nor_artefacts() -> None:
    every = [other for name, others in SYNONYMS.items() for other in (name, *others)]
    assert check_foreign_names(every) == []


@pytest.mark.parametrize("target", ["severe", "severe-vs-moderate", "case"])
def test_sound_names_of_a_published_table_are_left_alone_and_shifted_ones_found(
    target: str,
) -> None:
    loaded = load_abundances("covid-plasma", target=target)
    assert loaded.target is not None
    y = binary_target(loaded.table.values("target"), loaded.target.positive_label).y
    X, names = loaded.table.X(), loaded.table.keys("feature")
    assert len(known_pairs(names)) == 24
    assert check_names(X, y, names) == []
    in_alphabetical_order = [names[i] for i in np.argsort([name.lower() for name in names])]
    assert len(check_names(X, y, in_alphabetical_order)) == 1


def test_a_published_table_without_known_pairs_is_not_judged() -> None:
    table = load_abundances("sacurine").table
    y = binary_target(table.values("target"), "F").y
    assert check_names(table.X(), y, table.keys("feature")) == []


def test_the_course_table_has_names_that_do_not_fit(course_data: Path) -> None:
    table = read_abundances([course_data / f"breastcancer_{part}.csv" for part in "Xy"])
    y = binary_target(table.values("target")).y
    (finding,) = check_names(table.X(), y, table.keys("feature"))
    assert "20 of 21 pairs" in finding.message


def test_a_panel_of_known_pairs_alone_is_not_judged() -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    assert check_names(X, np.tile([0.0, 1.0], 30), ["leucine", "isoleucine", "valine"]) == []
