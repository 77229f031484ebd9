"""Folders of the reference server: CREATE, DELETE, RENAME, LIST, LSUB, annotations (RFC 3501 section 6.3, RFC 5464)."""

from __future__ import annotations

import pytest

from conformance.reference.server import Behaviour
from conformance.selftest.reference_server_driver import Driver, Site


def driver_with(*names: str, behaviour: Behaviour | None = None) -> Driver:
    """A session of an account that has these folders."""
    driver = Site(behaviour).driver()
    for name in names:
        driver.ok(f'CREATE "{name}"')
    return driver


def listed(driver: Driver, pattern: str, reference: str = "") -> dict[str, set[str]]:
    """Names and attributes of a LIST."""
    lines = driver.ok(f'LIST "{reference}" "{pattern}"').named(b"LIST")
    found = {}
    for line in lines:
        attributes, _, rest = line.decode().removeprefix("LIST (").partition(") ")
        found[rest.split(" ", 1)[1].strip('"')] = set(attributes.split())
    assert len(found) == len(lines)
    return found


def test_create_makes_superiors_and_strips_the_delimiter() -> None:
    """`a/` makes `a`; `x/y` makes a level `x` that cannot be selected until it is created itself (section 6.3.3)."""
    driver = driver_with("a/", "x/y")
    assert listed(driver, "*") == {
        "INBOX": {"\\HasNoChildren"},
        "a": {"\\HasNoChildren"},
        "x": {"\\Noselect", "\\HasChildren"},
        "x/y": {"\\HasNoChildren"},
    }
    assert driver.send("SELECT x").status == "NO"
    driver.ok("CREATE x")
    assert listed(driver, "x") == {"x": {"\\HasChildren"}}
    driver.ok("CREATE a/b")


@pytest.mark.parametrize("name", ["INBOX", "inbox", "a", "&", "Caf\xe9", "a//b", ""])
def test_create_that_must_fail(name: str) -> None:
    """INBOX, extant names, bad modified UTF-7 and raw 8-bit names are refused with NO, and nothing changes."""
    driver = driver_with("a")
    before = listed(driver, "*")
    assert driver.send(f'CREATE "{name}"').status == "NO"
    assert listed(driver, "*") == before


def test_modified_base64_is_kept_octet_for_octet() -> None:
    """`&AOk-` and `&aOk-` are two names, listed as they were created (section 5.1.3)."""
    for case in ("sensitive", "insensitive", "lower", "upper"):
        driver = driver_with("&AOk-", "&aOk-", behaviour=Behaviour(name_case=case))
        assert {"&AOk-", "&aOk-"} <= set(listed(driver, "*"))


def test_delete_keeps_inferiors() -> None:
    """The messages go, the name stays as a level; deleting that level, INBOX or an unknown name fails (6.3.4)."""
    driver = driver_with("a", "a/b")
    driver.append("a")
    driver.ok("DELETE a")
    assert listed(driver, "%")["a"] == {"\\Noselect", "\\HasChildren"}
    assert listed(driver, "a/b") == {"a/b": {"\\HasNoChildren"}}
    for name in ("a", "INBOX", "Inbox", "nowhere"):
        assert driver.send(f"DELETE {name}").status == "NO", name
    driver.ok("CREATE a")
    assert driver.ok("SELECT a").exists() == 0
    driver.ok("DELETE a/b")
    driver.ok("DELETE a")
    assert set(listed(driver, "*")) == {"INBOX"}


def test_recreated_folder_never_reuses_identifiers() -> None:
    """DELETE and CREATE at once still give a greater UIDVALIDITY."""
    driver = driver_with("a")
    seen = set()
    for _ in range(3):
        answer = driver.append("a")
        assert answer.text not in seen
        seen.add(answer.text)
        driver.ok("DELETE a")
        driver.ok("CREATE a")
    assert driver.ok("SELECT a").code("UIDVALIDITY") == 5


def test_rename() -> None:
    """Inferiors move along, superiors are made, extant and unknown names and own inferiors are refused (6.3.5)."""
    driver = driver_with("a", "a/b", "c", "ab")
    driver.append("a")
    driver.ok("RENAME a x/y")
    assert set(listed(driver, "*")) == {"INBOX", "ab", "c", "x", "x/y", "x/y/b"}
    assert driver.ok("SELECT x/y").exists() == 1
    for command in ("RENAME c ab", "RENAME c x", "RENAME nowhere z", "RENAME c c/d", "RENAME c INBOX", "RENAME c &"):
        assert driver.send(command).status == "NO", command
    driver.ok("RENAME x z")
    assert set(listed(driver, "*")) == {"INBOX", "ab", "c", "z", "z/y", "z/y/b"}


