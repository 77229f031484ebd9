"""`python -m conformance.spec`: check the shipped specification; exit 1 if anything is wrong."""

from __future__ import annotations

import sys
from collections import Counter

from conformance.spec.loading import requirement_set_digest, requirements
from conformance.spec.verification import verify


def main() -> int:
    """Print every problem, and the counts by role and level."""
    problems = verify()
    lines = [str(problem) for problem in problems]
    counts = Counter((role.value, record.level.value) for record in requirements() for role in record.roles)
    lines += [f"{role:8} {level:12} {count:4}" for (role, level), count in sorted(counts.items())]
    lines.append(f"{len(requirements())} requirements, {len(problems)} problems, set {requirement_set_digest()[:16]}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
