"""Passes connections of a listening socket on to an address; run in the network namespace of that address.

The socket is inherited and stays in the namespace that it was made in: so a port of the machine leads into the cluster.
"""

import asyncio
import socket
import sys
from contextlib import suppress

_CHUNK = 1 << 16


async def forward(listening: socket.socket, address: str, port: int) -> None:
    """Until it is cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        with suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection(address, port)
            writers.append(there_writer)
            await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
        for each in writers:
            each.close()
            with suppress(OSError):
                await each.wait_closed()

    server = await asyncio.start_server(connected, sock=listening)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def main() -> None:
    """Arguments: the socket's descriptor, the address, its port."""
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        asyncio.run(forward(listening, sys.argv[2], int(sys.argv[3])))


if __name__ == "__main__":
    main()
