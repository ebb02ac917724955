"""What a request costs the load generator, and whether its latencies are true.

Generator and server are pinned to a CPU of their own. Cost is the generator's CPU time per request, which holds on a
busy machine as well; ratios are of the same run. Fidelity compares the load tester's own result with what the server
recorded; the freeze must show in p99, as callers who do not wait for each other would feel it.

    python tools/bench/loadtest.py [--seconds 5] [--users 50]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = Path(__file__).parent
PATIENCE_SECONDS = 60
KIB = 1024
FREEZE_AFTER_SECONDS = 8.0


@dataclass(frozen=True)
class Cost:
    """One way of calling. `micros` is CPU time per request, `memory` resident bytes."""

    per_second: float
    micros: float
    memory: int


@dataclass(frozen=True)
class Server:
    """A running stub."""

    url: str
    control: str

    def reset(self, delay: float = 0.0, stall: float = 0.0) -> None:
        self._get(f"reset?delay={delay}&stall={stall}")

    def stats(self) -> dict[str, float]:
        return self._get("stats")

    def _get(self, path: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.control}/{path}") as reply:
            found: dict[str, float] = json.loads(reply.read())
        return found


def free_ports() -> int:
    """The first of two free ports in a row."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def pinned(command: list[str], cpu: int, **options: Any) -> subprocess.Popen[bytes]:
    """A process, with all that it starts, on one CPU."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {cpu})
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def stub(folder: Path, cpu: int, *, tls: bool) -> Iterator[Server]:
    port = free_ports()
    command = [sys.executable, str(HERE / "loadtest_stub.py"), str(port), *([str(folder / "tls.pem")] if tls else [])]
    process = pinned(command, cpu)
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}")
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                server.reset()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield server
    finally:
        ended(process)


def certificate(path: Path) -> None:
    """For 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()) + made.public_bytes(pem))


def environment(folder: Path, url: str, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
    keys = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url,
    }
    if url.startswith("https"):
        keys["AWS_CA_BUNDLE"] = str(folder / "tls.pem")
    return kept | keys | {"PYTHONWARNINGS": "ignore"} | more


def command_of(way: str, url: str, users: int, seconds: float, body: Path) -> list[str]:
    address = f"{url}/endpoints/bench/invocations"
    if way == "hey":
        return ["hey", "-cpus", "1", "-c", str(users), "-z", f"{seconds:.0f}s", "-m", "POST", "-D", str(body), address]
    if way == "wrk":
        script = body.with_suffix(".lua")
        script.write_text(f'wrk.method="POST"; local f=io.open("{body}","rb"); wrk.body=f:read("*a"); f:close()')
        return ["wrk", "-t1", f"-c{users}", f"-d{seconds:.0f}s", "-s", str(script), address]
    file = HERE / "loadtest_users.py"
    locust = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary", "-L", "ERROR"]
    return [*locust, "-u", str(users), "-r", str(users), "-t", "10m", "--host", url, way]


def cost(way: str, server: Server, folder: Path, size: int, users: int, seconds: float) -> Cost:
    """CPU time per request, once all users are at work."""
    body = folder / f"body-{size}"
    body.write_bytes(b"a" * size)
    server.reset()
    command = command_of(way, server.url, users, seconds + 8, body)
    with (folder / "generator.log").open("wb") as log:
        process = pinned(command, 0, env=environment(folder, server.url, BENCH_BYTES=str(size)), stdout=log, stderr=log)
    try:
        watched = psutil.Process(process.pid)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.stats()["count"] < 4 * users:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{way} did not start: {(folder / 'generator.log').read_text()[-2000:]}")
            time.sleep(0.1)
        time.sleep(1.5)
        server.reset()
        before, began = sum(watched.cpu_times()[:2]), time.perf_counter()
        time.sleep(seconds)
        count = server.stats()["count"]
        used, took = sum(watched.cpu_times()[:2]) - before, time.perf_counter() - began
        return Cost(count / took, 1e6 * used / max(1, count), watched.memory_info().rss)
    finally:
        ended(process)


def run_test(server: Server, folder: Path, load: dict[str, Any]) -> dict[str, Any]:
    """The result of a whole run of the load tester with one worker."""
    (folder / "body").write_bytes(b"a" * KIB)
    test = {
        "endpoint": {"name": "bench", "region": "eu-west-1"},
        "payloads": {"contentType": "application/json", "sources": [{"file": "body"}]},
        "load": load,
        "workers": 1,
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    command = [sys.executable, "-m", "sagemaker_loadtest", "run", "-f", "test.yaml", "--out", "out"]
    process = pinned(command, 0, cwd=folder, env=environment(folder, server.url), stdout=subprocess.DEVNULL)
    try:
        process.wait(PATIENCE_SECONDS + 60)
    finally:
        ended(process)
    found: dict[str, Any] = json.loads((folder / "out/result.json").read_text())
    return found


def costs(folder: Path, cpu: int, users: int, seconds: float) -> None:
    tools = [tool for tool in ("hey", "wrk") if shutil.which(tool)]
    print(f"{'':26}{'requests/s':>12}{'µs CPU each':>13}{'times boto3':>13}{'MiB':>7}")
    for tls in (False, True):
        for size in (KIB, 100 * KIB):
            found: dict[str, Cost] = {}
            with stub(folder, cpu, tls=tls) as server:
                for way in ("Boto3", "Fast", "Ours", *([] if tls else tools)):
                    found[way] = cost(way, server, folder, size, users, seconds)
                    c, base = found[way], found["Boto3"].micros
                    name = f"{way}, {size // KIB} KiB{', TLS' if tls else ''}"
                    memory = c.memory / 2**20
                    print(
                        f"{name:26}{c.per_second:12,.0f}{c.micros:13.1f}{base / c.micros:13.1f}{memory:7.0f}",
                        flush=True,
                    )


def fidelity(folder: Path, cpu: int, seconds: float) -> None:
    print(f"\n{'50 ms service time':26}{'p50 ms':>12}{'p99 ms':>13}{'server p99':>13}{'sent':>9}")
    with stub(folder, cpu, tls=False) as server:
        for rate in (1000, 3000):
            server.reset(0.05)
            whole = f"{seconds + 4:.0f}s"
            result = run_test(server, folder, {"open": {"rate": rate}, "duration": whole, "warmUp": "3s"})
            latency, sent = result["summary"]["latency"], result["summary"]["offered"]
            truth = server.stats()["p99"]
            print(f"{f'{rate:,}/s':26}{latency['p50']:12.1f}{latency['p99']:13.1f}{truth:13.1f}{sent:9,}", flush=True)
        server.reset(0.05, FREEZE_AFTER_SECONDS)
        result = run_test(server, folder, {"open": {"rate": 200}, "duration": "18s"})
        latency = result["summary"]["latency"]
        print(f"{'200/s, a freeze of 2 s':26}{latency['p50']:12.1f}{latency['p99']:13.1f}")


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--users", type=int, default=50, help="callers in a closed loop (default %(default)s)")
    parser.add_argument("--only", choices=("cost", "fidelity"), help="one of the two parts")
    options = parser.parse_args()
    cpu = (os.cpu_count() or 1) - 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate(folder / "tls.pem")
        if options.only != "fidelity":
            costs(folder, cpu, options.users, options.seconds)
        if options.only != "cost":
            fidelity(folder, cpu, options.seconds)


if __name__ == "__main__":
    main()
