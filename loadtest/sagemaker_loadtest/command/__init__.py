"""The command line: what a person says and sees."""
