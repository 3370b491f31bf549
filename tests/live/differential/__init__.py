"""Sends the same random calls to a real server and to the fake server, and compares the responses.

`python -m tests.live.differential --calls 1000` compares with the server of `tests.live.server`.
It deletes what it creates, restarts nothing and installs nothing.
"""
