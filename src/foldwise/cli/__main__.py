"""``python -m foldwise.cli`` is the command ``foldwise``."""

from foldwise.cli.main import main

main()
