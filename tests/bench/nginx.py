"""nginx twice: as the upstream that answers at once, and as the proxy that we are compared with."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.cli.program import listening
from tests.bench.certificates import Certificates
from tests.bench.pinning import pinned

_CONFIG = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 2m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; tcp_nodelay on; sendfile off;
  {servers}
}}
"""
# A static file is answered before a large body has come; handed to itself without the body, nginx reads it all first.
_UPSTREAM = """
server {{ listen 127.0.0.1:{port}{tls} backlog=1024; root {folder}/www; etag off; error_page 405 =200 $uri;
  {certificate}
  types {{ application/json json; text/event-stream sse; }}
  location /v1/messages {{ rewrite ^ /answer.json last; }}
  location /v1/stream {{ rewrite ^ /answer.sse last; }}
  location /v1/large {{ proxy_pass {scheme}://127.0.0.1:{port}/v1/messages; proxy_pass_request_body off;
    proxy_set_header Content-Length 0; proxy_http_version 1.1; }}
}}
"""
_PROXY = """
upstream claude {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{port} backlog=1024;
  {trust}
  location / {{ proxy_pass {scheme}://claude; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_buffering off; proxy_request_buffering off; }}
}}
"""
_CERTIFICATE = "ssl_certificate {0.certificate}; ssl_certificate_key {0.key};"
_TRUST = """proxy_ssl_verify on; proxy_ssl_trusted_certificate {0.authority}; proxy_ssl_name localhost;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;"""


class NginxFailed(Exception):
    """nginx did not start; the message is its own."""


@contextmanager
def upstream(
    folder: Path, port: int, core: int, answer: bytes, stream: bytes, *, tls: Certificates | None = None
) -> Iterator[int]:
    """Answers POST /v1/messages and, when it has read the whole body, POST /v1/large with `answer`, and POST
    /v1/stream with `stream`, from memory. Gives its process id.
    """
    (folder / "www").mkdir(parents=True)
    (folder / "www" / "answer.json").write_bytes(answer)
    (folder / "www" / "answer.sse").write_bytes(stream)
    certificate = _CERTIFICATE.format(tls) if tls else ""
    kind = {"tls": " ssl" if tls else "", "scheme": "https" if tls else "http", "certificate": certificate}
    with _running(folder, port, core, _UPSTREAM.format(folder=folder, port=port, **kind)) as pid:
        yield pid


@contextmanager
def proxy(folder: Path, port: int, core: int, upstream_port: int, *, tls: Certificates | None = None) -> Iterator[int]:
    """A plain reverse proxy with a pool of kept connections and no buffering: what a gateway has to measure up to.

    Gives its process id. `tls`: it speaks TLS to the upstream and verifies it.
    """
    folder.mkdir(parents=True)
    kind = {"scheme": "https" if tls else "http", "trust": _TRUST.format(tls) if tls else ""}
    with _running(folder, port, core, _PROXY.format(port=port, upstream=upstream_port, **kind)) as pid:
        yield pid


@contextmanager
def _running(folder: Path, port: int, core: int, servers: str) -> Iterator[int]:
    folder.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, servers=servers), encoding="utf-8")
    argv = ["nginx", "-p", str(folder), "-c", str(config), "-g", "user root;"]
    process = subprocess.Popen(pinned(core, argv), stderr=subprocess.PIPE)
    try:
        _await(process, port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 5
    while not listening(port):
        if process.poll() is not None or time.monotonic() > until:
            said = process.stderr.read() if process.stderr and process.poll() is not None else b""
            raise NginxFailed(f"nginx is not listening on {port}: {said.decode(errors='replace')[-300:]}")
        time.sleep(0.05)
