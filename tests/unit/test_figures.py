"""Figures: each draws, says its message with the table's numbers, and repeats byte for byte."""

import re
from functools import cache
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from reporting_samples import biomarkers_summary, perovskites_summary

from foldwise.errors import InvalidInputError
from foldwise.reporting.figures import caption, draw, known_figures, tables_behind
from foldwise.reporting.summary import NamedTable, Summary
from foldwise.reporting.svg import figure_names, inline_svg, save_figures, svg_text

BIOMARKERS = biomarkers_summary()
PEROVSKITES = perovskites_summary()
NAMED = [(name, BIOMARKERS) for name in figure_names(BIOMARKERS)]
NAMED += [(name, PEROVSKITES) for name in figure_names(PEROVSKITES)]
each_figure = pytest.mark.parametrize(("name", "summary"), NAMED, ids=[name for name, _ in NAMED])


def _frame(summary: Summary, table: str, **wanted: object) -> pd.DataFrame:
    frame = summary.tables[table].frame
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return frame


def _title(name: str, summary: Summary) -> str:
    return _figure(name, summary).get_suptitle().replace("\n", " ")


@cache
def _figure(name: str, summary: Summary) -> Figure:
    return draw(name, summary)


@each_figure
def test_a_figure_draws_with_a_message_that_holds_numbers(name, summary):
    assert re.search(r"\d", _title(name, summary))
    assert caption(name).endswith(".")
    assert set(tables_behind(name)) <= set(summary.tables)


@each_figure
def test_every_axis_has_a_label(name, summary):
    for ax in _figure(name, summary).axes:
        bottom, top = ax.get_ylim()
        rows_of_names = bottom > top  # models, features and elements, the first on top
        assert ax.get_xlabel()
        assert ax.get_ylabel() or rows_of_names


@each_figure
def test_no_text_is_cut_off_at_the_edge_of_the_page(name, summary):
    figure = _figure(name, summary)
    page = figure.bbox.padded(1)
    (title,) = figure.texts
    panels = [ax.get_tightbbox() for ax in figure.axes]
    for box in (title.get_window_extent(), *panels):
        assert page.contains(*box.min)
        assert page.contains(*box.max)
    assert max(box.y1 for box in panels) <= title.get_window_extent().y0


@each_figure
def test_svg_is_the_same_twice_small_and_well_formed(name, summary):
    svg = svg_text(draw(name, summary))
    assert svg_text(_figure(name, summary)) == svg
    assert len(svg) < 200_000
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("width", [85.0, 180.0])
def test_figures_have_the_width_of_one_or_two_columns_of_print(width):
    widths = {round(_figure(name, summary).get_figwidth() * 25.4, 3) for name, summary in NAMED}
    assert width in widths
    assert len(widths) == 2


def test_the_roc_message_holds_the_auc_of_both_parts():
    test = BIOMARKERS.metric("roc_auc", model="logistic-l1", split="test")["value"]
    train = BIOMARKERS.metric("roc_auc", model="logistic-l1", split="train")["value"]
    message = _title("roc_logistic-l1", BIOMARKERS)
    assert f"test AUC {test:.3f} against {train:.3f} in training" in message


def test_the_confusion_message_counts_cases_found_and_false_alarms():
    own = _frame(BIOMARKERS, "confusion", model="logistic-l1", split="test")
    counts = {(row.actual, row.predicted): row.n for row in own.itertuples()}
    found = counts["severe", "severe"]
    cases = found + counts["severe", "WHO 1-4"]
    message = _title("confusion_logistic-l1", BIOMARKERS)
    assert f"{found} of {cases} severe found" in message
    assert f"{counts['WHO 1-4', 'severe']} of " in message


def test_the_compared_coefficients_say_the_share_of_exact_zeros():
    own = _frame(BIOMARKERS, "coefficients", model="logistic-l1")["coefficient"]
    figure = draw("coefficients_compared", BIOMARKERS)
    assert f"L1 sets {(own == 0).sum()} of {len(own)}" in figure.get_suptitle()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].endswith("0% exact zeros")
    assert titles[1].endswith(f"{(own == 0).mean():.0%} exact zeros")


def test_the_geometry_names_the_feature_that_l1_drops():
    message = _title("l1_geometry", BIOMARKERS)
    assert "at a corner: w₂ of kynurenate is exactly 0" in message


