"""Take the pictures of README.md from two finished runs, with Chromium.

Usage: python scripts/readme_pictures.py BIOMARKERS_RUN PEROVSKITES_RUN
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).parents[1] / "docs" / "_static" / "pictures"
WIDTH, TOP = 1180, 690
COLOURS = 64


def main() -> None:
    biomarkers, perovskites = (Path(argument) for argument in sys.argv[1:3])
    PICTURES.mkdir(parents=True, exist_ok=True)
    for run, name in ((biomarkers, "biomarkers"), (perovskites, "perovskites")):
        save(top_of(run / "report.html"), f"{name}-report.png")
    save(Image.open(biomarkers / "figures" / "cv_aucs.png"), "biomarkers-cross-validation.png")
    figure = perovskites / "figures" / "model_comparison.png"
    save(Image.open(figure), "perovskites-comparison.png")


def top_of(page: Path) -> Image.Image:
    """Return the first screen of a page."""
    browser = shutil.which("chromium") or sys.exit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = f"--window-size={WIDTH},{TOP}"
        command = [browser, *options, size, f"--screenshot={shot}", page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return Image.open(shot).convert("RGB")


def save(picture: Image.Image, name: str) -> None:
    """Write a picture no wider than the page shows it, with few colours."""
    small = picture.convert("RGB")
    small.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    small.quantize(COLOURS).save(PICTURES / name, optimize=True)


if __name__ == "__main__":
    main()
