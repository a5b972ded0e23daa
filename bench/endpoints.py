"""A customer's endpoint that costs the measured process nothing: nginx over TLS, in processes of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from local.ports import free_port

_CONFIGURATION = """\
daemon off;
master_process off;
pid {here}/nginx.pid;
error_log {here}/nginx.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    keepalive_timeout 600s;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {here}/server.pem;
        ssl_certificate_key {here}/server.key;
        location / {{ return 200 "ok"; }}
        location /broken/ {{ return 500 "out of order"; }}
    }}
}}
"""


class NginxMissing(Exception):
    """The text says what to install."""


def executable() -> str:
    """Raises NginxMissing."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if nginx is None:
        raise NginxMissing("nginx is needed as the receiver: `apt-get install nginx-light`, or `brew install nginx`")
    return nginx


@contextmanager
def answering(directory: Path, ca_file: Path, ca_key_file: Path) -> Iterator[str]:
    """The base URL: any path answers 200, those under /broken/ answer 500. Raises NginxMissing."""
    nginx = executable()
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA.from_pem(ca_file.read_bytes(), ca_key_file.read_bytes())
    server = authority.issue_cert("localhost", "127.0.0.1")
    (directory / "server.key").touch(mode=0o600)
    server.private_key_pem.write_to_path(str(directory / "server.key"))
    for index, part in enumerate(server.cert_chain_pems):
        part.write_to_path(str(directory / "server.pem"), append=index > 0)
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(here=directory, port=port))
    process = subprocess.Popen(
        [nginx, "-p", str(directory), "-e", str(directory / "nginx.log"), "-c", str(configuration)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(process, port)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx did not start; nginx.log in its directory says why")
