"""What stands under each table: what is done a round, and what is not measured."""

from __future__ import annotations

from tests.benchmarks.exchange.federation import Size


def training_notes(size: Size, *, jobs: int) -> list[str]:
    """Under a."""
    return [
        f"DenseNet121, {size.training} training and {size.validation} validation patients a site, patches of "
        f"{size.pixels} pixels, one slice an epoch, one epoch a round; {jobs} processes of one thread answer for "
        f"{size.sites} sites. The overhead hardly depends on the patients, so the ratio falls with more of them.",
        "The round: the server asks; each site reads its patients, optimiser and message, validates, trains, writes "
        "its optimiser durably and answers; the server checks, averages and writes its state durably.",
        "Alone: the same validation and epoch in the same processes, with patients, network and optimiser already in "
        "memory; nothing is read, written or sent.",
        "Not in it: the network between hospitals, TLS, and the fresh Python process that a Flower node starts for "
        "each message.",
    ]


def wire_notes(size: Size) -> list[str]:
    """Under b."""
    return [
        f"Runs are the {size.sites} sites of one round. Counted is Flower's message as protobuf, uncompressed as "
        "Flower sends it; not the headers of HTTP and TLS.",
        "The weights are all parameters and running statistics, without batch counters, which do not travel.",
    ]


def memory_notes(size: Size) -> list[str]:
    """Under c."""
    return [
        "Each run is a process of its own; VmHWM of its work less VmRSS after its imports.",
        "Server: state, all answers, lengths of the updates, average, durable state; its sites answer from other "
        "processes, through pipes.",
        "Client: message, network, gradients, optimiser and its last states, and the activations of a batch of "
        f"{size.pixels} pixels. Network, gradients, optimiser and activations the training alone takes as well.",
    ]


def pure_notes(*, arrays: int) -> list[str]:
    """Under d."""
    return [
        "In turns, several rounds a turn; starts and first rounds are not counted. All average by number of patients "
        "or steps, and all clients read the weights into arrays and write them again.",
        "pdl1es: two flat arrays; typed records checked on both sides, arrays for shape, NaN and negative variances, "
        "lengths of the updates against their median; average; state of the run (the newest and the best weights) on "
        "disk with fsync; events and scalars. In processes: messages pickled through pipes, looked for every 0.05 s.",
        f"Flower: FedAvg.start over the same in-process grid, a state_dict of {arrays} arrays; keys are compared; "
        "nothing is checked for NaN or the size of an update, nothing is written.",
        f"FLARE: its FedAvg and Client API, {arrays} NumPy arrays; the server and each site are processes that talk "
        "over this machine's sockets, so it serialises and sends what the grids in one process hand over; it writes "
        "the model each round, without fsync; values are not checked. By itself a client waits 2 s between tasks and "
        "the server looks every 0.5 s; the second row sets both to 0.05 s.",
        "Not measured: real nodes over TLS, where Flower's own polls and starts of processes dominate.",
    ]
