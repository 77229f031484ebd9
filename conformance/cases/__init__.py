"""The test cases, one file a clause group. Each says in one sentence what a conforming implementation does."""
