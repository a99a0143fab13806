"""Which packages are installed here, and whether a requirement is met."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(package: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def is_met(requirement: str) -> bool:
    """Whether a requirement such as "transformers>=5,<6" is met, its marker aside."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    found = installed_version(wanted.name)
    return found is not None and wanted.specifier.contains(found, prereleases=True)
