#!/usr/bin/env python3
"""Shows gpiod from Python with nothing but gRPC: what any client in any language can do.

The stubs are generated from proto/ when the example starts, into a temporary directory.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"


def import_stubs():
    """Generates the stubs of gpiod.v1 and imports them."""
    files = [str(path.relative_to(PROTO)) for path in sorted(PROTO.glob("gpiod/v1/*.proto"))]
    with tempfile.TemporaryDirectory(prefix="gpiod-stubs-") as out:
        arguments = ["protoc", f"-I{PROTO}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
        if protoc.main(arguments) != 0:
            sys.exit("the stubs could not be generated")
        sys.path.insert(0, out)
        from gpiod.v1 import gpio_service_pb2_grpc, gpio_service_pb2, line_pb2, program_pb2, session_pb2, watch_pb2

        sys.path.remove(out)
    return gpio_service_pb2_grpc, gpio_service_pb2, line_pb2, program_pb2, session_pb2, watch_pb2


api, rpc, line, program, session, watch = import_stubs()


class Session:
    """A session: lines held, and commands on them by position, bit i for the i-th line."""

    def __init__(self, stub):
        self.stream = stub.Session()
        self.last_id = 0

    async def command(self, **command):
        """Sends one command and waits for its answer."""
        self.last_id += 1
        await self.stream.write(session.SessionRequest(id=self.last_id, **command))
        return await self.answer(self.last_id)

    async def answer(self, to):
        """The answer to one command. There may be other answers in between where commands are pipelined."""
        response = await self.stream.read()
        if response is grpc.aio.EOF:
            # The daemon ended the stream; its status says why.
            raise await ended(self.stream)
        assert response.id == to, f"answer to {response.id}, not to {to}"
        if response.WhichOneof("result") == "error":
            # A command that failed. The session goes on.
            raise ValueError(f"{response.error.reason}: {response.error.message}")
        return getattr(response, response.WhichOneof("result"))

    async def close(self):
        """Ends the session: the lines are let go, and the stream is over once that is done."""
        await self.stream.done_writing()
        assert await self.stream.read() is grpc.aio.EOF


async def ended(call):
    """The status that a call ended with, as an error."""
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )


def reason_of(error):
    """The machine-readable reason of a failed call: a google.rpc.ErrorInfo in its trailing metadata."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return "no reason given"


async def look_around(channel, stub):
    """Reflection, health, and the lines of the socket."""
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async for response in reflection.ServerReflectionInfo(iter([asked])):
        for service in response.list_services_response.service:
            print(f"service {service.name}")
    health = await health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(service="gpiod.v1.GpioService")
    )
    print(f"health {health_pb2.HealthCheckResponse.ServingStatus.Name(health.status)}")
    for each in (await stub.ListLines(rpc.ListLinesRequest())).lines:
        direction = line.Direction.Name(each.direction).removeprefix("DIRECTION_").lower()
        held = f"held by {each.holder.name}" if each.HasField("holder") else "free"
        print(f"line {each.name}: {each.board_line}, header pin {each.header_pin}, {direction}, {held}")


async def hold_and_write(stub, watching):
    """Holds the lamp and two inputs, switches the lamp, and sees it on the watch socket and through the wire."""
    seen = watching.Watch(watch.WatchRequest(lines=["lamp", "echo"]))
    # The first message has the present values; all later edges are in the messages that follow.
    print(f"watch begins with bits {(await seen.read()).values.bits:02b}")

    held = Session(stub)
    lines = [session.SessionLine(name=name) for name in ("lamp", "echo", "tacho")]
    opened = await held.command(open=session.OpenCommand(lines=lines, client_name="python-example"))
    print(f"session opened, lamp {opened.values.bits & 1}")

    await held.command(write=session.WriteCommand(mask=0b001, bits=0b001))
    values = await held.command(read=session.ReadCommand(mask=0b011))
    print(f"written 1, read lamp {values.bits & 1} echo {values.bits >> 1 & 1}")
    for event in await edges(seen, 2):
        name = ("lamp", "echo")[event.line]
        edge = watch.Edge.Name(event.edge).removeprefix("EDGE_").lower()
        source = watch.EventSource.Name(event.source).removeprefix("EVENT_SOURCE_").lower()
        print(f"edge {name} {edge}, stamped by the {source}, number {event.line_seqno}")
    seen.cancel()

    # A watch that is left here, to go on later where it was: its first message says where that is.
    left = watching.Watch(watch.WatchRequest(lines=["lamp"]))
    position = (await left.read()).position
    left.cancel()
    return held, position


