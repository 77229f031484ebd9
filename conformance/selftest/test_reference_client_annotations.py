"""The reference client's annotations of folders: brought together, silently when nothing changed, and after any end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.imap.view import Entry
from conformance.model.policy import Direction, Policy
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import A, B, Countdown, Pair, cut_off, every_step, item
from conformance.servers.protocol import StorageServer
from conformance.servers.reference import ReferenceStorageServer

PRIVATE, SHARED = "/private/comment", "/shared/comment"
OWN = "/private/vendor/example/colour"
