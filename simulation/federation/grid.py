"""Flower's Grid on one machine: messages go straight to the client app of each site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

RUN_ID, SERVER_NODE, SERVER_TASK = 1, 1, 1
CLIENT_FAILED = 2

Fate = Callable[[str, Message], bool]
"""Given site and message, whether the site is there; for tests of sites that come and go."""


def always_there(_: str, __: Message) -> bool:
    """Every site answers."""
    return True


class InProcessGrid(Grid):
    """Sites by name with their folders; a node's name is its site's, as a coordinator admits it."""

    def __init__(self, app: ClientApp, sites: Mapping[str, Path], *, there: Fate = always_there) -> None:
        self.app = app
        self.there = there
        self._nodes = dict(enumerate(sorted(sites), start=SERVER_NODE + 1))
        self._contexts = {number: _context(number, sites[name]) for number, name in self._nodes.items()}
        self._open: dict[str, Message] = {}
        self._pushed = 0
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN_ID, SERVER_NODE, SERVER_TASK

    def set_run(self, run: Run) -> None:
        """There is one run."""

    @property
    def run(self) -> Run:
        """The one run."""
        return Run.create_empty(RUN_ID)

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """A message to a node."""
        return Message(content, dst_node_id=dst_node_id, message_type=message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> Iterable[int]:
        """Node ids of all sites."""
        return list(self._nodes)

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Nodes with their sites' names."""
        return [NodeInfo(node_id=number, name=name) for number, name in self._nodes.items()]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages; each is answered when its reply is pulled."""
        numbers = []
        for message in messages:
            self._pushed += 1
            number = str(self._pushed)
            message.metadata.__dict__["_message_id"] = number
            self._open[number] = message
            numbers.append(number)
        return numbers

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies of the sites that are there, one after another."""
        for number in message_ids:
            message = self._open.get(number)
            if message is not None and self.there(self._nodes[message.metadata.dst_node_id], message):
                del self._open[number]
                yield self._answer(message)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Push, and pull what is answered at once."""
        return list(self.pull_messages(self.push_messages(messages)))

    def _answer(self, message: Message) -> Message:
        return answered(self.app, message, self._contexts[message.metadata.dst_node_id])


class ParallelGrid(InProcessGrid):
    """The same with the sites of the real client app in processes, so that several answer at a time."""

    def __init__(self, submit: Callable[..., Future[Message]], sites: Mapping[str, Path]) -> None:
        super().__init__(ClientApp(), sites)
        self._submit = submit
        self._futures: dict[str, Future[Message]] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand each message to a process."""
        numbers = list(super().push_messages(messages))
        for number in numbers:
            message = self._open[number]
            context = self._contexts[message.metadata.dst_node_id]
            self._futures[number] = self._submit(answered_by_site, message, context)
        return numbers

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies that are ready."""
        for number in message_ids:
            if number in self._futures and self._futures[number].done():
                del self._open[number]
                yield self._futures.pop(number).result()


def answered(app: ClientApp, message: Message, context: Context) -> Message:
    """An app's reply or, as a SuperNode does when it fails, an error that says nothing else."""
    try:
        return app(message, context)
    except Exception:
        return Message(Error(code=CLIENT_FAILED, reason="failed"), reply_to=message)


def answered_by_site(message: Message, context: Context) -> Message:
    """The reply of the real client app, in a process of its own."""
    from client.app import app

    return answered(app, message, context)


def _context(number: int, folder: Path) -> Context:
    config: dict[str, bool | float | int | str] = {"site-folder": str(folder)}
    return Context(run_id=RUN_ID, node_id=number, node_config=config, state=RecordDict(), run_config={})
