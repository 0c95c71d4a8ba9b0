"""The tasks: a log is brought to the executor and scanned with `netsift`; what is found becomes rows of a table.

Runs on executors, with pyarrow and what Spark ships. It knows nothing of other logs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import SparkFiles, TaskContext

# The columns of the scan's table around the fields: of all kinds of rows, of defects, and of groups.
COMMON = {"kind": "string", "log": "string", "status": "int", "place": "bigint", "source": "string", "sha256": "string"}
OF_DEFECT = {"chunk": "bigint", "offset": "bigint", "defect": "string", "message": "string"}
OF_GROUP = {"rule": "bigint", "count": "bigint", "first": "bigint", "first_text": "string", "last": "bigint",
            "last_text": "string"}
ARROW = {"string": pa.string(), "int": pa.int32(), "bigint": pa.int64()}
# Fields that a partial result has as numbers, and as text where they are none.
NUMBERS = ("dest_port", "src_port", "process_id")
# As `is_unsafe` of src/text.rs.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Failed(Exception):
    """A log that could not be scanned: the exit status if netsift ran, and why."""

    def __init__(self, status: int | None, cause: str):
        super().__init__(status, cause)
        self.status, self.cause = status, printable(cause)


def columns(fields: list[str]) -> dict[str, str]:
    """The columns of the scan's table and their types in Spark."""
    return {**COMMON, **OF_DEFECT, **dict.fromkeys(fields, "string"), **OF_GROUP}


def scan_all(batches, settings: dict):
    """Scans logs, one by one. One that fails fails its task, which Spark tries again; the last time it is a row."""
    is_last = TaskContext.get().attemptNumber() >= settings["attempts"] - 1
    root = settings["scratch"] or SparkFiles.getRootDirectory()
    remove_left_over(root)
    for batch in batches:
        for log in batch.to_pylist():
            try:
                with scratch(root) as folder:
                    yield from scan(log, folder, settings)
            except Exception as error:  # Whatever it is, it must not cost the log its mention.
                failed = error if isinstance(error, Failed) else Failed(None, f"{type(error).__name__}: {error}")
                if not is_last:
                    raise RuntimeError(f"netsift: {shown_path(log['path'])}: {failed.cause}") from error
                row = {"kind": "log", "log": log["path"], "status": failed.status, "message": failed.cause}
                yield from rows([row], settings["fields"])


def scan(log: dict, folder: str, settings: dict):
    """The rows of a log: of itself, its sources, its defects, its groups."""
    # One that was met in a folder is scanned as the only one in a folder, since netsift judges it by its name then.
    file = Path(folder, "log", log["path"].rpartition("/")[2])
    file.parent.mkdir()
    bring(log, file, settings)
    paths = [str(write_empty_log(folder)), str(file if log["given"] else file.parent)]
    program, *options = settings["command"]
    command = [SparkFiles.get(program), *options, "--follow", "--threads", settings["threads"]]
    original = renaming(str(file.parent), log["path"])
    try:
        status = run(command, paths, folder, SparkFiles.getRootDirectory())
    except Failed as error:
        raise Failed(error.status, original(error.cause)) from None
    partial = pq.ParquetFile(Path(folder, "partial"))
    facts = facts_of(partial)
    sources = [original(source["name"]) for source in facts["sources"]]
    yield from rows(rows_of_facts(log["path"], status, facts, original), settings["fields"])
    yield from groups(partial, log["path"], pa.array(sources, pa.string()), settings["fields"])


def renaming(scratch_folder: str, path: str):
    """What puts the folder of a path where a text has the one in scratch."""
    inside, own = f"{printable(scratch_folder)}/", f"{shown_path(path).rpartition('/')[0]}/"
    return lambda text: text.replace(inside, own)


# --- the program ---


def run(command: list[str], paths: list[str], folder: str, directory: str) -> int:
    """Runs netsift over paths, with a partial result and temporary files in a folder. Returns its exit status."""
    command = [*command, "--partial", str(Path(folder, "partial")), "--", *paths]
    environment = {**os.environ, "TMPDIR": folder}
    with open(Path(folder, "stderr"), "w+b") as told:
        try:
            ran = subprocess.run(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=told, check=False)
        except OSError as error:
            raise Failed(None, f"netsift cannot be run here: {error}") from None
        if ran.returncode in (0, 3):
            return ran.returncode
        raise Failed(ran.returncode, last_words(told, ran.returncode))


def last_words(told, status: int) -> str:
    """What a process said before it ended."""
    end = told.seek(0, os.SEEK_END)
    told.seek(max(0, end - 4096))
    text = told.read().decode("utf-8", "replace").strip()
    ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return f"{text.removeprefix('netsift: ')} ({ended})" if text else ended


def facts_of(partial: pq.ParquetFile) -> dict:
    return json.loads(partial.schema_arrow.metadata[b"netsift-partial"])


def write_empty_log(folder: str) -> Path:
    """A log without chunks. With it, an archive without logs is what it is in a folder among others: no defect."""
    header = struct.pack("<8sQQQIHHHH76xI", b"ElfFile\0", 0, 0, 1, 128, 1, 3, 4096, 0, 0)[:120]
    path = Path(folder, "empty.evtx")
    path.write_bytes((header + struct.pack("<II", 0, zlib.crc32(header))).ljust(4096, b"\0"))
    return path


# --- what is found, as rows ---


