"""`python -m conformance` is the command `cpm-conformance`."""

from conformance.cli import main

main()
