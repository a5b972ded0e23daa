"""Speaks TLS in front of a server that does not, on a developer's machine. Python 3.9 or newer, standard library only.

TLS_FILE=receiver.pem PORT=8443 python3 tls.py 8000
"""

import asyncio
import os
import ssl
import sys


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side has gone
    finally:
        writer.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    except OSError:
        writer.close()  # no server is running at the port
        return
    await asyncio.gather(copy(reader, server_writer), copy(server_reader, writer))


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_FILE"])  # key and certificate in one PEM file
    server = await asyncio.start_server(pass_on, "127.0.0.1", int(os.environ.get("PORT", "8443")), ssl=context)
    await server.serve_forever()


asyncio.run(main())
