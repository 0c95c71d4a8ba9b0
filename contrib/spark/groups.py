"""The report: groups of all logs counted together, from the table of what the scan found.

The keys are those of netsift's own groups, and so are the order, the times and the cells. Nothing of the logs is read.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from scan_task import printable

RULE = {
    "rule_title": "title",
    "rule_id": "id",
    "rule_level": "level",
    "mitre_attack": "attack",
    "rule_author": "author",
}
NANOSECONDS = "decimal(22, 0)"
# What is told of a defect.
DEFECT = ["log", "status", "source", "chunk", "offset", "kind", "message"]
# Of the scan's table: files that were scanned, those of them that could not be, and logs in them.
COUNTED = ["count_if(kind = 'log')", "count_if(kind = 'log' and message is not null)", "count_if(kind = 'source')"]


def repeated(scanned: DataFrame) -> DataFrame:
    """Sources that are in another log too, by their SHA-256, and do not count: of copies, the first log's does."""
    sources = scanned.where("kind = 'source' and sha256 is not null").select("log", "place", "source", "sha256")
    sources = sources.withColumn("owner", F.min("log").over(Window.partitionBy("sha256")))
    return sources.where("log != owner")


def merged(scanned: DataFrame, copies: DataFrame, facts: dict) -> DataFrame:
    """The report's rows, in its order: fields, count, first and last time, and the rule if reports name it."""
    fields = facts["group_by"]
    groups = scanned.where("kind = 'group'").join(copies.select("log", "place"), ["log", "place"], "left_anti")
    groups = groups.withColumns({end: F.expr(nanoseconds(end)) for end in ("first", "last")})
    groups = groups.groupBy(*fields, "rule").agg(
        F.sum("count").alias("count"), F.min("first").alias("first"), F.max("last").alias("last")
    )
    groups = groups.orderBy(F.asc_nulls_first("first"), *fields, "rule")
    times = [F.expr(text_of(end)).alias(f"{end}Time") for end in ("first", "last")]
    rules = facts["rules"]["infos"] if facts["rules"]["named"] else []
    of_rule = [value_of_rule(rules, name).alias(column) for column, name in RULE.items()] if rules else []
    return groups.select(*fields, "count", *times, *of_rule)


def nanoseconds(end: str) -> str:
    """A time, since 1970. What does not fit into 64 bits is there as text; text that is no time stops the job."""
    text = f"{end}_text"
    read = f"coalesce(try_cast({text} as timestamp), cast(raise_error(concat('not a time: ', {text})) as timestamp))"
    beyond = f"cast(rpad(regexp_extract({text}, '[.][0-9]{{6}}([0-9]{{1,3}})', 1), 3, '0') as int)"
    number = f"cast(cast(unix_micros({read}) as {NANOSECONDS}) * 1000 + {beyond} as {NANOSECONDS})"
    return f"case when {text} is null then cast({end} as {NANOSECONDS}) else {number} end"


def text_of(end: str) -> str:
    """A time as in reports: RFC 3339 in UTC, seven digits, cut off; empty if none was stated."""
    part = f"pmod({end}, 1000000000)"
    second = f"replace(cast(timestamp_seconds(({end} - {part}) div 1000000000) as string), ' ', 'T')"
    return f"coalesce(concat({second}, '.', lpad(cast({part} div 100 as string), 7, '0'), 'Z'), '')"


def value_of_rule(rules: list[dict], name: str):
    return F.element_at(F.array(*(F.lit(rule[name]) for rule in rules)), (F.col("rule") + 1).cast("int"))


def defects(scanned: DataFrame, copies: DataFrame, not_listed: DataFrame) -> DataFrame:
    """What could not be read: paths, logs that could not be scanned, and what netsift found wrong with the others."""
    failed = scanned.where("kind = 'log' and message is not null")
    wrong = scanned.where("kind = 'defect'").join(copies.select("log", "source"), ["log", "source"], "left_anti")
    found = failed.unionByName(wrong.select(*failed.columns)).withColumn("kind", F.col("defect"))
    found = found.withColumn("log", F.expr(shown("log")))
    return found.select(*DEFECT).unionByName(not_listed, allowMissingColumns=True)


def shown(path: str) -> str:
    """A path as netsift names it, but for what is not safe to print, which `write_csv` sees to."""
    return f"regexp_replace({path}, '^file:(//)?(?=/)', '')"


def write_csv(table: DataFrame, path: str, order: list[str]) -> None:
    """Writes one CSV file with netsift's cells: safe in a spreadsheet, one row per line."""
    texts = [name for name, kind in table.dtypes if kind == "string"]
    cells = F.udf(lambda values: [cell(value) for value in values], "array<string>")
    table = table.repartition(1).sortWithinPartitions(*order)
    table = table.withColumn("cells", cells(F.array(*texts)))
    shown = [F.col("cells")[texts.index(name)].alias(name) if name in texts else name for name in table.columns[:-1]]
    # As netsift's: no quotation marks but where they are needed.
    style = {"header": True, "escape": '"', "emptyValue": "", "nullValue": "", "ignoreLeadingWhiteSpace": False,
             "ignoreTrailingWhiteSpace": False}
    table.select(*shown).write.mode("overwrite").options(**style).csv(path)


def cell(value: str | None) -> str:
    """A value as a cell; one that a spreadsheet would run as a formula gets a leading `'`."""
    guard = "'" if value and value[0] in "=+-@\t\r" else ""
    return guard + printable(value or "")


def told(defect) -> str:
    """A defect as a line for a person."""
    place = f"chunk {defect.chunk} at {defect.offset:#x}: " if defect.chunk is not None else ""
    return f"{defect.source or printable(defect.log)}: {place}{defect.message}"
