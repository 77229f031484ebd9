"""report.html: one self-contained page that reads from the verdict down to the wire line that decided it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from jinja2.loaders import FileSystemLoader
from markupsafe import Markup, escape

from conformance.report import wording
from conformance.report.html_view import Page
from conformance.report.model import Report
from conformance.report.text import cut, one_line, pieces
from conformance.report.transcripts import Transcripts, link_to

_TEMPLATES = Path(__file__).with_name("templates")
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 4_000


def html(report: Report, directory: Path | None = None) -> str:
    """The page. Transcripts are read below `directory`, where report.json stands."""
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(shown=shown, plain=one_line, anchor=anchor, link=link_to, word=wording.word)
    script = _asset("report.js")
    page = environment.get_template("report.html.j2").render(
        page=Page(report, Transcripts(directory)),
        wording=wording,
        css=Markup(_asset("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page + "\n"


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def shown(value: Any, limit: int = _LONGEST) -> Markup:
    """Text of unknown origin: escaped, unseen characters as marked code points, cut at `limit` characters."""
    text, rest = cut(str(value), limit)
    marked = Markup().join(
        Markup('<span class="unseen">{}</span>').format(piece) if unseen else escape(piece)
        for piece, unseen in pieces(text)
    )
    return marked + Markup(' <span class="rest">{}</span>').format(rest) if rest else marked


def anchor(text: str, kind: str) -> str:
    """A different id for every different text of one kind, fit for a link."""
    return f"{kind}-" + _NOT_IN_AN_ID.sub(lambda found: f".{ord(found[0]):x}.", text)
