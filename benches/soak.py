#!/usr/bin/env python3
"""What netsift does under load: soak.py FOLDER [NETSIFT]

Makes evidence in FOLDER (3 GiB of disk), scans it and prints a table: 100,000 small logs, one log of 20 GiB that is almost all holes, a
folder that changes while it is read, 1,000 damaged logs. Of each run: time, the most memory, the most open files, and whether temporary
files were left. It fails where a run ends in any other way than it should. Linux only: it looks at /proc.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "testdata/case/WS02/sysmon-export.evtx"
HEADER, CHUNK = 4096, 65536
LOGS, MUTANTS, HOLES = 100_000, 1_000, 20 << 30


def write_sparse(path: pathlib.Path, parts: list[tuple[int, bytes]], size: int) -> None:
    """A file with these bytes at these offsets, and holes between them."""
    with open(path, "wb") as file:
        for offset, data in parts:
            for at in range(0, len(data), HEADER):
                page = data[at : at + HEADER]
                if any(page):
                    file.seek(offset + at)
                    file.write(page)
        file.truncate(size)


def watch(process: subprocess.Popen, seen: dict) -> None:
    """Notes the most memory and the most open files of a process until it ends."""
    folder = pathlib.Path(f"/proc/{process.pid}")
    while process.poll() is None:
        try:
            status = (folder / "status").read_text()
            peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
            seen["memory"] = max(seen.get("memory", 0), peak)
            seen["files"] = max(seen.get("files", 0), len(list((folder / "fd").iterdir())))
        except (OSError, StopIteration):
            pass
        time.sleep(0.005)


def run(name: str, netsift: str, args: list[str], statuses: set[int]) -> str:
    """Runs netsift, prints a line of the table, and returns the report."""
    with tempfile.TemporaryDirectory() as temporary:
        start = time.monotonic()
        process = subprocess.Popen(
            [netsift, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": temporary}
        )
        seen: dict = {}
        watcher = threading.Thread(target=watch, args=(process, seen))
        watcher.start()
        out, err = process.communicate()
        watcher.join()
        left = os.listdir(temporary)
    elapsed = time.monotonic() - start
    memory, files = seen.get("memory", 0) / 1024, seen.get("files", 0)
    print(f"| {name} | {elapsed:.1f} s | {memory:.0f} MiB | {files} | {len(left)} | {process.returncode} |", flush=True)
    if process.returncode not in statuses or left or b"panicked" in err:
        sys.exit(f"{name}: status {process.returncode}, left {left}: {err.decode(errors='replace')[-2000:]}")
    return out.decode()


def small_logs(folder: pathlib.Path) -> int:
    """Makes the small logs; returns how many connections each has."""
    sample = SAMPLE.read_bytes()[: HEADER + CHUNK]
    for number in range(LOGS):
        under = folder / f"{number // 1000:03}"
        under.mkdir(parents=True, exist_ok=True)
        write_sparse(under / f"{number:06}.evtx", [(0, sample)], len(sample))
    return len(sample)


def change(folder: pathlib.Path, stop: threading.Event, source: bytes) -> None:
    """Adds logs to a folder, cuts them, lets them grow and removes them, until it is told to stop."""
    chance = random.Random(1)
    while not stop.is_set():
        path = folder / f"{chance.randrange(200)}.evtx"
        try:
            match chance.randrange(4):
                case 0:
                    path.write_bytes(source)
                case 1:
                    os.truncate(path, chance.randrange(len(source)))
                case 2:
                    with open(path, "ab") as file:
                        file.write(source[HEADER : HEADER + CHUNK])
                case _:
                    path.unlink()
        except FileNotFoundError:
            pass


def main() -> None:
    """Runs them all."""
    folder = pathlib.Path(sys.argv[1])
    netsift = str(pathlib.Path(sys.argv[2]).resolve()) if len(sys.argv) > 2 else "netsift"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ["small", "sparse", "changing", "mutants"]:
        (folder / name).mkdir(parents=True)
    print("| evidence | time | memory | open files | temporary files left | status |\n| --- | --- | --- | --- | --- | --- |")
    base = ["connections", "--quiet", "--group-by", "dvc,dest_ip"]
    sample = SAMPLE.read_bytes()
    one = run("one log", netsift, [*base, str(SAMPLE)], {0})

    small_logs(folder / "small")
    many = run(f"{LOGS:,} small logs", netsift, [*base, str(folder / "small")], {0})
    run("the same, groups in 16 MiB", netsift, [*base, "--max-memory", "16MiB", "--dedup", str(folder / "small")], {0})
    if len(many.splitlines()) < 2:
        sys.exit("the small logs gave no report")

    last = HEADER + (HOLES // CHUNK) * CHUNK
    write_sparse(folder / "sparse/big.evtx", [(0, sample), (last, sample[HEADER:])], last + len(sample) - HEADER)
    big = run("one log of 20 GiB, almost all holes", netsift, [*base, str(folder / "sparse")], {0, 3})
    if len(big.splitlines()) != len(one.splitlines()):
        sys.exit("the log with holes gave another report than its parts")

    stop = threading.Event()
    changer = threading.Thread(target=change, args=(folder / "changing", stop, sample))
    changer.start()
    try:
        for number in range(1, 11):
            run(f"a folder that changes, run {number}", netsift, [*base, "--recover", str(folder / "changing")], {0, 1, 3})
    finally:
        stop.set()
        changer.join()

    chance = random.Random(2)
    for number in range(MUTANTS):
        bytes_ = bytearray(sample)
        for _ in range(chance.choice([1, 3, 10, 100, 1000])):
            bytes_[chance.randrange(len(bytes_))] = chance.randrange(256)
        (folder / f"mutants/{number}.evtx").write_bytes(bytes_[: chance.choice([len(bytes_), chance.randrange(len(bytes_))])])
    mutants = [str(folder / "mutants")]
    run(f"{MUTANTS:,} damaged logs", netsift, [*base, *mutants], {0, 3})
    run("the same with --recover and --context", netsift, [*base, "--recover", "--context", *mutants], {0, 3})
    run("the same, every rule", netsift, ["detect", "--quiet", "--rule", "all", *mutants], {0, 3})
    shutil.rmtree(folder)


main()
