"""A host of py-libp2p with /echo/1.0.0, for peers_test.go.

It writes its multiaddr to standard output and ends with standard input.
"""

import sys

import multiaddr
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair


async def echo(stream):
    try:
        while data := await stream.read(4096):
            await stream.write(data)
    except Exception:
        pass  # py-libp2p says in many ways that the other half has ended
    await stream.close()


async def main():
    host = new_host(key_pair=create_new_key_pair())
    host.set_stream_handler("/echo/1.0.0", echo)
    async with host.run(listen_addrs=[multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        print(host.get_addrs()[0], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


trio.run(main)
