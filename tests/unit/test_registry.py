"""Registered sets hold what their entries say, and downloads are checked."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from foldwise.data import registry
from foldwise.data.download import fetch_files, find_files
from foldwise.data.elements import read_property_table, read_vocabulary
from foldwise.data.held_elements import element_membership, formulas, hold_out_elements
from foldwise.errors import InvalidInputError

CONTENT = b"SAMPLE,Diagnosis\nP1,1.0\n"


@pytest.fixture
def empty_places(monkeypatch, tmp_path):
    """Look for files in an empty cache only; return the cache."""
    monkeypatch.delenv("FOLDWISE_DATA_DIR", raising=False)
    monkeypatch.setenv("FOLDWISE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tiny_set():
    """Return a set of one file that is not embedded."""
    file = registry.DataFile("y.csv", "folder/y.csv", hashlib.sha256(CONTENT).hexdigest())
    return replace(registry.get("course-metabolites"), name="tiny", files=(file,))


@pytest.fixture
def served():
    """Return a function that starts a loopback server with one answer, and gives its address."""
    servers = []

    def start(body, *, status=200, length=None):
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/folder/y.csv" else 404)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


# ---------------------------------------------------------------- downloads


def test_the_right_file_is_downloaded_once_and_then_found(tiny_set, served, empty_places):
    (path,) = fetch_files(tiny_set, base_url=served(CONTENT))
    assert path == empty_places / "y.csv"
    assert path.read_bytes() == CONTENT
    (again,) = fetch_files(tiny_set, base_url="http://127.0.0.1:1/")  # nobody answers there
    assert again == path
    assert find_files(tiny_set) == [path]


def test_a_folder_of_ones_own_takes_the_files(tiny_set, served, empty_places, tmp_path):
    (path,) = fetch_files(tiny_set, base_url=served(CONTENT), folder=tmp_path / "mine")
    assert path == tmp_path / "mine" / "y.csv"
    assert not empty_places.exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param({"body": b"other\n"}, "is not the registered y.csv", id="wrong-hash"),
        pytest.param({"body": b"gone", "status": 404}, "404", id="not-found"),
        pytest.param({"body": CONTENT, "length": 999}, "could not be downloaded", id="cut-off"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_what_to_do(
    tiny_set, served, empty_places, answer, said
):
    url = served(**answer)
    with pytest.raises(InvalidInputError) as caught:
        fetch_files(tiny_set, base_url=url)
    assert said in str(caught.value)
    assert url in str(caught.value)
    assert "set FOLDWISE_DATA_DIR" in str(caught.value)
    assert not list(empty_places.rglob("*.*"))


def test_no_connection_is_an_error_a_user_can_fix(tiny_set, empty_places):
    with pytest.raises(InvalidInputError, match="Check the connection and try again"):
        fetch_files(tiny_set, base_url="http://127.0.0.1:1/")


def test_a_wrong_hash_is_written_with_both_values(tiny_set, served, empty_places):
    with pytest.raises(InvalidInputError) as caught:
        fetch_files(tiny_set, base_url=served(b"other\n"))
    assert hashlib.sha256(b"other\n").hexdigest() in str(caught.value)
    assert tiny_set.files[0].sha256 in str(caught.value)


def test_a_local_folder_comes_first_and_is_checked(tiny_set, empty_places, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLDWISE_DATA_DIR", str(tmp_path))
    (tmp_path / "y.csv").write_bytes(CONTENT)
    assert find_files(tiny_set) == [tmp_path / "y.csv"]
    (tmp_path / "y.csv").write_bytes(b"changed\n")
    with pytest.raises(InvalidInputError, match="this is not the registered file"):
        find_files(tiny_set)


def test_files_that_are_not_there_name_the_command_that_fetches_them(empty_places):
    with pytest.raises(InvalidInputError) as caught:
        registry.load_abundances("course-metabolites")
    assert "breastcancer_X.csv, breastcancer_y.csv are not in" in str(caught.value)
    assert "`foldwise datasets fetch course-metabolites`" in str(caught.value)


def test_embedded_sets_need_no_download(empty_places):
    (path,) = registry.fetch("sacurine")
    assert path.name == "sacurine.csv.gz"
    assert path.is_file()


# ---------------------------------------------------------------- entries


def test_an_unknown_set_offers_its_neighbour():
    with pytest.raises(InvalidInputError, match="Did you mean 'sacurine'"):
        registry.get("sacurin")


def test_a_set_of_the_other_study_is_refused():
    with pytest.raises(InvalidInputError, match="For `foldwise biomarkers` there are covid-plasma"):
        registry.load_abundances("perovskite-oxides")


def test_an_unknown_target_is_refused_with_the_list():
    with pytest.raises(InvalidInputError, match="severe, severe-vs-moderate, case"):
        registry.load_abundances("covid-plasma", target="mild")


@pytest.mark.parametrize("dataset", registry.data_sets().values(), ids=registry.data_sets())
def test_every_entry_can_be_listed(dataset):
    assert dataset.title
    assert dataset.source
    assert dataset.licence
    assert dataset.default_target in {None, *(rule.key for rule in dataset.targets)}
    assert all(file.sha256 or dataset.embedded for file in dataset.files)


@pytest.mark.parametrize("name", ["covid-plasma", "covid-plasma-191", "sacurine"])
def test_embedded_abundances_have_the_rows_and_columns_of_their_entry(name):
    dataset = registry.get(name)
    broadest = dataset.targets[-1].key
    loaded = registry.load_abundances(name, target=broadest)
    assert loaded.table.X().shape == (dataset.n_rows, dataset.n_columns)
    assert (loaded.table.scale, loaded.table.scale_origin) == (dataset.scale, "declared")
    assert loaded.table.column(loaded.table.keys("feature")[0]).unit == dataset.unit


@pytest.mark.parametrize(
    ("target", "counts"),
    [
        ("severe", {"severe": 29, "mild or moderate": 104}),
        ("severe-vs-moderate", {"severe": 29, "moderate": 59}),
        ("case", {"COVID-19": 133, "healthy": 133}),
    ],
)
def test_the_covid_targets_hold_the_published_numbers_of_people(target, counts):
    loaded = registry.load_abundances("covid-plasma", target=target)
    assert loaded.table.values("target").value_counts().to_dict() == counts
    assert loaded.target.positive_label in counts


def test_rows_without_the_target_are_counted():
    notes = registry.load_abundances("covid-plasma").table.notes
    assert notes[0].startswith("Only 133 of 266 rows have the target 'severe'")
    assert "133 rows with who_status 0 are left out" in notes[0]


def test_no_label_column_is_a_feature():
    for target in ("severe", "case"):
        features = registry.load_abundances("covid-plasma", target=target).table.keys("feature")
        assert not {"severe", "case", "group", "who_status"} & set(features)


def test_the_perovskite_oxides_hold_out_463_rows():
    loaded = registry.load_compositions("perovskite-oxides")
    assert (loaded.table.n_rows, len(loaded.table.keys("site"))) == (1841, 3)
    assert loaded.holdout is None
    rest, holdout = hold_out_elements(loaded.table, loaded.dataset.holdout_elements)
    assert (rest.n_rows, holdout.n_rows) == (1378, 463)
    assert not {"Ca", "Hf", "Sm", "Ti"} & set(element_membership(rest).columns)
    assert loaded.table.column("e_above_hull").unit == "eV/atom"


def test_formulas_of_perovskites_are_written_from_their_sites():
    loaded = registry.load_compositions("perovskite-oxides")
    assert "Ba0.125Sr0.875VO3" in formulas(loaded.table)


def test_elements_that_no_row_holds_cannot_be_held_out():
    table = registry.load_compositions("perovskite-oxides").table
    with pytest.raises(InvalidInputError, match="no row holds 'Og'"):
        hold_out_elements(table, ["Ca", "Og"])
    with pytest.raises(InvalidInputError, match="every row holds one of O"):
        hold_out_elements(table, ["O"])


def test_the_course_sets_load_from_a_local_folder(course_data, empty_places, monkeypatch):
    monkeypatch.setenv("FOLDWISE_DATA_DIR", str(course_data))
    metabolites = registry.load_abundances("course-metabolites").table
    assert metabolites.values("target").value_counts().to_dict() == {
        "breast cancer": 135,
        "control": 76,
    }
    perovskites = registry.load_compositions("course-perovskites")
    assert (perovskites.table.n_rows, perovskites.holdout.n_rows) == (1726, 210)
    assert len(perovskites.vocabulary) == 73
    assert perovskites.vocabulary[:3] == ("Gd", "Pu", "Ta")
    assert perovskites.properties.shape == (72, 16)
    both = perovskites.table.stacked(perovskites.holdout)
    assert both.n_rows == perovskites.dataset.n_rows
    _, held = hold_out_elements(both, perovskites.dataset.holdout_elements)
    assert held.ids == perovskites.holdout.ids


# ---------------------------------------------------------------- elements


def test_a_pickled_vocabulary_is_refused(tmp_path):
    np.save(tmp_path / "e.npy", np.array(["La", "Ba"], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInputError, match=r"e.npy: .* pickled objects are not loaded"):
        read_vocabulary(tmp_path / "e.npy")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([["La", "Ba"]]), "of shape"),
        (np.array([57, 56]), "int64"),
        (np.array(["La", "Xx"]), "'Xx' is not an element"),
        (np.array(["La", "La"]), "more than once: 'La'"),
    ],
    ids=["two-dimensional", "numbers", "unknown", "repeated"],
)
def test_a_vocabulary_that_is_no_list_of_elements_is_refused(tmp_path, array, said):
    np.save(tmp_path / "e.npy", array)
    with pytest.raises(InvalidInputError, match=said):
        read_vocabulary(tmp_path / "e.npy")


def test_a_vocabulary_may_be_a_text_file(tmp_path):
    (tmp_path / "e.txt").write_text("La, Ba\nTi\n")
    assert read_vocabulary(tmp_path / "e.txt") == ("La", "Ba", "Ti")
    with pytest.raises(InvalidInputError, match="there is no such file"):
        read_vocabulary(tmp_path / "nowhere.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("symbol,r\nXx,1\nFe,2\n", "'Xx'. Write symbols", id="symbol"),
        pytest.param("symbol,r\nFe,big\nLi,2\n", "'big' in column 'r'", id="text"),
    ],
)
def test_mistakes_in_a_table_of_properties_are_named(tmp_path, content, said):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(InvalidInputError, match=said):
        read_property_table(tmp_path / "p.csv")