def rows_of_facts(log: str, status: int, facts: dict, original) -> list[dict]:
    found = [{"kind": "log", "log": log, "status": status}]
    for place, source in enumerate(facts["sources"]):
        name = original(source["name"])
        # All but the log without records.
        if name != source["name"]:
            sha256 = (source["digests"] or {}).get("sha256")
            found.append({"kind": "source", "log": log, "place": place, "source": name, "sha256": sha256})
    first, counts = facts["defects"]["first"], facts["defects"]["counts"]
    for defect in first:
        found.append({"kind": "defect", "log": log, "status": status, "source": original(defect["path"]),
                      "chunk": defect["chunk"], "offset": defect["offset"], "defect": defect["kind"],
                      "message": original(defect["cause"])})
    if sum(counts.values()) > len(first):
        more = f"and {sum(counts.values()) - len(first)} more"
        found.append({"kind": "defect", "log": log, "status": status, "message": more})
    return found


def groups(partial: pq.ParquetFile, log: str, sources: pa.Array, fields: list[str]):
    """The groups of a partial result. Values are text, as in reports; what is not stated is empty."""
    for batch in partial.iter_batches(batch_size=16384):
        count = batch.num_rows
        found = {name: batch[name] for name in ("rule", "count")}
        found |= {"kind": pa.repeat("group", count), "log": pa.repeat(log, count), "place": batch["source"],
                  "source": sources.take(batch["source"])}
        for field in fields:
            values = batch[field]
            if field in NUMBERS:
                values = pc.coalesce(pc.cast(values, pa.string()), batch[f"{field}_text"])
            found[field] = pc.fill_null(values, "")
        for end in ("first", "last"):
            found[end] = pc.cast(batch[f"{end}_time"], pa.int64())
            found[f"{end}_text"] = batch[f"{end}_time_text"]
        yield with_all_columns(found, count, fields)


def rows(found: list[dict], fields: list[str]):
    types = columns(fields)
    names = {name for row in found for name in row}
    arrays = {name: pa.array([row.get(name) for row in found], ARROW[types[name]]) for name in names}
    yield with_all_columns(arrays, len(found), fields)


def with_all_columns(arrays: dict, count: int, fields: list[str]) -> pa.RecordBatch:
    """A batch of the scan's table. A column that is not given is null."""
    types = columns(fields)
    found = [arrays[name] if name in arrays else pa.nulls(count, ARROW[kind]) for name, kind in types.items()]
    return pa.RecordBatch.from_arrays(found, names=list(types))


# --- the log, and scratch ---


def bring(log: dict, file: Path, settings: dict) -> None:
    """Makes a log be at `file`: as a link if it has a local path, otherwise as a copy."""
    local = local_path(log["path"])
    if local is None or settings["copy"]:
        fetch(log, file, settings)
    elif os.path.isfile(local):
        file.symlink_to(local)
    else:
        raise Failed(None, f"not on {os.uname().nodename}: what has a local path has to be on every executor")


def fetch(log: dict, file: Path, settings: dict) -> None:
    """Streams a log through Hadoop's `fs -cat`, with the Java, the classes and the configuration of Spark here."""
    folder, size = file.parent.parent, log["size"]
    if shutil.disk_usage(folder).free < size:
        raise Failed(None, f"no room in {folder}: the log has {size} bytes")
    hadoop = Path(folder, "hadoop")
    hadoop.mkdir(mode=0o700)
    Path(hadoop, "core-site.xml").write_text(settings["hadoop"])
    Path(hadoop, "log4j2.properties").write_text("rootLogger.level = off\n")
    # Jars that were added to the application are among the files that Spark ships.
    classes = os.pathsep.join([str(hadoop), log["classes"], f"{SparkFiles.getRootDirectory()}/*"])
    command = [f"{log['java']}/bin/java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classes,
               "org.apache.hadoop.fs.FsShell", "-cat", re.sub(r"([\\*?\[\]{}^])", r"\\\1", log["path"])]
    with open(Path(folder, "stderr"), "w+b") as told, open(file, "wb") as out:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=told) as cat:
            copied = copy(cat.stdout, out, size)
            if copied > size:
                cat.kill()
        if copied <= size and cat.returncode != 0:
            raise Failed(None, f"cannot be read: {last_words(told, cat.returncode)}")
    if copied != size:
        of_it = "more than that" if copied > size else copied
        raise Failed(None, f"changed since it was listed: it had {size} bytes, and {of_it} could be read")


def copy(source, out, limit: int) -> int:
    """Copies up to a limit, and says how much there was, or something more than the limit."""
    copied = 0
    while copied <= limit and (block := source.read(1 << 20)):
        out.write(block)
        copied += len(block)
    return copied


@contextlib.contextmanager
def scratch(root: str):
    """A folder that is removed in the end; if this process is killed, by the next task, or by Spark with its own."""
    new = tempfile.mkdtemp(prefix="netsift-new-", dir=root)
    with open(Path(new, "lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = new.replace("netsift-new-", "netsift-scan-")
        os.rename(new, folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_left_over(root: str) -> None:
    """Removes scratch folders that no process holds any more."""
    for folder in Path(root).glob("netsift-scan-*"):
        with contextlib.suppress(OSError), open(Path(folder, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


# --- names ---


def local_path(path: str) -> str | None:
    """Of `file:/case/Sysmon.evtx`: /case/Sysmon.evtx."""
    match = re.match(r"file:(?://)?(?=/)", path)
    return path[match.end():] if match else None


def shown_path(path: str) -> str:
    """A path as netsift names it: a local one without its scheme, and safe to print."""
    return printable(local_path(path) or path)


def printable(text: str) -> str:
    """Text with what could break a line or drive a terminal as escapes, as netsift shows it."""
    return UNSAFE.sub(lambda found: NAMED.get(found[0], f"\\u{{{ord(found[0]):x}}}"), text)
