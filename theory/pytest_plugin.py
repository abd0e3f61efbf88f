"""pytest: each claim and each of its mutants is an item of its own."""
