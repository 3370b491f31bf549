"""Shows progress on stderr, only if it is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from docassemble_client.tasks import TaskEvent
    from docassemble_client.workflows.batch.results import BatchProgress


class Progress:
    """
    The progress of a command: a spinner, or a bar for batches; use it with `with`.

    It writes nothing if stderr is not a terminal. rich follows NO_COLOR and TERM.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._is_shown = sys.stderr.isatty() and not quiet
        self._display: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._display is not None:
            self._display.stop()

    def on_task(self, event: TaskEvent) -> None:
        """Show the state of a task."""
        self.show(event.state, f"({event.reason})" if event.reason else "")

    def on_batch(self, progress: BatchProgress) -> None:
        """Show the progress of a batch."""
        detail = (
            f"done {progress.done} · failed {progress.failed} · unknown {progress.unknown}"
            f" · at once {progress.active}"
        )
        self.show("batch", detail, completed=progress.completed, total=progress.total)

    def show(
        self, state: str, detail: str = "", *, completed: int = 0, total: int | None = None
    ) -> None:
        """
        Show what the command does now.

        Args:
            state: The state, in a word or two.
            detail: More about it.
            completed: Number of completed items.
            total: Number of all items; without it, there is no bar.
        """
        if not self._is_shown:
            return
        if self._display is None:
            self._display = _make_display(has_bar=total is not None)
            self._task = self._display.add_task("", state=state, detail=detail, total=total)
            self._display.start()
        self._display.update(
            self._task, state=state, detail=detail, completed=completed, total=total
        )


def _make_display(*, has_bar: bool) -> Any:
    # rich is imported here: most commands show no progress.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    bar: list[ProgressColumn] = [BarColumn(bar_width=20), MofNCompleteColumn()]
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        *(bar if has_bar else []),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
