"""What this script shows, as the suite wrote it down: the history step by step, with what has to hold after each."""

DATA = "{}"
