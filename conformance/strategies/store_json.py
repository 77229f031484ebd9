"""Sequences of storage steps as JSON: the form in which a counterexample is kept and run again, anywhere.

Each step is one object that says what to `do`; fields that have their usual value are left out. The reader refuses what
it does not know, and says where it stands and what would do.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from conformance.model.history_json import Json, octets_to_json
from conformance.model.objects import ObjectKind, StoredObject
from conformance.model.states import Item
from conformance.model.stored import FlagChange
from conformance.strategies.store_steps import (
    Append,
    By,
    Change,
    Close,
    Copy,
    Create,
    Delete,
    Ending,
    Expunge,
    Interrupt,
    Leaving,
    Listing,
    Look,
    Looking,
    Move,
    Read,
    Reading,
    Reconnect,
    Rename,
    Resync,
    Resynchronizing,
    Search,
    Status,
    Step,
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a value is written and read; `wanted` says what it has to be."""

    wanted: str
    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


def _fail(place: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"{place} is {value!r}; it has to be {wanted}")


def _plain(wanted: str, is_right: Callable[[Any], bool]) -> _Form:
    """A value that JSON has itself."""

    def read(value: Any, place: str) -> Any:
        if not is_right(value):
            raise _fail(place, wanted, value)
        return value

    return _Form(wanted, lambda value: value, read)


def _one_of(choices: Sequence[str]) -> _Form:
    return _plain(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)


def _texts(wanted: str, make: Callable[[list[str]], Any], *, may_be_empty: bool = False) -> _Form:
    """A list of texts, none of them empty."""

    def read(value: Any, place: str) -> Any:
        right = isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        if not right or not (value or may_be_empty):
            raise _fail(place, wanted, value)
        return make(value)

    return _Form(wanted, lambda value: sorted(value) if isinstance(value, frozenset) else list(value), read)


def _read_items(value: Any, place: str) -> tuple[Item, ...]:
    if not isinstance(value, list) or not value:
        raise _fail(place, "a list of objects, at least one", value)
    return tuple(_read_item(each, f"{place}[{number}]") for number, each in enumerate(value))


def _write_item(item: Item) -> Json:
    flags = {"flags": sorted(item.flags)} if item.flags else {}
    return {"name": item.name, "kind": item.content.kind.value, **octets_to_json(item.content.octets), **flags}


def _read_item(value: Any, place: str) -> Item:
    told = _object(value, place)
    _refuse_unknown(told, {"name", "kind", "text", "base64", "flags"}, place)
    name = _NAME.read(_needed(told, "name", place), f"{place}.name")
    kind = _KIND.read(told.get("kind", ObjectKind.MESSAGE.value), f"{place}.kind")
    flags = _FLAGS.read(told.get("flags", []), f"{place}.flags")
    return Item(name, StoredObject(ObjectKind(kind), _octets(told, place)), flags)


def _octets(told: Mapping[str, Any], place: str) -> bytes:
    if ("text" in told) == ("base64" in told):
        raise ValueError(f"{place} has to have either 'text' or 'base64', the octets of the object")
    if "text" in told:
        return str(_TEXT.read(told["text"], f"{place}.text")).encode()
    coded = _TEXT.read(told["base64"], f"{place}.base64")
    try:
        return base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        raise _fail(f"{place}.base64", "BASE64", coded) from None


_TEXT = _plain("a text", lambda value: isinstance(value, str))
_NAME = _plain("a text that is not empty", lambda value: isinstance(value, str) and value != "")
_NUMBER = _plain("a number from 0 on", lambda value: type(value) is int and value >= 0)
_TRUTH = _plain("true or false", lambda value: isinstance(value, bool))
_KIND = _one_of([kind.value for kind in ObjectKind])
_FLAGS = _texts("a list of flags", frozenset, may_be_empty=True)
_PATH = _texts("a list of the levels of a folder's path, none of them empty", tuple)
_NAMES = _texts("a list of names of objects, at least one", tuple)
_BY = _one_of(get_args(By))

_FIELDS: dict[str, tuple[str, _Form]] = {
    "session": ("session", _NUMBER),
    "path": ("folder", _PATH),
    "to": ("to", _PATH),
    "names": ("objects", _NAMES),
    "items": ("objects", _Form("a list of objects", lambda items: [_write_item(each) for each in items], _read_items)),
    "octets": ("octets", _NUMBER),
    "flags": ("flags", _FLAGS),
    "flag": ("flag", _TEXT),
    "by": ("by", _BY),
    "silent": ("silent", _TRUTH),
    "unchanged": ("unchanged", _TRUTH),
    "examine": ("examine", _TRUTH),
    "has": ("has", _TRUTH),
    "what": ("what", _one_of(get_args(Reading))),
}
_HOW: dict[type, _Form] = {
    Change: _one_of(get_args(FlagChange)),
    Close: _one_of(get_args(Leaving)),
    Look: _one_of(get_args(Looking)),
    Resync: _one_of(get_args(Resynchronizing)),
    Reconnect: _one_of(get_args(Ending)),
}
_DO: dict[str, type[Step]] = {
    "create": Create,
    "delete": Delete,
    "rename": Rename,
    "append": Append,
    "interrupt": Interrupt,
    "copy": Copy,
    "move": Move,
    "change": Change,
    "expunge": Expunge,
    "close": Close,
    "read": Read,
    "look": Look,
    "resync": Resync,
    "search": Search,
    "status": Status,
    "list": Listing,
    "reconnect": Reconnect,
}
_NAMES_OF_STEPS = {kind: name for name, kind in _DO.items()}


def steps_to_json(steps: Iterable[Step]) -> list[Json]:
    """The steps as JSON objects."""
    return [_step_to_json(step) for step in steps]


def steps_from_json(told: object) -> tuple[Step, ...]:
    """The steps that were written. Raises `ValueError` that says where something is wrong and what has to be there."""
    if not isinstance(told, list):
        raise _fail("steps", "a list of steps", told)
    return tuple(_step_from_json(each, f"steps[{number}]") for number, each in enumerate(told))


def _step_to_json(step: Step) -> Json:
    told: Json = {"do": _NAMES_OF_STEPS[type(step)]}
    for each in dataclasses.fields(step):
        value = getattr(step, each.name)
        if value != each.default:
            key, form = _field(type(step), each.name)
            told[key] = form.write(value)
    return told


def _step_from_json(value: object, place: str) -> Step:
    told = _object(value, place)
    do = _one_of(list(_DO)).read(_needed(told, "do", place), f"{place}.do")
    kind = _DO[do]
    forms = {each.name: (each, *_field(kind, each.name)) for each in dataclasses.fields(kind)}
    _refuse_unknown(told, {"do", *(key for _, key, _ in forms.values())}, place)
    values: Json = {}
    for name, (each, key, form) in forms.items():
        if key in told:
            values[name] = form.read(told[key], f"{place}.{key}")
        elif each.default is dataclasses.MISSING:
            raise ValueError(f"{place} has no {key!r}; it has to be {form.wanted}")
    return kind(**values)


def _field(kind: type[Step], name: str) -> tuple[str, _Form]:
    return ("how", _HOW[kind]) if name == "how" else _FIELDS[name]


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _fail(place, "a JSON object", value)
    return value


def _needed(told: Mapping[str, Any], key: str, place: str) -> Any:
    if key not in told:
        raise ValueError(f"{place} has no {key!r}; it has to be there")
    return told[key]


def _refuse_unknown(told: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = sorted(set(told) - known)
    if unknown:
        raise ValueError(f"{place} has {unknown[0]!r}, which is not known there; known are {', '.join(sorted(known))}")
