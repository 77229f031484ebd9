"""What test cases are written with: the judge, the two sides of a synchronization, and the scenario that joins them."""
