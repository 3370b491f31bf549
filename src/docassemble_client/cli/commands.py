"""The commands and their modules, each of which is loaded when its command is used."""

from __future__ import annotations

COMMANDS = {
    "doctor": ("server:doctor", "Check the server, its address and your API key."),
    "profile": ("profile:app", "Save servers and their API keys under a name."),
    "deploy": ("package:deploy", "Install a package on the server, and verify it."),
    "package": ("package:app", "List, uninstall and download packages."),
    "project": ("project:app", "Work in a project of the Playground: sync, watch, download."),
    "interview": ("interview:app", "List and check interviews."),
    "run": ("run:run", "Run an interview with answers, and save its documents."),
    "batch": ("batch:batch", "Run an interview for each row of a file."),
    "link": ("run:link", "Create a link to a prefilled session for a person."),
    "session": ("session:app", "List, export and clean up sessions."),
    "user": ("user:app", "List, create and delete users."),
    "key": ("key:app", "List, create and delete API keys."),
    "config": ("config:app", "Read and change the configuration of the server."),
    "server": ("server:app", "Health and restarts of the server."),
    "task": ("task:app", "Wait for a restart or an installation."),
    "file": ("file:app", "Download and inspect files."),
    "call": ("call:app", "Call any operation of the API."),
    "api": ("api:api", "Call an endpoint that no operation covers."),
    "fake": ("fake:app", "Serve a docassemble in memory."),
    "completion": ("completion:app", "Complete commands in your shell."),
}
"""Modules and descriptions of the commands."""
