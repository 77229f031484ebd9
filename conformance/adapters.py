"""Adapters by name: built-in ones and those of installed packages; what is misnamed is told with the right names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from conformance.problems import AdapterProblem, UsageProblem


class Registry:
    """The adapters of one role.

    `built_in` gives names their classes as `module:class`; entry points of `group` add to them. The class of an adapter
    with options has `OPTIONS`, their names with one line on each, and the class method `from_options(options)`.
    """

    def __init__(self, role: str, group: str, built_in: Mapping[str, str]) -> None:
        self.role, self.group, self._built_in = role, group, built_in

    def names(self) -> list[str]:
        """Every known name."""
        return sorted({*self._built_in, *(point.name for point in entry_points(group=self.group))})

    def adapter(self, name: str, also: Iterable[str] = ()) -> Any:
        """The class behind a name. Raises `UsageProblem` with the nearest of the names, `also` included."""
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            return getattr(import_module(module), attribute)
        for point in entry_points(group=self.group, name=name):
            return self._load(point.load, name)
        raise UsageProblem(f"there is no {self.role} adapter {name!r}", nearest(name, [*self.names(), *also]))

    def _load(self, load: Callable[[], Any], name: str) -> Any:
        try:
            return load()
        except Exception as error:
            raise AdapterProblem(
                f"the {self.role} adapter {name!r} of another package cannot be loaded: {error!r}",
                f"mend or remove the package that declares it in the entry points {self.group}",
            ) from error

    def create(self, adapter: Any, name: str, options: Mapping[str, str]) -> Any:
        """An adapter from its options. Raises `UsageProblem` for an option that it does not have."""
        valid: Mapping[str, str] = getattr(adapter, "OPTIONS", {})
        unknown = next((option for option in options if option not in valid), None)
        if unknown is None:
            return adapter.from_options(options) if valid else adapter()
        mend = nearest(unknown, valid) if valid else "it has no options; leave them out"
        raise UsageProblem(f"the {self.role} adapter {name!r} has no option {unknown!r}", mend)


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The mend: what was probably meant, and everything that exists."""
    everything = sorted(known)
    near = difflib.get_close_matches(wrong.lower(), everything, n=1, cutoff=0.5)
    return (f"did you mean {near[0]}? " if near else "") + f"it can be {', '.join(everything)}"
