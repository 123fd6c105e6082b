"""How every command ends: one line and an exit code for what was foreseen, no traceback."""

from __future__ import annotations

import errno
import importlib
import sys
import traceback

import click
import typer

from common.errors import Pdl1esError

INTERRUPTED = 130
_EPILOG = (
    "--debug shows where an error comes from. "
    "Exit codes: 0 done, 1 the data or the study says no, 2 wrong usage, 3 a peer or the network, "
    "130 interrupted."
)


def run_command(module: str) -> None:
    """Run the command line that a module's `app` describes and exit.

    0 done, 1 the data says no, 2 wrong usage, 3 a peer, 130 interrupted. The module is imported here, so that Ctrl-C
    ends a start as quietly as a run. `--debug`, anywhere on the line, shows the traceback as well.
    """
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app: typer.Typer = importlib.import_module(module).app
        app.info.epilog = _EPILOG
        code = typer.main.get_command(app).main(arguments, prog_name=app.info.name, standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except BaseException as error:
        if debug:
            traceback.print_exc()
        code, line = _ending(error)
        if line:
            print(line, file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _ending(error: BaseException) -> tuple[int, str]:
    if isinstance(error, (KeyboardInterrupt, click.exceptions.Abort)):
        return INTERRUPTED, "interrupted; what was computed is kept"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return 2, error.format_message()
    if isinstance(error, click.ClickException):
        return error.exit_code, f"error: {error.format_message()} See --help."
    if isinstance(error, Pdl1esError):
        return error.exit_code, f"error: {' '.join(str(error).split())}"
    if isinstance(error, OSError):
        return (
            1,
            f"error: {error.filename or 'file'}: {error.strerror or error}; {_remedy(error)}, then run again",
        )
    raise error


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "permit it"
    return "give another path"
