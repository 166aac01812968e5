"""The methods of a paper say what the run did, in numbers of the run, and no more."""

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from study_facts_samples import (
    PANEL,
    bare_facts,
    full_facts,
    full_results,
    stopped_facts,
)

from foldwise.studies.checklists import STANDARDS, checklist_table
from foldwise.studies.methods import methods_paragraphs
from foldwise.studies.study_facts import StudyFacts
from foldwise.studies.study_results import Results

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w]|\.\d)")
# Of the wording: level of intervals, the hash, the default cut, a score's ends, a slope's.
_OF_THE_WORDING = {"95", "256", "0", "1"}


def written(facts: StudyFacts) -> dict[str, str]:
    """Return every text a run writes: the methods, and each cell of each table."""
    texts = {"methods": " ".join(methods_paragraphs(facts))}
    for name in STANDARDS:
        frame = checklist_table(name, facts).frame
        texts |= {f"{name} {row.item}": str(row.filled) for row in frame.itertuples()}
    return texts


def leaves(facts: Any) -> list[object]:
    """Return every number and text that facts hold or derive."""
    if isinstance(facts, str | int | float):
        return [facts]
    if isinstance(facts, dict):
        return [leaf for part in facts.items() for leaf in leaves(part)]
    if isinstance(facts, tuple):
        return [leaf for part in facts for leaf in leaves(part)]
    if not is_dataclass(facts):
        return []
    derived = [name for name, kind in vars(type(facts)).items() if isinstance(kind, property)]
    names = [part.name for part in fields(facts)]
    names += [name for name in derived if name not in ("claimed", "text")]
    return [leaf for name in names for leaf in leaves(getattr(facts, name))]


def allowed_numbers(facts: StudyFacts) -> set[str]:
    """Return facts' numbers as they may be printed: up to 4 decimals, or as percent."""
    found = set(_OF_THE_WORDING)
    for leaf in leaves(facts):
        if isinstance(leaf, str):
            found |= set(_NUMBER.findall(leaf))
        else:
            number = float(leaf)  # type: ignore[arg-type]
            found |= {f"{number:.{digits}f}" for digits in range(5)}
            found |= {f"{100 * number:.{digits}f}" for digits in range(2)}
            found |= {f"{number:.2g}", f"{number:.3g}", f"{100 * number:.2g}"}
    return found


RUNS = {"full": full_facts, "bare": bare_facts, "stopped": stopped_facts}


@pytest.mark.parametrize("run", RUNS)
def test_every_number_comes_from_the_facts(run: str) -> None:
    facts = RUNS[run]()
    allowed = allowed_numbers(facts)
    for place, text in written(facts).items():
        foreign = [number for number in _NUMBER.findall(text) if number not in allowed]
        assert not foreign, (place, text)


def test_every_result_of_the_run_is_written() -> None:
    text = " ".join(methods_paragraphs(full_facts()))
    for leaf in leaves(full_results()):
        if isinstance(leaf, str):
            assert leaf in text
        elif leaf not in (0.043, 0.79):  # given as percent
            shown = {f"{leaf:.{digits}f}" for digits in range(5)}
            assert any(one in text for one in shown if float(one) == leaf), leaf
    assert "4.3 %" in text
    assert "79 %" in text


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("word", ["diagnos", "risk", "predicts disease", "accurate"])
def test_no_text_claims_more_than_separation(run: str, word: str) -> None:
    for place, text in written(RUNS[run]()).items():
        assert word not in text.casefold(), (place, text)


def test_a_stopped_audit_leaves_no_result_anywhere() -> None:
    texts = written(stopped_facts())
    results = {f"{leaf:.3f}" for leaf in leaves(full_results()) if isinstance(leaf, float)}
    for place, text in texts.items():
        assert "AUC" not in text, (place, text)
        assert "p = " not in text, (place, text)
        assert not any(name in text for name in PANEL), (place, text)
        assert not any(number in text for number in results), (place, text)
    assert "stops the claim" in texts["methods"]
    assert "percentile lattice" in texts["methods"]
    assert "withheld" in texts["methods"]


def test_a_stopped_run_tells_what_is_withheld_from_what_was_never_done() -> None:
    stopped = stopped_facts()
    text = " ".join(methods_paragraphs(stopped))
    assert "External validation: withheld" in text
    assert "all validation is internal" not in text
    never = replace(stopped, results=replace(stopped.results, permutation=None, external=None))
    text = " ".join(methods_paragraphs(never))
    assert "Permutation test: not done in this run." in text
    assert "all validation is internal" in text


def test_a_run_that_measured_nothing_says_so_for_each_part() -> None:
    text = " ".join(methods_paragraphs(bare_facts()))
    for part in ("Permutation test", "Stability selection", "Threshold", "Calibration", "Result"):
        assert f"{part}: not done in this run." in text


@pytest.mark.parametrize("part", [part.name for part in fields(Results)])
def test_leaving_out_one_result_leaves_no_trace_of_it(part: str) -> None:
    full = full_facts()
    empty = () if isinstance(getattr(full.results, part), tuple) else None
    without = replace(full, results=replace(full.results, **{part: empty}))
    if part == "headline":  # nothing beside it is claimed without it
        assert "Result: not done" in " ".join(methods_paragraphs(without))
        return
    numbers = {
        f"{leaf:.3f}" for leaf in leaves(getattr(full.results, part)) if isinstance(leaf, float)
    }
    for place, text in written(without).items():
        assert not any(re.search(rf"(?<!\d){one}(?!\d)", text) for one in numbers), (place, text)


def test_validation_is_called_internal_unless_a_cohort_was_scored() -> None:
    full = full_facts()
    alone = replace(full, results=replace(full.results, external=None))
    assert "all validation is internal" in " ".join(methods_paragraphs(alone))
    assert "External validation" not in " ".join(methods_paragraphs(alone))
    assert "all validation is internal" not in " ".join(methods_paragraphs(full))
    assert "External validation on 23 cases and 41 controls" in " ".join(methods_paragraphs(full))


def test_the_spectrum_is_named_with_and_without_a_word_from_the_data_set() -> None:
    for facts in (full_facts(), bare_facts()):
        text = " ".join(methods_paragraphs(facts))
        assert "separate more easily than people in doubt" in text
    assert "patients of one hospital against volunteers" in " ".join(
        methods_paragraphs(full_facts())
    )


def test_calibration_in_the_large_is_not_given_for_case_control_tables() -> None:
    assert "not assessable in case-control sampling" in " ".join(methods_paragraphs(full_facts()))


def test_versions_seed_hash_and_command_can_be_found() -> None:
    text = " ".join(methods_paragraphs(full_facts()))
    for part in ("foldwise 1.8.4", "seed 29", "SHA-256 9f86d081884c7d65", "foldwise run"):
        assert part in text
