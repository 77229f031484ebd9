"""What the faults of 5.5.2.6 replace: removal that takes too much or too little, or is told wrongly."""

from __future__ import annotations

from conformance.faults.hooks import Hook
from conformance.faults.server import removal

HOOKS = {
    "one-marked-object-stays": Hook(mailbox=removal.marking(lambda marked, _: marked[:-1])),
    "closing-tells-removals": Hook(commands={"CLOSE": removal.close_that_tells}),
}
