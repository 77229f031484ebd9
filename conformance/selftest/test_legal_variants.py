"""Legal variants of clients and servers: what an implementer may do otherwise is found wrong by no test case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.configuration import Profile
from conformance.faults.implementations import BOUNDS
from conformance.faults.legal_clients import LEGAL_CLIENTS, LegalClient
from conformance.faults.legal_servers import LEGAL_SERVERS, LegalServer
from conformance.faults.trial import Run, run
from conformance.outcomes import Outcome
from conformance.scenario.stage import Stage
from conformance.servers.simulation import SimulatedServer
from conformance.spec import Role

OF_CLIENTS = ("second-synchronization-changes-nothing", "different-flags-changed-on-both-sides", "two-clients")
OF_SERVERS = ("OP02-S1", "OP04-S3")
QUIET = (Outcome.PASS, Outcome.NOT_APPLICABLE)