def test_rename_of_inbox_moves_its_messages() -> None:
    """INBOX stays, empty; its inferiors stay where they are (section 6.3.5)."""
    driver = driver_with("INBOX/sub")
    driver.append()
    driver.ok("RENAME inbox old")
    assert set(listed(driver, "*")) == {"INBOX", "INBOX/sub", "old"}
    assert driver.ok("SELECT old").exists() == 1
    answer = driver.ok("SELECT INBOX")
    assert (answer.exists(), answer.code("UIDNEXT")) == (0, 2)


def test_list_patterns() -> None:
    """`%` stops at the delimiter, `*` does not, names match from end to end (section 6.3.8)."""
    driver = driver_with("A", "AB", "A/B", "B", "A/B/C")
    assert set(listed(driver, "A%")) == {"A", "AB"}
    assert set(listed(driver, "A")) == {"A"}
    assert set(listed(driver, "A*")) == {"A", "AB", "A/B", "A/B/C"}
    assert set(listed(driver, "%/%")) == {"A/B"}
    assert set(listed(driver, "%", reference="A/")) == {"A/B"}
    assert set(listed(driver, "iNbOx")) == {"INBOX"}
    assert set(listed(driver, "*C")) == {"A/B/C"}
    assert listed(driver, "nowhere") == {}
    assert driver.ok('LIST "" ""').untagged == [b'LIST (\\Noselect) "/" ""']


def test_many_wildcards_take_no_time() -> None:
    """A pattern of alternating wildcards cannot make matching slow."""
    driver = driver_with("a" * 200)
    assert listed(driver, "%*a" * 60 + "b") == {}


def test_every_printable_name_survives() -> None:
    """A name listed can be sent back octet for octet (section 7.2.2), also where it looks like syntax."""
    names = ["NIL", "a b", 'quo\\"te', "back\\\\slash", "{5}", "(x)", "%", "*", "]", " lead", "trail ", "x" * 200]
    driver = driver_with(*names)
    for line in driver.ok('LIST "" "*"').named(b"LIST"):
        name = line.split(b'"/" ', 1)[1]
        assert driver.ok(b"SELECT " + name).text.startswith("[READ-WRITE]")


def test_name_styles() -> None:
    """Names come as atoms, quoted or as literals, as the behaviour says."""
    shown = {
        style: driver_with("a", "b c", behaviour=Behaviour(name_style=style)).ok('LIST "" "*"').untagged[1:]
        for style in ("atom", "quoted", "literal")
    }
    assert [line.split(b'"/" ')[1] for line in shown["atom"]] == [b"a", b'"b c"']
    assert [line.split(b'"/" ')[1] for line in shown["quoted"]] == [b'"a"', b'"b c"']
    assert [line.split(b'"/" ')[1] for line in shown["literal"]] == [b"{1}\r\na", b"{3}\r\nb c"]


def test_delimiters_and_prefix() -> None:
    """Another delimiter, a prefix, or no hierarchy at all: one rule for every name (section 7.2.2)."""
    dotted = driver_with("INBOX.a.b", behaviour=Behaviour(delimiter=".", personal_prefix="INBOX."))
    assert dotted.ok("NAMESPACE").untagged == [b'NAMESPACE (("INBOX." ".")) NIL NIL']
    assert set(listed(dotted, "*")) == {"INBOX", "INBOX.a", "INBOX.a.b"}
    assert dotted.send("CREATE a").status == "NO"
    flat = driver_with("a/b", behaviour=Behaviour(delimiter=None))
    assert flat.ok('LIST "" "%"').untagged[1] == b'LIST (\\HasNoChildren) NIL "a/b"'
    assert flat.ok("NAMESPACE").untagged == [b'NAMESPACE (("" NIL)) NIL NIL']


def test_levels_may_be_hidden_from_the_star() -> None:
    """The second example of section 6.3.4: `*` does not show a level that is no folder, `%` does."""
    driver = driver_with("a/b", behaviour=Behaviour(noselect_matches_star=False))
    assert set(listed(driver, "*")) == {"INBOX", "a/b"}
    assert set(listed(driver, "%")) == {"INBOX", "a"}


def test_subscriptions() -> None:
    """LSUB shows what is subscribed, also after DELETE; with `%` the levels above, too (sections 6.3.6 to 6.3.9)."""
    driver = driver_with("a", "b/c")
    driver.ok("SUBSCRIBE a")
    driver.ok("SUBSCRIBE b/c")
    driver.ok("DELETE a")
    assert driver.ok('LSUB "" "*"').untagged == [b'LSUB () "/" "a"', b'LSUB () "/" "b/c"']
    assert driver.ok('LSUB "" "%"').untagged == [b'LSUB () "/" "a"', b'LSUB (\\Noselect) "/" "b"']
    assert driver.ok('LIST (SUBSCRIBED) "" "*"').untagged == [
        b'LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "a"',
        b'LIST (\\Subscribed \\HasNoChildren) "/" "b/c"',
    ]
    driver.ok("UNSUBSCRIBE a")
    assert driver.send("UNSUBSCRIBE a").status == "NO"
    assert driver.ok('LIST (RECURSIVEMATCH SUBSCRIBED) "" "%"').untagged == [
        b'LIST (\\Noselect \\HasChildren) "/" "b" ("CHILDINFO" ("SUBSCRIBED"))'
    ]


