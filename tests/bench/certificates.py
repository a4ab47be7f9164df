"""An authority of our own and a certificate for the loopback address, made by openssl for one run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    """Files: whom to trust, and what the server shows."""

    authority: Path
    certificate: Path
    key: Path


def make(folder: Path) -> Certificates:
    """A day's certificate (P-256, as public servers have) signed by a new authority."""
    folder.mkdir(parents=True)
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    made = Certificates(authority, folder / "server.pem", folder / "server.key")
    fresh = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "1"]
    _openssl(*fresh, "-subj", "/CN=Bench authority", "-keyout", str(authority_key), "-out", str(authority))
    signed_by = ["-CA", str(authority), "-CAkey", str(authority_key)]
    usage = ["-addext", _NAMES, "-addext", "basicConstraints=critical,CA:FALSE"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    _openssl(*fresh, "-subj", "/CN=localhost", *signed_by, *usage, *files)
    return made


def _openssl(*options: str) -> None:
    subprocess.run(["openssl", "req", *options], check=True, capture_output=True)
