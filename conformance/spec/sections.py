"""The sections of the CPM System Description that 5.5.2.20 consists of or cites, by number."""

from __future__ import annotations

SECTIONS = {
    "5.5.2.2": "Set active folder",
    "5.5.2.3": "Store object",
    "5.5.2.4": "Fetch object",
    "5.5.2.6": "Remove object",
    "5.5.2.8": "Create folder",
    "5.5.2.9": "List folders",
    "5.5.2.11": "Remove folder",
    "5.5.2.13": "Update metadata",
    "5.5.2.20": "Synchronization",
}


def section_of(clause: str) -> str:
    """The number of the section that a clause stands in: `5.5.2.20` of `5.5.2.20-3c`."""
    return clause.partition("-")[0]


def heading(clause: str) -> str:
    """A section or clause with the title of the section, or alone where the title is not known."""
    return f"{clause} {SECTIONS.get(section_of(clause), '')}".strip()
