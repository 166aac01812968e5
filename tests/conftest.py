"""What several test files share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A time limit per example fails by chance where cores are shared.
settings.register_profile("foldwise", deadline=None)
settings.load_profile("foldwise")

_COURSE_FILES = (
    "breastcancer_X.csv",
    "breastcancer_y.csv",
    "perov_train.csv",
    "perov_val.csv",
    "elements.npy",
    "mendeleev.csv",
)


@pytest.fixture(scope="session")
def course_data() -> Path:
    """Return the folder of the six course files, or skip; where they must be there, fail."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FOLDWISE_DATA_DIR") or beside_checkout)
    absent = [name for name in _COURSE_FILES if not (folder / name).is_file()]
    if absent:
        reason = (
            f"the course data is not in {folder} (missing: {', '.join(absent)}); "
            "set FOLDWISE_DATA_DIR to a folder that holds it"
        )
        if os.environ.get("FOLDWISE_REQUIRE_COURSE_DATA") == "1":
            pytest.fail(f"FOLDWISE_REQUIRE_COURSE_DATA is 1, but {reason}")
        pytest.skip(reason)
    return folder
