"""The command line `dactl`; `docassemble_client.__main__` runs it."""
