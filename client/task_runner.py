"""Does what the server asks, each message in a fork of its own, only with the code that this hospital installed.

Flower would unpack the bundle that the server sends and run the code in it. Here the bundle is never unpacked: the app
is this installation's, imported once, so that a fork starts at once where a new process imports for seconds.
"""

from __future__ import annotations

import argparse
import importlib
import os
import secrets
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import flwr.supercore.exit.exit_handler as flower_exit
import flwr.supercore.superexec.run_superexec as flower_superexec
import flwr.supernode.runtime.run_clientapp as flower_clientapp
from flwr.app import Context, Message
from flwr.supercore.constant import TaskType
from flwr.supercore.superexec.executor import ExecutionSpec, LaunchResult

from common.errors import UsageError
from common.processes import end_with_parent

ClientFunction = Callable[[Message, Context], Message]


class SiteFailedError(Exception):
    """All that the server learns when the app fails in a way nobody foresaw."""


class ForkingExecutor:
    """Flower's executor, with a fork in place of a new program; takes client tasks only."""

    def __init__(self) -> None:
        self._running: set[int] = set()

    def get_eligible_capacity(self, _types: set[TaskType], **_: object) -> tuple[set[TaskType], set[str]]:
        """What may be asked of this site."""
        return {TaskType.CLIENT_APP}, set()

    def wait_for_capacity(self, *_: object, **__: object) -> None:
        """There is no queue."""

    def launch(self, spec: ExecutionSpec) -> LaunchResult:
        """Answer one message in a fork."""
        if spec.task_type != TaskType.CLIENT_APP:
            return LaunchResult.failed("this site runs client apps only")
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _work(spec)
        self._running.add(child)
        return LaunchResult.accepted()

    def reconcile(self) -> None:
        """Forget the forks that ended."""
        self._running = {child for child in self._running if os.waitpid(child, os.WNOHANG) == (0, 0)}

    def close(self) -> None:
        """End the forks that are still at work."""
        for child in self._running:
            os.kill(child, signal.SIGTERM)


def install_app(app: ClientFunction) -> None:
    """Make Flower's client process run this app, whatever bundle the server sent, and say nothing of its failures."""

    def guarded(message: Message, context: Context) -> Message:
        try:
            return app(message, context)
        except Exception:
            traceback.print_exc()
            raise SiteFailedError("the site could not answer; its own log says why") from None

    for module, name, ours in (
        (flower_clientapp, "install_from_fab", lambda *_, **__: Path()),
        (flower_clientapp, "get_load_client_app_fn", lambda *_, **__: lambda *_, **__: guarded),
        (flower_superexec, "get_executor", lambda *_, **__: ForkingExecutor()),
    ):
        if not hasattr(module, name):
            raise UsageError(f"this Flower has no {module.__name__}.{name}; install the version that pdl1es asks for")
        setattr(module, name, ours)


def load_app(reference: str) -> ClientFunction:
    """The ClientApp that MODULE:NAME names."""
    module, _, name = reference.partition(":")
    app: ClientFunction = getattr(importlib.import_module(module), name)
    return app


def _work(spec: ExecutionSpec) -> NoReturn:
    code: object = 1
    try:
        end_with_parent()
        flower_exit.registered_exit_handlers.clear()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        _renew_randomness()
        flower_clientapp.run_clientapp(spec.runtime_api_address, spec.token, spec.insecure)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def _renew_randomness() -> None:
    """Two forks of one process must not draw the same noise."""
    loaded: dict[str, Any] = dict(sys.modules)
    if numpy := loaded.get("numpy"):
        numpy.random.seed(secrets.randbits(32))
    if torch := loaded.get("torch"):
        torch.manual_seed(secrets.randbits(63))


def main() -> None:
    """Wait for tasks of the SuperNode beside us."""
    parser = argparse.ArgumentParser()
    for option in ("--runtime-api-address", "--secret", "--app"):
        parser.add_argument(option, required=True)
    given = parser.parse_args()
    install_app(load_app(given.app))
    flower_superexec.run_superexec(
        given.runtime_api_address, insecure=True, superexec_auth_secret=Path(given.secret).read_bytes()
    )


if __name__ == "__main__":
    main()