async def edges(seen, count):
    """The next edges of a watch, by line."""
    events = []
    while len(events) < count:
        part = await seen.read()
        assert not part.losses, part
        events += part.events
    return sorted(events, key=lambda event: event.line)


async def go_on(watching, position):
    """Goes on with the watch of the lamp: what happened meanwhile is told, or told to be lost."""
    seen = watching.Watch(watch.WatchRequest(lines=["lamp"], resume=position))
    part = await seen.read()
    print(f"watch goes on with {len(part.events)} edges of the lamp, {len(part.losses)} losses")
    for loss in part.losses:
        cause = watch.LossCause.Name(loss.cause).removeprefix("LOSS_CAUSE_").lower()
        count = loss.count if loss.HasField("count") else "unknown"
        print(f"lost {count} by {cause}, from {loss.from_ns} to {loss.until_ns} ns")
    seen.cancel()


async def run_program(held):
    """Measures the wheel's speed inside the daemon, where the time that gRPC takes does not count."""
    steps = [
        program.Step(set=program.SetStep(mask=0b001, bits=0b000)),
        program.Step(wait=program.WaitStep(duration_ns=2_000_000)),
        program.Step(set=program.SetStep(mask=0b001, bits=0b001)),
        program.Step(
            capture=program.CaptureStep(mask=0b100, edge=watch.EDGE_RISING, count=6, timeout_ns=5_000_000_000)
        ),
    ]
    result = await held.command(program=program.Program(steps=steps))
    outcomes = [program.StepOutcome.Name(step.outcome).removeprefix("STEP_OUTCOME_").lower() for step in result.steps]
    print(f"program: {', '.join(outcomes)}, {result.lost_edges} edges lost")
    off_ns = result.steps[2].timestamp_ns - result.steps[0].timestamp_ns
    print(f"program: lamp off for {off_ns / 1e6:.1f} ms, known to {result.steps[2].uncertainty_ns / 1e3:.1f} us")
    turns = result.steps[3].edges
    hertz = (len(turns) - 1) * 1e9 / (turns[-1].timestamp_ns - turns[0].timestamp_ns)
    print(f"program: the wheel turns at {hertz:.2f} Hz")


async def be_refused(stub, watching, held):
    """What a mistake looks like: a command's error leaves the session alone, a call's error ends the call."""
    try:
        await held.command(write=session.WriteCommand(mask=0b010, bits=0b010))
    except ValueError as error:
        print(f"refused {error}")
    for name, call in (
        ("no such line", stub.Read(rpc.ReadRequest(lines=["heater"]))),
        ("a second holder", Session(stub).command(open=session.OpenCommand(lines=[session.SessionLine(name="lamp")]))),
        ("the watch socket", watching.Write(rpc.WriteRequest(lines=["lamp"], bits=1))),
    ):
        try:
            await call
        except grpc.aio.AioRpcError as error:
            print(f"refused {name}: {error.code().name} {reason_of(error)}: {error.details()}")


def connect(socket):
    """A channel to one of the daemon's sockets."""
    # Without this, gRPC for Python puts the socket's path into :authority, and HTTP/2 servers refuse a path there.
    return grpc.aio.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")])


async def main():
    parser = argparse.ArgumentParser(description="Shows what a gRPC client can do with gpiod.")
    parser.add_argument("--socket", required=True, metavar="PATH", help="the socket of the line group")
    parser.add_argument("--watch-socket", required=True, metavar="PATH", help="the watch socket of the same group")
    sockets = parser.parse_args()
    async with connect(sockets.socket) as channel, connect(sockets.watch_socket) as watch_channel:
        stub, watching = api.GpioServiceStub(channel), api.GpioServiceStub(watch_channel)
        await look_around(channel, stub)
        held, position = await hold_and_write(stub, watching)
        await run_program(held)
        await go_on(watching, position)
        await be_refused(stub, watching, held)
        await held.close()
        values = (await stub.Read(rpc.ReadRequest(lines=["lamp"]))).values
        print(f"session closed, lamp {values.bits}")


if __name__ == "__main__":
    asyncio.run(main())
