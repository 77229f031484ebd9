"""The execution of a run inside pytest: the stage is opened, cases are selected, results are gathered and reported."""
