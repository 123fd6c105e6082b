"""Sites in Flower's Ray simulation, for as many as one machine or cluster holds; the apps are the hospital's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, ConfigRecordValues, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid, ServerApp
from flwr.simulation import run_simulation
from flwr.supercore.run import Run

from common.errors import PeerError
from common.parallel import cores

WHO = "query.who"
START_SECONDS = 120.0


class SiteApp(ClientApp):
    """The hospital's app in a node that only knows its number: the number stands for a site's folder."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        super().__init__()
        self.folders = [(name, str(folders[name])) for name in sorted(folders)]

    def __call__(self, message: Message, context: Context) -> Message:
        """Tell the site's name, or answer as the site does."""
        # imported in Ray's process: the app itself cannot be sent there
        from client.app import app

        number = int(context.node_config["partition-id"])
        # Flower may have started more nodes than there are sites
        name, folder = self.folders[number] if number < len(self.folders) else ("", "")
        if message.metadata.message_type == WHO:
            return Message(RecordDict({"who": ConfigRecord({"name": name})}), reply_to=message)
        context.node_config["site-folder"] = folder
        return app(message, context)


class NamedGrid(Grid):
    """A grid whose nodes have been asked for their sites' names, which Ray's have not."""

    def __init__(self, grid: Grid, *, sites: int) -> None:
        self._grid = grid
        self._names = self._ask(sites)

    def _ask(self, sites: int) -> dict[int, str]:
        start = time.monotonic()
        while len(list(self._grid.get_node_ids())) < sites:
            if time.monotonic() - start > START_SECONDS:
                raise PeerError(
                    f"not all {sites} sites started in {START_SECONDS:g} s; free memory, or ask for fewer "
                    f"(`flwr run` starts more nodes by --federation-config 'num-supernodes={sites}')"
                )
            time.sleep(0.2)
        questions = [Message(RecordDict(), dst_node_id=node, message_type=WHO) for node in self._grid.get_node_ids()]
        replies = self._grid.send_and_receive(questions, timeout=START_SECONDS)
        names = {one.metadata.src_node_id: str(one.content.config_records["who"]["name"]) for one in replies}
        return {node: name for node, name in names.items() if name}

    def set_run(self, run: Run) -> None:
        """Pass on."""
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
        """The run of the grid within."""
        return self._grid.run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """Pass on."""
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        """Nodes that told their names."""
        return list(self._names)

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Nodes with their sites' names."""
        return [NodeInfo(node_id=node, name=name) for node, name in self._names.items()]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Pass on."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pass on."""
        return self._grid.pull_messages(message_ids)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Pass on."""
        return self._grid.send_and_receive(messages, timeout=timeout)


def run_with_ray(folders: Mapping[str, Path], serve: Callable[[Grid], dict[str, Any]], *, gpu: bool) -> dict[str, Any]:
    """Let `serve` talk to the sites' nodes in Ray; its result or its error comes back."""
    results: list[dict[str, Any]] = []
    errors: list[BaseException] = []
    server = ServerApp()

    @server.main()
    def main(grid: Grid, _: Context) -> None:
        try:
            results.append(serve(NamedGrid(grid, sites=len(folders))))
        except BaseException as error:  # Flower would print it; the command must end with it
            errors.append(error)

    share = 1.0 / min(len(folders), cores())
    config: dict[str, dict[str, ConfigRecordValues]] = {
        "client_resources": {"num_cpus": 1, "num_gpus": share if gpu else 0.0}
    }
    run_simulation(server, SiteApp(folders), len(folders), backend_config=config)
    if errors:
        raise errors[0]
    return results[0]
