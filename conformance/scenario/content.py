"""The content that test cases start from: named items of every kind, and the usual base."""

from __future__ import annotations

from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, StoredObject, group_state, of_kind, session_info
from conformance.model.states import Item, StoreState

CONVERSATION: FolderPath = ("Conversation",)
ARCHIVE: FolderPath = ("Archive",)
SESSION: FolderPath = ("Conversation", "contribution-7")

KINDS: dict[str, ObjectKind] = {
    "message": ObjectKind.MESSAGE,
    "file-transfer": ObjectKind.FILE_TRANSFER,
    "session-info": ObjectKind.SESSION_INFO,
    "group-state": ObjectKind.GROUP_STATE,
    "media-object": ObjectKind.MEDIA,
}


def item(name: str, *flags: str, kind: ObjectKind = ObjectKind.MESSAGE) -> Item:
    """An object of a kind whose content is unlike that of any other name."""
    return Item(name, of_kind(kind, name), frozenset(flags))


def holding(name: str, content: StoredObject, *flags: str) -> Item:
    """An item with a given content."""
    return Item(name, content, frozenset(flags))


def messages(*names: str) -> tuple[Item, ...]:
    """CPM Messages of these names."""
    return tuple(item(name) for name in names)


def folder(path: FolderPath, *items: Item, within: StoreState | None = None) -> StoreState:
    """A state with one more folder that holds these items."""
    return (within or StoreState()).with_folder(path).put(path, *items)


def usual_base() -> StoreState:
    """Two folders with two objects each, the least that the requirements ask for."""
    state = folder(CONVERSATION, *messages("message-1", "message-2"))
    return folder(ARCHIVE, item("message-3"), item("transfer-4", kind=ObjectKind.FILE_TRANSFER), within=state)


def session_history() -> dict[FolderPath, tuple[Item, ...]]:
    """A CPM Session History: a folder in its conversation's folder, with session info, content and group states."""
    return {
        CONVERSATION: (item("message-20"),),
        SESSION: (
            holding("session-21", session_info("session-21")),
            item("message-22"),
            item("message-23"),
            item("transfer-24", kind=ObjectKind.FILE_TRANSFER),
            holding("group-state-25", group_state("group-state-25")),
            holding("group-state-26", group_state("group-state-26")),
        ),
    }
