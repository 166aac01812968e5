"""Figures: each draws, says its message with the table's numbers, and repeats byte for byte."""

import re
from functools import cache
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from reporting_samples import biomarkers_summary, perovskites_summary
from reviewed_samples import reviewed_summary

from foldwise.errors import InvalidInputError
from foldwise.reporting.figures import caption, draw, known_figures, tables_behind
from foldwise.reporting.figures.reviewed import REVIEWED as REVIEWED_KINDS
from foldwise.reporting.summary import NamedTable, Summary
from foldwise.reporting.svg import figure_names, inline_svg, save_figures, svg_text

BIOMARKERS = biomarkers_summary()
PEROVSKITES = perovskites_summary()
NAMED = [(name, BIOMARKERS) for name in figure_names(BIOMARKERS)]
REVIEWED = reviewed_summary()
NAMED += [(name, REVIEWED) for name in figure_names(REVIEWED)]
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


def _changed(summary: Summary, table: str, frame: pd.DataFrame) -> Summary:
    """Return a Summary with another frame in one of its tables."""
    old = summary.tables[table]
    changed = NamedTable(table, old.title, old.columns, frame)
    return Summary(
        summary.study, "T", "V", [], summary.result, tables={**summary.tables, table: changed}
    )


def test_every_figure_a_reviewer_asks_for_is_in_the_sample():
    assert set(REVIEWED_KINDS) == {
        key for key in REVIEWED_KINDS for name in figure_names(REVIEWED) if name.startswith(key)
    }


@pytest.mark.parametrize(
    ("scale", "key", "cut", "words"),
    [
        ("raw", "log2_fold_change", 1.0, "at least twofold"),
        ("percentile", "difference_percentile", 20.0, "by at least 20 points"),
        ("z", "difference_z", 0.5, "by at least half an sd"),
    ],
)
def test_the_volcano_counts_what_passes_both_cut_offs(scale, key, cut, words):
    summary = reviewed_summary(scale=scale)
    frame = _frame(summary, "metabolites")
    passes = frame[(frame["q"] <= 0.05) & (frame[key].abs() >= cut)]
    higher = int((passes[key] > 0).sum())
    assert 0 < higher < len(passes) < len(frame)
    message = _title("volcano", summary)
    assert message.startswith(f"{len(passes)} of 120 features differ at q ≤ 0.05 and {words}")
    assert f"{higher} higher, {len(passes) - higher} lower in cases" in message


def test_the_volcano_counts_features_without_an_effect():
    frame = _frame(REVIEWED, "metabolites").copy()
    frame.loc[[5, 9], "log2_fold_change"] = float("nan")
    summary = _changed(REVIEWED, "metabolites", frame)
    assert "2 without an effect or q" in _title("volcano", summary)


def test_no_name_of_the_volcano_lies_on_another():
    ax = _figure("volcano", REVIEWED).axes[0]
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without their lines
    assert len(boxes) == 8
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])


def test_the_selection_message_counts_the_panel_and_names_the_next():
    frame = _frame(REVIEWED, "selection")
    message = _title("selection", REVIEWED)
    assert message.startswith(f"{int(frame['selected'].sum())} of 120 features reach")
    following = frame[~frame["selected"]].nlargest(1, "frequency").iloc[0]
    assert f"{following['feature']} at {following['frequency']:.2f}" in message


def test_an_empty_panel_is_said():
    frame = _frame(REVIEWED, "selection").assign(selected=False, threshold=2.0)
    summary = _changed(REVIEWED, "selection", frame)
    assert _title("selection", summary).startswith("None of 120 features reaches")
    assert _title("selection_path", summary).startswith("No feature reaches 2")


def test_the_path_names_the_feature_that_first_reaches_the_threshold():
    path = _frame(REVIEWED, "selection_path")
    first = path[path["frequency"] >= 0.9].sort_values(["step", "frequency"]).iloc[0]
    message = _title("selection_path", REVIEWED)
    assert f"first {first['feature']}, at {first['step']}" in message


def test_the_null_says_how_many_permutations_reach_the_observed_auc():
    message = _title("permutation_null_logistic-l1", REVIEWED)
    assert "none of 1,000 permutations reaches the observed AUC of 0.871: p = 0.001" in message
    assert "the least this many can give" in message
    aucs = _frame(REVIEWED, "permutation_null", model="forest")["auc"]
    reached = int((aucs >= 0.57).sum())
    message = _title("permutation_null_forest", REVIEWED)
    assert f"{reached} of 200 permutations reach the observed AUC of 0.570" in message
    assert f"p = {(reached + 1) / 201:.2g};" in message


