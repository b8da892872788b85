"""py-libp2p's protocol_muxer behind the contract of ../../README.md."""

import argparse
import json
import logging
import sys

import trio
from libp2p.exceptions import ParseError
from libp2p.io.exceptions import IOException
from libp2p.io.trio import TrioTCPStream
from libp2p.protocol_muxer.exceptions import (
    MultiselectClientError,
    MultiselectError,
    ProtocolNotSupportedError,
)
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator

logging.disable()  # the outcomes say it all

PATIENCE = 10  # of a responder, in seconds


def parse(args):
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--lazy", action="store_true")
    parser.add_argument("--ls", action="store_true")
    parser.add_argument("--send", default="")
    parser.add_argument("--end", choices=("close", "half", "echo", "now"), default="close")
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("address")
    parser.add_argument("protocols", nargs="*")
    return parser.parse_args(args)


def report(outcome):
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()


def failure(error, detail):
    return {"ok": False, "protocol": "", "error": error, "detail": str(detail) or repr(detail)}


def classify(error):
    """The library says most things in words only."""
    if "not supported" in str(error):
        return "refused"
    if "timed out" in str(error) or "timeout" in str(error):
        return "timeout"
    while error is not None:
        if isinstance(error, IOException):
            return "closed"
        if isinstance(error, ParseError):
            return "protocol"
        error = error.__cause__
    return "protocol"


async def initiate(job):
    if job.lazy:
        return failure("unsupported", "protocol_muxer has no lazy streams")
    host, port = job.address.rsplit(":", 1)
    try:
        conn = await trio.open_tcp_stream(host, int(port))
    except OSError as error:
        return failure("local", error)
    async with conn:
        communicator = MultiselectCommunicator(TrioTCPStream(conn))
        client = MultiselectClient()
        try:
            if job.ls:
                names = await client.query_multistream_command(communicator, "ls", job.timeout)
                refused = names == ["na"]  # the client takes any answer for a list
                if not job.protocols:
                    if refused:
                        return failure("refused", "na")
                    return {"ok": True, "protocol": "", "error": "", "names": names}
                protocol = await propose(client, communicator, job, [] if refused else names)
            else:
                protocol = await client.select_one_of(job.protocols, communicator, job.timeout)
            received = await exchange(conn, job)
        except (MultiselectClientError, trio.BrokenResourceError) as error:
            return failure(classify(error), error)
        except Exception as error:  # what its users see as well
            return failure("protocol", f"outside of MultiselectClientError: {error!r}")
    return {
        "ok": True,
        "protocol": protocol,
        "error": "",
        "received": received.decode(),
        "closed": "peer" if job.end in ("half", "echo") else "self",
    }


async def propose(client, communicator, job, names):
    """Proposes the last name of a list, and then those of the job."""
    with trio.fail_after(job.timeout):
        for protocol in names[-1:] + job.protocols:
            try:
                return await client.try_select(communicator, protocol)
            except ProtocolNotSupportedError as error:
                last = error
    raise last


async def exchange(conn, job):
    received = b""
    if job.send:
        await conn.send_all(job.send.encode())
    if job.end == "echo":
        try:
            while data := await conn.receive_some():
                await conn.send_all(data)
        except trio.BrokenResourceError:
            pass  # an echo does not care what the peer does
    if job.end == "half":
        await conn.send_eof()
        while data := await conn.receive_some():
            received += data
    while job.end == "close" and len(received) < len(job.send):
        data = await conn.receive_some()
        if not data:
            raise trio.BrokenResourceError("the stream has ended")
        received += data
    return received


def responder(protocols):
    muxer = Multiselect()
    for protocol in protocols:
        muxer.add_handler(protocol, None)

    async def serve(conn):
        try:
            remote = "%s:%d" % conn.socket.getpeername()[:2]
        except OSError:
            remote = ""  # it was reset before it was accepted
        async with conn:
            try:
                communicator = MultiselectCommunicator(TrioTCPStream(conn))
                protocol, _ = await muxer.negotiate(communicator, PATIENCE)
                outcome = await answer(conn, protocol)
            except MultiselectError as error:
                outcome = failure(classify(error), error.__cause__ or error)
            except Exception as error:  # what its users see as well
                outcome = failure("protocol", f"outside of MultiselectError: {error!r}")
        report(outcome | {"remote": remote})

    return serve


async def answer(conn, protocol):
    hello = protocol.startswith("/hello/")
    echoed = 0
    try:
        if hello:
            await conn.send_all(b"hello\n")
            await conn.send_eof()
        while data := await conn.receive_some():
            if not hello:
                await conn.send_all(data)
                echoed += len(data)
        if not hello:
            await conn.send_eof()
    except trio.BrokenResourceError as error:
        return failure("closed", error) | {"protocol": protocol, "closed": "reset"}
    return {
        "ok": True,
        "protocol": protocol,
        "error": "",
        "echoed": echoed,
        "closed": "self" if hello else "peer",
    }


async def respond(args):
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("protocols", nargs="+")
    options = parser.parse_args(args)
    host, port = options.listen.rsplit(":", 1)
    listeners = await trio.open_tcp_listeners(int(port), host=host)
    report({"address": "%s:%d" % listeners[0].socket.getsockname()[:2]})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, responder(options.protocols), listeners)
        async for _ in trio.wrap_file(sys.stdin):
            pass
        nursery.cancel_scope.cancel()  # whoever started it is gone


async def attempt(args):
    try:
        return await initiate(parse(args))
    except (argparse.ArgumentError, ValueError) as error:
        return failure("local", error)


async def jobs():
    scopes = {}

    async def run(number, args):
        with scopes[number]:
            report(await attempt(args) | {"job": number})

    async with trio.open_nursery() as nursery:
        number = 0
        async for line in trio.wrap_file(sys.stdin):
            number += 1
            args = json.loads(line)
            if args[0] == "cancel":
                scopes[int(args[1])].cancel()
                continue
            scopes[number] = trio.CancelScope()
            nursery.start_soon(run, number, args)


def main(args):
    if args[:1] == ["responder"]:
        trio.run(respond, args[1:])
        return 0
    if args == ["jobs"]:
        trio.run(jobs)
        return 0
    if args[:1] == ["initiator"]:
        outcome = trio.run(attempt, args[1:])
        report(outcome)
        return 0 if outcome["ok"] else 127 if outcome["error"] == "unsupported" else 1
    print("usage: responder, initiator or jobs; see interop/peers/README.md", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
