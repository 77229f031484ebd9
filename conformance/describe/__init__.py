"""The test specification: every test case in OMA ETS form, the SCR tables, and the EICS form."""
