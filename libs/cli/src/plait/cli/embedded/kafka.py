"""A real Apache Kafka of one node (KRaft), from the jars that Maven fetches. Needs Java 17 or newer, and Maven once."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from plait.cli.program import LOOPBACK, Program, listening, system_environment
from plait.common.errors import UserError
from plait.common.topics import MAX_EVENT_BYTES

VERSION: Final = "4.1.1"
_OLDEST_JAVA: Final = 17

_MEMORY: Final = (
    "-Xms128m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=128m", "-XX:ReservedCodeCacheSize=64m",
    "-XX:MaxDirectMemorySize=512m", "-Djdk.nio.maxCachedBufferSize=1048576", "-Xss512k",
)  # fmt: skip
"""Several records of MAX_EVENT_BYTES fit at once (`queued.max.request.bytes` says how many); what is not used is not
taken. A thread that writes one to disk copies it to direct memory, and would keep that for ever."""

_SERVER: Final = f"""\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
auto.create.topics.enable=false
num.io.threads=4
group.initial.rebalance.delay.ms=0
message.max.bytes={MAX_EVENT_BYTES}
replica.fetch.max.bytes={MAX_EVENT_BYTES}
socket.request.max.bytes={2 * MAX_EVENT_BYTES}
queued.max.request.bytes={3 * MAX_EVENT_BYTES}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=1048576
"""


def jars_folder() -> Path:
    """Where the jars are kept for all homes: 54 MB that can be fetched again, so a cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plait" / f"kafka-{VERSION}"


def missing() -> str | None:
    """What this machine lacks to run Kafka, as a sentence; None if nothing."""
    if (java := _java_version()) is None:
        return f"Apache Kafka needs Java {_OLDEST_JAVA} or newer, and there is no `java` here: install a JRE."
    if java < _OLDEST_JAVA:
        return f"Apache Kafka needs Java {_OLDEST_JAVA} or newer; `java` here is version {java}."
    if not (jars_folder() / "libs").exists() and shutil.which("mvn") is None:
        return "Maven is needed once to fetch Apache Kafka, and there is no `mvn` here: install Maven."
    return None


def prepare(folder: Path, port: int, controller_port: int, *, env: Mapping[str, str] | None = None) -> Program:
    """Fetch the jars if they are not there (seconds to a minute), format the storage; the node that serves `port`.

    Raises:
        UserError: Java or Maven is missing, or one of them failed.
    """
    if lack := missing():
        raise UserError(lack)
    classes = f"{_fetched_jars()}/*"
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(_properties(folder, port, controller_port))
    if not (folder / "data" / "meta.properties").exists():
        format_storage = ("format", "--standalone", "--ignore-formatted", "-t", _cluster_id(), "-c", str(properties))
        _run(_java(), "-Xmx128m", "-cp", classes, "kafka.tools.StorageTool", *format_storage)
    return Program(
        name="broker",
        argv=(_java(), *_MEMORY, "-Dlog4j2.level=WARN", "-cp", classes, "kafka.Kafka", str(properties)),
        env=system_environment() | dict(env or {}),
        ready=lambda _: listening(port),
        cwd=folder,
    )


def _properties(folder: Path, port: int, controller_port: int) -> str:
    listeners = f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}"
    places = {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "log.dirs": str(folder / "data"),
    }
    return _SERVER + "".join(f"{name}={value}\n" for name, value in places.items())


def _fetched_jars() -> Path:
    cache = jars_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "libs").exists():
            _fetch(cache)
    return cache / "libs"


def _fetch(cache: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix="making-", dir=cache))
    pom = making / "pom.xml"
    pom.write_text((resources.files("plait.cli.embedded") / "kafka-pom.xml").read_text())
    copy = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={making / 'libs'}")
    _run("mvn", "-q", "-B", "-f", str(pom), *copy)
    (making / "libs").rename(cache / "libs")
    shutil.rmtree(making)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, env=system_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise UserError(f"`{Path(argv[0]).name}` failed while Apache Kafka was set up: {' '.join(said)}")


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def _java_version() -> int | None:
    try:
        said = subprocess.run([_java(), "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return None
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else None


def _cluster_id() -> str:
    """A random id as Kafka writes them; one that begins with a dash would be taken for an option."""
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return _cluster_id() if text.startswith("-") else text
