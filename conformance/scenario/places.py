"""The places in a synchronization where something can happen: kinds of units on the wire, by what is said there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of unit: a command, an untagged response, the tagged answer to a command, or any unit at all.

    `pattern` is matched, letter case ignored, against a command or a response without its tag or asterisk.
    """

    told: str
    kind: Literal["command", "untagged", "answer", "any"]
    pattern: bytes


_BODY_FETCH = rb"(UID )?FETCH .*(BODY(\.PEEK)?\[[]T0-9]|BINARY|RFC822[ )\r])"
_OTHER_FETCH = rb"(?!" + _BODY_FETCH + rb")(UID )?FETCH "
_LIST = rb"LIST (?!\"\" \"\"\r\n)"
_EXPUNGE = rb"((UID )?EXPUNGE|CLOSE)"
_MARK = rb"(UID )?STORE .*\\Deleted"

LIST_COMMAND = Place("LIST", "command", _LIST)
LIST_RESPONSE = Place("a line of the list of folders", "untagged", rb"X?LIST ")
LIST_ANSWER = Place("the answer to LIST", "answer", _LIST)
SELECT_COMMAND = Place("the selection of a folder", "command", rb"(SELECT|EXAMINE) ")
SELECT_ANSWER = Place("the answer to the selection of a folder", "answer", rb"(SELECT|EXAMINE) ")
FETCH_COMMAND = Place("the request of a body", "command", _BODY_FETCH)
BODY_RESPONSE = Place("a body", "untagged", rb"\d+ FETCH .*(BODY\[[]T0-9]|BINARY\[|RFC822 )")
FETCH_ANSWER = Place("the answer after the bodies", "answer", _BODY_FETCH)
APPEND_COMMAND = Place("a store", "command", rb"APPEND ")
APPEND_ANSWER = Place("the answer to a store", "answer", rb"APPEND ")
CREATE_COMMAND = Place("CREATE", "command", rb"CREATE ")
CREATE_ANSWER = Place("the answer to CREATE", "answer", rb"CREATE ")
DELETE_COMMAND = Place("DELETE", "command", rb"DELETE ")
DELETE_ANSWER = Place("the answer to DELETE", "answer", rb"DELETE ")
MARK_ANSWER = Place("the answer to the mark for removal", "answer", _MARK)
MARK_COMMAND = Place("the mark for removal", "command", _MARK)
STORE_COMMAND = Place("a change of flags", "command", rb"(UID )?STORE ")
MOVING_ANSWER = Place("the answer to the first half of a move", "answer", rb"((UID )?(COPY|MOVE)|APPEND) ")
LOGIN_ANSWER = Place("the answer to the login", "answer", rb"(LOGIN|AUTHENTICATE) ")
STORE_ANSWER = Place("the answer to a change of flags", "answer", rb"(UID )?STORE ")
EXPUNGE_COMMAND = Place("the expunge", "command", _EXPUNGE)
EXPUNGE_ANSWER = Place("the answer to the expunge", "answer", _EXPUNGE)
EXPUNGE_ALONE = Place("EXPUNGE", "command", rb"(UID )?EXPUNGE")
METADATA_COMMAND = Place("a request of metadata", "command", _OTHER_FETCH)
METADATA_RESPONSE = Place("the metadata of an object", "untagged", rb"\d+ FETCH (?!.*(BODY\[|BINARY\[|RFC822 ))")
METADATA_ANSWER = Place("the answer to a request of metadata", "answer", _OTHER_FETCH)
LOGIN_COMMAND = Place("the login", "command", rb"(LOGIN|AUTHENTICATE) ")
LOGOUT_COMMAND = Place("LOGOUT", "command", rb"LOGOUT")
ANY_COMMAND = Place("a command", "command", b"")
ANY_UNIT = Place("a unit", "any", b"")

PLACES = {each.told: each for each in tuple(globals().values()) if isinstance(each, Place)}
"""The places by the words that a history uses for them."""
