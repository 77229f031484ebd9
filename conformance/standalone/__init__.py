"""The script that shows one counterexample without the suite: parts on the standard library alone, joined to one file.

`conformance.scenario.script` joins them. The result has to run on Python 3.9, so they use nothing that is newer.
"""
