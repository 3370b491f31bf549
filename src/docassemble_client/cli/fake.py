"""The command fake."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from docassemble_client.errors import UsageError

app = App(name="fake")


@app.command
def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port; 0 for a free port.")] = 8000,
    version: str | None = None,
    restart_seconds: float = 3.0,
    install_seconds: float = 3.0,
    recordings: str | None = None,
) -> None:
    """
    Serve a docassemble in memory until you press Ctrl+C; all data is lost when it stops.

    It writes a line that sets its URL and API key in your shell.

    $ dactl fake serve --port 8000

    Args:
        host: Address.
        version: Version of docassemble to imitate; by default the newest.
        restart_seconds: Duration of a restart.
        install_seconds: Duration of an installation.
        recordings: Folder of recorded interviews to replay.
    """
    try:
        from docassemble_client.testing.__main__ import main
    except ModuleNotFoundError as error:
        message = f"the fake server needs {error.name}, which is not installed"
        hint = 'Run: pip install "docassemble-client[testing]"'
        raise UsageError(message, hint=hint) from None
    arguments = [f"--host={host}", f"--port={port}"]
    arguments += [f"--restart-seconds={restart_seconds}", f"--install-seconds={install_seconds}"]
    arguments += [f"--version={version}"] if version else []
    arguments += [f"--recordings={recordings}"] if recordings else []
    main(arguments)
