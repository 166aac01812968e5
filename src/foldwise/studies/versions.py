"""Versions of what a result depends on."""

import platform
from importlib.metadata import version

__all__ = ["package_versions"]

_PACKAGES = ("foldwise", "numpy", "scipy", "pandas", "scikit-learn", "numba", "torch", "matplotlib")


def package_versions() -> dict[str, str]:
    """Return versions by name: foldwise, Python and the packages it computes with.

    Examples
    --------
    >>> list(package_versions())[:2]
    ['foldwise', 'python']
    """
    packages = {name: version(name) for name in _PACKAGES}
    return {"foldwise": packages.pop("foldwise"), "python": platform.python_version(), **packages}