def test_the_geometry_says_so_where_l1_makes_no_zero():
    points = BIOMARKERS.tables["l1_geometry_points"]
    moved = points.frame.assign(w2=points.frame["w2"].where(points.frame["kind"] != "l1", 0.2))
    changed = NamedTable(points.name, points.title, points.columns, moved)
    summary = Summary(
        "biomarkers", "T", "V", tables={**BIOMARKERS.tables, "l1_geometry_points": changed}
    )
    assert "no corner, no zero" in _title("l1_geometry", summary)


def test_cv_folds_message_holds_the_best_mean_and_the_best_baseline():
    means = _frame(BIOMARKERS, "cv_summary").set_index("model")["mean"]
    message = _title("cv_aucs", BIOMARKERS)
    assert f"{means['logistic-l1']:.3f}" in message
    assert f"best single feature {means['best-single-metabolite']:.3f}" in message


def test_the_parity_message_holds_mae_and_r2_of_test_and_training():
    message = _title("parity_descriptors", PEROVSKITES)
    for part in ("train", "test"):
        own = {"model": "mlp", "encoding": "descriptors", "split": part}
        assert f"{PEROVSKITES.metric('mae', **own)['value']:.3f}" in message
        assert f"R² {PEROVSKITES.metric('r2', **own)['value']:.2f}" in message


def test_holdout_rows_are_told_apart_by_whole_symbols():
    # The table holds C and Ca: rows of CMnO3 are no calcium.
    figure = draw("parity_holdout_one-hot", PEROVSKITES)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    held = _frame(PEROVSKITES, "predictions", encoding="one-hot", part="holdout")["formula"]
    calcium_alone = held.str.startswith("Ca") & ~held.str.contains("Ti|Hf")
    assert f"Ca (n = {calcium_alone.sum()})" in labels


def test_the_lowest_validation_loss_is_named_by_its_epoch():
    own = _frame(PEROVSKITES, "loss_curve", encoding="one-hot")
    lowest = own.loc[own["validation"].idxmin(), "epoch"]
    assert f"lowest at epoch {lowest}" in _title("loss_curve_one-hot", PEROVSKITES)


def test_a_loss_curve_without_validation_rows_shows_the_training_loss():
    table = PEROVSKITES.tables["loss_curve"]
    alone = table.frame.assign(validation=float("nan"))
    changed = NamedTable(table.name, table.title, table.columns, alone)
    summary = Summary("perovskites", "T", "V", tables={"loss_curve": changed})
    assert "training loss falls from" in _title("loss_curve_one-hot", summary)


def test_an_unknown_figure_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InvalidInputError, match=r"no figure 'roc_magic'.*roc_logistic-l1"):
        draw("roc_magic", BIOMARKERS)


def test_a_figure_of_the_other_study_is_unknown():
    with pytest.raises(InvalidInputError, match="no figure 'loss_curve_one-hot'"):
        draw("loss_curve_one-hot", BIOMARKERS)


def test_only_figures_whose_tables_are_there_are_known():
    summary = Summary("biomarkers", "T", "V", tables={"scaling": BIOMARKERS.tables["scaling"]})
    assert known_figures(summary) == ["scaling"]


def test_figures_are_saved_as_svg_and_png_of_300_dpi(tmp_path):
    paths = save_figures(BIOMARKERS, tmp_path, ["scaling"])
    assert [path.name for path in paths] == ["scaling.svg", "scaling.png"]
    header = paths[1].read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(header[16:20], "big")
    assert width == pytest.approx(180 / 25.4 * 300, abs=1)


def test_names_with_markup_and_dollars_are_drawn_as_they_are():
    name = "<script>alert(1)</script> $x_1$ & co"
    svg = svg_text(draw("top_features_logistic-none", biomarkers_summary(name)))
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert "$x_1$" in svg


def test_the_callers_settings_of_matplotlib_are_left_alone():
    before = dict(mpl.rcParams)
    draw("scaling", BIOMARKERS)
    after = dict(mpl.rcParams)
    assert [key for key in before if key != "backend" and before[key] != after[key]] == []


def test_an_inline_figure_carries_no_address_and_its_own_ids():
    svg = inline_svg(draw("scaling", BIOMARKERS), "here")
    assert "http" not in svg
    assert all(found.startswith("here-") for found in re.findall(r' id="([^"]*)"', svg))
    assert all(found.startswith("here-") for found in re.findall(r'(?:href="|url\()#([^")]*)', svg))
