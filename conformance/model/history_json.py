"""Histories as JSON: the form in which a counterexample is kept and run again, anywhere.

The reader refuses what it does not know, and says where it stands.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any

from conformance.model.folders import FolderPath, outermost_first
from conformance.model.history import (
    Act,
    AddFolder,
    AddObject,
    ChangeFlag,
    Edit,
    Follow,
    History,
    Interruption,
    MoveObject,
    RemoveFolder,
    RemoveObject,
    RenameFolder,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.objects import ObjectKind, StoredObject
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, Side, StoreState

Json = dict[str, Any]
_SIDES = {"local": Side.LOCAL, "server": Side.SERVER}
_SIDE_NAMES = {side: name for name, side in _SIDES.items()}


class UnreadableHistory(ValueError):
    """A text that is no history; the message says what is wrong, and where."""


def history_to_json(history: History) -> Json:
    """The base as a list of folders, and the steps as a list of objects that say what to `do`."""
    folders = [
        {"folder": list(path), "objects": [_item_to_json(item) for item in history.base.folders[path].values()]}
        for path in outermost_first(history.base.folders)
    ]
    return {"base": folders, "steps": [step_to_json(step) for step in history.steps]}


def step_to_json(step: Step) -> Json:
    """One step."""
    if isinstance(step, Synchronize):
        interruption = {} if step.interruption is None else {"interruption": _interruption_to_json(step.interruption)}
        return {"do": "synchronize", **interruption}
    if isinstance(step, Follow):
        return {"do": "follow policy", "policy": _policy_to_json(step.policy)}
    if isinstance(step, Renumber):
        return {"do": "renew UIDVALIDITY", "folder": list(step.path)}
    if isinstance(step, ReplaceDevice):
        return {"do": "replace device"}
    return _edit_to_json(step)


def _edit_to_json(edit: Edit) -> Json:
    common: Json = {"do": _EDIT_NAMES[type(edit)], "side": _SIDE_NAMES[edit.side], "folder": list(edit.path)}
    if isinstance(edit, AddObject):
        return common | {"object": _item_to_json(edit.item)}
    if isinstance(edit, ChangeFlag):
        return common | {"object": edit.name, "flag": edit.flag, "on": edit.on}
    if isinstance(edit, RemoveObject | MoveObject):
        common["object"] = edit.name
    if isinstance(edit, MoveObject | RenameFolder):
        common["to"] = list(edit.target)
    return common


_EDIT_NAMES: dict[type[Edit], str] = {
    AddObject: "add object",
    RemoveObject: "remove object",
    MoveObject: "move object",
    ChangeFlag: "change flag",
    AddFolder: "create folder",
    RemoveFolder: "remove folder",
    RenameFolder: "rename folder",
}


def _item_to_json(item: Item) -> Json:
    told = {"name": item.name, "kind": item.content.kind.value, **octets_to_json(item.content.octets)}
    return told | {"flags": sorted(item.flags)}


def octets_to_json(octets: bytes) -> Json:
    """The octets of an object, as they are if they are ASCII, else as BASE64."""
    return {"text": octets.decode()} if octets.isascii() else {"base64": base64.b64encode(octets).decode()}


def _interruption_to_json(each: Interruption) -> Json:
    told: Json = {"act": each.act.name.lower(), "place": each.place, "skip": each.skip}
    if each.act is Act.CUT_INSIDE:
        told["permille"] = each.permille
    if each.edits:
        told["edits"] = [_edit_to_json(edit) for edit in each.edits]
    return told


def _policy_to_json(policy: Policy) -> Json:
    return {
        "kinds": sorted(policy.kinds),
        "direction": policy.direction.value,
        "max_size": policy.max_size,
        "folders": None if policy.folders is None else [list(path) for path in sorted(policy.folders)],
    }


def history_from_json(told: object) -> History:
    """The history that was written. Raises `UnreadableHistory`."""
    read = _Reader(told, "history")
    base = StoreState()
    for each in read.each("base"):
        base = base.with_folder(each.path("folder"))
        base = base.put(each.path("folder"), *(_item(one) for one in each.each("objects")))
        each.finish()
    steps = tuple(_step(each) for each in read.each("steps"))
    read.finish()
    return History(base, steps)


class _Reader:
    """One JSON object being read; `finish` refuses what nobody asked for."""

    def __init__(self, told: object, where: str) -> None:
        if not isinstance(told, Mapping):
            raise UnreadableHistory(f"{where} is not a JSON object")
        self._told, self.where, self._known = told, where, set[str]()

    def value(self, key: str, kind: type | tuple[type, ...]) -> Any:
        self._known.add(key)
        if key not in self._told:
            raise UnreadableHistory(f"{self.where} has no {key!r}")
        value = self._told[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise UnreadableHistory(f"{self.where}: {key!r} cannot be {value!r}")
        return value

    def has(self, key: str) -> bool:
        return key in self._told

    def each(self, key: str) -> list[_Reader]:
        values = self.value(key, list)
        return [_Reader(value, f"{self.where}, {key} {number}") for number, value in enumerate(values, 1)]

    def one(self, key: str) -> _Reader:
        return _Reader(self.value(key, Mapping), f"{self.where}, {key}")

    def path(self, key: str) -> FolderPath:
        return self.levels(self.value(key, list), key)

    def levels(self, levels: object, key: str) -> FolderPath:
        if not isinstance(levels, list) or not levels or not all(isinstance(each, str) and each for each in levels):
            raise UnreadableHistory(f"{self.where}: {key!r} is not a list of folder levels: {levels!r}")
        return tuple(levels)

    def texts(self, key: str) -> list[str]:
        values = self.value(key, list)
        if not all(isinstance(value, str) for value in values):
            raise UnreadableHistory(f"{self.where}: {key!r} is not a list of texts: {values!r}")
        return list(values)

    def choice(self, key: str, choices: Collection[str]) -> str:
        value: str = self.value(key, str)
        if value not in choices:
            raise UnreadableHistory(f"{self.where}: {key!r} is {value!r}, not one of {', '.join(sorted(choices))}")
        return value

    def finish(self) -> None:
        unknown = set(self._told) - self._known
        if unknown:
            raise UnreadableHistory(f"{self.where}: unknown {', '.join(map(repr, sorted(map(str, unknown))))}")


def _item(read: _Reader) -> Item:
    kind = ObjectKind(read.choice("kind", [each.value for each in ObjectKind]))
    item = Item(read.value("name", str), StoredObject(kind, _octets(read)), frozenset(read.texts("flags")))
    read.finish()
    return item


def _octets(read: _Reader) -> bytes:
    if read.has("text"):
        text: str = read.value("text", str)
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(read.value("base64", str), validate=True)
    except ValueError:
        raise UnreadableHistory(f"{read.where}: 'base64' is not base64") from None


def _step(read: _Reader) -> Step:
    does = read.choice("do", _STEPS)
    step = _STEPS[does](read)
    read.finish()
    return step


def _edit(read: _Reader) -> Edit:
    does = read.choice("do", _EDITS)
    edit = _EDITS[does](read)
    read.finish()
    return edit


def _side(read: _Reader) -> Side:
    return _SIDES[read.choice("side", _SIDES)]


def _name(read: _Reader) -> str:
    name: str = read.value("object", str)
    return name


_EDITS: dict[str, Callable[[_Reader], Edit]] = {
    "add object": lambda read: AddObject(_side(read), read.path("folder"), _item(read.one("object"))),
    "remove object": lambda read: RemoveObject(_side(read), read.path("folder"), _name(read)),
    "move object": lambda read: MoveObject(_side(read), read.path("folder"), _name(read), read.path("to")),
    "change flag": lambda read: ChangeFlag(
        _side(read), read.path("folder"), _name(read), read.value("flag", str), read.value("on", bool)
    ),
    "create folder": lambda read: AddFolder(_side(read), read.path("folder")),
    "remove folder": lambda read: RemoveFolder(_side(read), read.path("folder")),
    "rename folder": lambda read: RenameFolder(_side(read), read.path("folder"), read.path("to")),
}


def _interruption(read: _Reader) -> Interruption:
    act = Act[read.choice("act", [each.name.lower() for each in Act]).upper()]
    interruption = Interruption(
        act,
        read.value("place", str),
        read.value("skip", int),
        read.value("permille", int) if read.has("permille") else 500,
        tuple(map(_edit, read.each("edits"))) if read.has("edits") else (),
    )
    read.finish()
    return interruption


def _policy(read: _Reader) -> Policy:
    kinds = read.texts("kinds")
    unknown = set(kinds) - {each.value for each in ObjectKind}
    if unknown:
        raise UnreadableHistory(f"{read.where}: unknown kinds {sorted(unknown)}")
    folders = read.value("folders", (list, type(None)))
    policy = Policy(
        frozenset(map(ObjectKind, kinds)),
        Direction(read.choice("direction", [each.value for each in Direction])),
        read.value("max_size", (int, type(None))),
        None if folders is None else frozenset(read.levels(each, "folders") for each in folders),
    )
    read.finish()
    return policy


_STEPS: dict[str, Callable[[_Reader], Step]] = {
    **_EDITS,
    "synchronize": lambda read: Synchronize(
        _interruption(read.one("interruption")) if read.has("interruption") else None
    ),
    "follow policy": lambda read: Follow(_policy(read.one("policy"))),
    "renew UIDVALIDITY": lambda read: Renumber(read.path("folder")),
    "replace device": lambda _: ReplaceDevice(),
}