def test_the_learning_curve_says_what_the_last_rows_changed():
    own = _frame(REVIEWED, "learning_curve", model="logistic-l1")["mean"].tolist()
    message = _title("learning_curve", REVIEWED)
    assert f"AUC {own[0]:.3f} with 27 training rows, {own[-1]:.3f} with 106" in message
    assert f"the last 22 rows change it by {own[-1] - own[-2]:+.3f}" in message


def test_the_subset_curve_names_the_smallest_number_within_the_best_interval():
    assert _title("subset_curve", REVIEWED).startswith("5 features reach AUC 0.830")


def test_a_mean_number_of_features_is_said_with_its_decimals():
    frame = _frame(REVIEWED, "subset_curve")
    summary = _changed(REVIEWED, "subset_curve", frame.assign(n_features=frame["n_features"] / 3))
    figure = draw("subset_curve", summary)
    assert figure.get_suptitle().startswith("On average 1.7 features reach AUC 0.830")
    assert "mean over folds" in figure.axes[0].get_xlabel()


def test_calibration_counts_the_bins_that_hold_somebody():
    own = _frame(REVIEWED, "calibration")
    own = own[own["n"] > 0]
    held = int(((own["low"] <= own["predicted"]) & (own["predicted"] <= own["high"])).sum())
    message = _title("calibration_logistic-l1", REVIEWED)
    assert f"the interval holds the prediction in {held} of 9 bins" in message
    assert "calibration slope 0.71 (0.40 to 1.02)" in message


def test_the_decision_curve_says_where_a_model_is_of_use_and_at_which_prevalence():
    own = _frame(REVIEWED, "decision_curve", model="logistic-l1")
    better = own[own["net_benefit"] > own[["treat_all", "treat_none"]].max(axis=1)]["threshold"]
    message = _title("decision_curve", REVIEWED)
    assert message.startswith("At a stated prevalence of 10% Logistic, L1 is better")
    assert f"between {better.min():.0%} and {better.max():.0%}" in message
    useless = _frame(REVIEWED, "decision_curve").assign(net_benefit=-0.01)
    summary = _changed(REVIEWED, "decision_curve", useless)
    assert "is nowhere better than treating everyone or no one" in _title("decision_curve", summary)


def test_operating_points_show_the_counts_behind_each_rate():
    figure = _figure("operating_points_logistic-l1", REVIEWED)
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"23 of 27 cases found", "15 of 106 controls called"} <= texts


def test_the_comparison_names_the_best_model_and_the_best_baseline():
    message = _title("comparison", REVIEWED)
    assert message.startswith("Logistic, L1 reaches AUC 0.871 (0.80 to 0.94)")
    assert "best single feature, 0.874 (0.79 to 0.93)" in message


def test_steady_coefficients_are_never_zero_and_never_change_sign():
    own = _frame(REVIEWED, "coefficient_spread", model="logistic-l1")
    steady = ((own["share_zero"] == 0) & (own["sign_consistency"] == 1)).sum()
    message = _title("coefficient_spread_logistic-l1", REVIEWED)
    assert f"{steady} of 120 coefficients keep their sign in every split" in message


def test_the_shap_message_says_which_way_a_high_value_points():
    name = "shap_values_logistic-l1"
    assert "a high value points towards cases" in _title(name, REVIEWED)
    frame = _frame(REVIEWED, "shap_values")
    summary = _changed(REVIEWED, "shap_values", frame.assign(shap=-frame["shap"]))
    assert "a high value points away from cases" in _title(name, summary)


def test_the_design_says_where_the_classes_do_not_overlap():
    message = _title("design", REVIEWED)
    assert "by the number in the id the classes do not overlap: severe end at 230" in message
    assert "In the file the classes mix" in message
    without = _frame(REVIEWED, "design").assign(number=float("nan"))
    figure = draw("design", _changed(REVIEWED, "design", without))
    assert len(figure.axes) == 1
    assert "number" not in figure.get_suptitle()
    without = _frame(REVIEWED, "design").assign(row=float("nan"))
    figure = draw("design", _changed(REVIEWED, "design", without))
    assert figure.get_suptitle().startswith("By the number in the id the classes do not overlap")


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