def test_extended_list() -> None:
    """Several patterns, attributes asked for, and STATUS for each folder that can be selected (RFCs 5258 and 5819)."""
    driver = driver_with("a/b", "c")
    driver.append("c")
    answer = driver.ok('LIST "" (INBOX c "a%") RETURN (CHILDREN STATUS (MESSAGES UIDNEXT HIGHESTMODSEQ))')
    assert answer.untagged == [
        b'LIST (\\HasNoChildren) "/" "INBOX"',
        b'STATUS "INBOX" (MESSAGES 0 UIDNEXT 1 HIGHESTMODSEQ 1)',
        b'LIST (\\Noselect \\HasChildren) "/" "a"',
        b'LIST (\\HasNoChildren) "/" "c"',
        b'STATUS "c" (MESSAGES 1 UIDNEXT 2 HIGHESTMODSEQ 2)',
    ]
    assert driver.send('LIST (NONSENSE) "" *').status == "BAD"
    assert driver.send('LIST "" * RETURN (NONSENSE)').status == "BAD"


def test_annotations() -> None:
    """Values are set, replaced and removed by NIL; entries do not mind case; each folder has its own (RFC 5464)."""
    driver = driver_with("a")
    driver.ok('SETMETADATA a (/private/Comment "one" /shared/comment {3+}\r\ntwo)')
    answer = driver.ok("GETMETADATA a (/private/comment /shared/comment /private/none)")
    assert answer.untagged == [b'METADATA "a" (/private/comment "one" /shared/comment "two" /private/none NIL)']
    driver.ok("SETMETADATA a (/private/comment NIL)")
    assert driver.ok("GETMETADATA a /PRIVATE/COMMENT").untagged == [b'METADATA "a" (/private/comment NIL)']
    assert driver.ok("GETMETADATA INBOX /shared/comment").untagged == [b'METADATA "INBOX" (/shared/comment NIL)']
    driver.ok('SETMETADATA "" (/shared/comment "server")')
    assert driver.ok('GETMETADATA "" /shared/comment').untagged == [b'METADATA "" (/shared/comment "server")']


def test_annotation_options_and_limits() -> None:
    """DEPTH, MAXSIZE, values with NUL, and what is refused: all changes of a command or none (RFC 5464 section 4)."""
    driver = driver_with("a", behaviour=Behaviour(max_annotation=1024))
    driver.ok('SETMETADATA a (/private/x/y "1" /private/x/y/z "22" /private/x/q ~{2+}\r\n\0\1)')
    assert driver.ok("GETMETADATA (DEPTH 1) a /private/x").untagged == [
        b'METADATA "a" (/private/x/q ~{2}\r\n\0\1 /private/x/y "1")'
    ]
    answer = driver.ok("GETMETADATA a (DEPTH infinity MAXSIZE 1) (/private/x)")
    assert answer.untagged == [b'METADATA "a" (/private/x/y "1")']
    assert answer.text.startswith("[METADATA LONGENTRIES 2]")
    refused = driver.send('SETMETADATA a (/private/x/y "9" /private/b {1025+}\r\n' + "b" * 1025 + ")")
    assert (refused.status, refused.text[:23]) == ("NO", "[METADATA MAXSIZE 1024]")
    assert driver.ok("GETMETADATA a /private/x/y").untagged == [b'METADATA "a" (/private/x/y "1")']
    for entry in ("/private/a*", "/private//a", "/private/a/", "private/a", "/other/a"):
        assert driver.send(f'SETMETADATA a ("{entry}" "v")').status == "BAD", entry
    assert driver.send("GETMETADATA nowhere /private/comment").status == "NO"


def test_annotations_follow_their_folder() -> None:
    """They move with RENAME, are copied with INBOX and gone with DELETE (RFC 5464 section 4.1)."""
    driver = driver_with("a")
    for name in ("a", "INBOX"):
        driver.ok(f'SETMETADATA {name} (/private/comment "{name}")')
    driver.ok("RENAME a b")
    driver.ok("RENAME INBOX c")
    for name, value in (("b", "a"), ("c", "INBOX"), ("INBOX", "INBOX")):
        assert f'"{value}")'.encode() in driver.ok(f"GETMETADATA {name} /private/comment").untagged[0]
    driver.ok("DELETE b")
    driver.ok("CREATE b")
    assert b"NIL" in driver.ok("GETMETADATA b /private/comment").untagged[0]


def test_annotations_raise_the_mod_sequence() -> None:
    """RFC 7162 section 3.2: SETMETADATA raises the folder's mod-sequence."""
    driver = driver_with("a")
    before = driver.ok("SELECT a").code("HIGHESTMODSEQ")
    driver.ok('SETMETADATA a (/private/comment "x")')
    assert driver.ok("SELECT a").code("HIGHESTMODSEQ") > before
