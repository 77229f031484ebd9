"""Files that a user writes in TOML: read, or refused in the same words everywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from conformance.problems import ConfigurationProblem


def read_toml(path: Path, mend: str) -> dict[str, Any]:
    """The content of a file; `mend` is what to do where it cannot be read. Raises `ConfigurationProblem`."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ConfigurationProblem(f"{path} is no regular file", mend)
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationProblem(f"{path}: {error.strerror}", mend) from None
    except ValueError as error:
        raise ConfigurationProblem(f"{path} is not TOML: {error}", "mend that line; see https://toml.io") from None
