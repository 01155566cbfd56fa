"""The scripts that are run are no tests."""

collect_ignore = ["programs"]
