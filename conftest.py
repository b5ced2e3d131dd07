"""Pytest reads the tests folder only: `nets` and `verification` are modules of `pide`, reached through its symlinks."""

collect_ignore = ["nets", "verification", "pide", "examples", "benchmarks", "docs"]
