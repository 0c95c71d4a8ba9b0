"""Drives chromium over the pages in a folder, through chromedriver (W3C WebDriver, plain HTTP: no package is needed).

Each check prints a line; the last line is `N passed, 0 failed`, and the exit status says the same.
"""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FOLDER = pathlib.Path(sys.argv[1]).resolve()
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --hide-scrollbars --force-color-profile=srgb"
).split()
TAB, ENTER = "\ue004", "\ue007"
failures, passed = [], 0


def check(what, holds, seen=""):
    global passed
    if holds:
        passed += 1
        print(f"ok      {what}")
    else:
        failures.append(what)
        print(f"FAILED  {what}: {seen}")


class Browser:
    """A session of chromedriver with a new, empty profile."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.profile = tempfile.mkdtemp(prefix="netsift-browser-")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                if self.call("GET", "/status")["ready"]:
                    break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": [*FLAGS, f"--user-data-dir={self.profile}"]},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.base += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        # A proxy of the environment is none of this.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()[:600]}") from error

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, name):
        """Opens a page, and returns how many seconds that took."""
        self.call("POST", "/url", {"url": "about:blank"})
        self.log("browser"), self.log("performance")
        started = time.monotonic()
        self.call("POST", "/url", {"url": (FOLDER / f"{name}.html").as_uri()})
        ready = self.js("return document.documentElement.dataset.ready")
        self.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        took = time.monotonic() - started
        check(f"{name}: its script ran to the end", ready == "true", self.log("browser"))
        return took

    def js(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def devtools(self, command, params=None):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params or {}})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def silent(self, name):
        """Nothing on the console, and no request but for the page itself."""
        console = [entry["message"] for entry in self.log("browser")]
        check(f"{name}: nothing on the console", not console, console)
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        urls = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
        own = (FOLDER / f"{name}.html").as_uri()
        other = [url for url in urls if url != own and not url.startswith(("data:", "about:"))]
        check(f"{name}: no request leaves it", not other, other)

    def click(self, selector):
        self.js("const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center', behavior: 'instant'}); e.click()", selector)

    def keys(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def fill(self, text):
        self.js("const f = document.getElementById('filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))", text)

    def drag(self, selector, start, end):
        """Drags the pointer over an element, from and to a part of its width."""
        self.js("document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})", selector)
        box = self.js("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]", selector)
        at = lambda part: {"type": "pointerMove", "duration": 50, "x": int(box[0] + box[2] * part), "y": int(box[1] + box[3] / 2)}
        moves = [at(start), {"type": "pointerDown", "button": 0}, at((start + end) / 2), at(end), {"type": "pointerUp", "button": 0}]
        self.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}]})

    def picture(self, name, whole=True):
        self.js("window.scrollTo(0, 0)")
        params = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
            params["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        (FOLDER / f"{name}.png").write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", params)["data"]))

    def cells(self, column):
        return self.js("return [...document.querySelectorAll(`#table > table > tbody > tr > td[data-label=\"${arguments[0]}\"]`)].map(e => e.textContent)", column)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).textContent", selector)

    def no_sideways_scroll(self, what):
        widths = self.js("return [document.documentElement.scrollWidth, window.innerWidth]")
        check(f"{what}: the page does not scroll sideways", widths[0] <= widths[1], widths)


def hits_shown(browser):
    """The number of hits that the timeline tells."""
    return int(browser.text("#readout").split(" · ")[1].split(" ")[0].replace(",", ""))


def zoom(browser, name, hits):
    check(f"{name}: the timeline has all hits", hits_shown(browser) == hits, browser.text("#readout"))
    everything = browser.text("#readout")
    browser.drag("#chart", 0.3, 0.6)
    part = hits_shown(browser)
    check(f"{name}: a drag zooms", 0 < part < hits, browser.text("#readout"))
    dragged, before = browser.text("#readout"), browser.text("#table-status")
    browser.click("#in-range")
    check(f"{name}: the table follows the range", browser.text("#table-status") != before, before)
    browser.click("#in-range")
    browser.click("#zoom-in")
    check(f"{name}: a button zooms", hits_shown(browser) <= part and browser.text("#readout") != dragged, browser.text("#readout"))
    browser.click("#zoom-reset")
    check(f"{name}: reset shows all again", browser.text("#readout") == everything, browser.text("#readout"))
    browser.js("document.getElementById('chart').focus()")
    browser.keys("+", "\ue014")
    check(f"{name}: keys zoom", 0 < hits_shown(browser) < hits, browser.text("#readout"))
    browser.keys("0")
    check(f"{name}: a key shows all again", browser.text("#readout") == everything, browser.text("#readout"))
    browser.click("#stack-by button:nth-child(2)")
    check(f"{name}: it stacks by process", "exe" in browser.text("#legend").lower() and hits_shown(browser) == hits)
    browser.click("#stack-by button:nth-child(1)")


def sort_filter_expand(browser, name, groups):
    head = lambda label: f"return [...document.querySelectorAll('#table thead button')].find(e => e.textContent === '{label}')"
    press = lambda label: browser.js(head(label).replace("return ", "") + ".click()")
    direction = lambda label: browser.js(head(label) + ".parentNode.ariaSort")
    press("count")
    counts = [int(text.replace(",", "")) for text in browser.cells("count")]
    check(f"{name}: it sorts by count", counts == sorted(counts, reverse=True) and direction("count") == "descending", counts[:5])
    press("count")
    counts = [int(text.replace(",", "")) for text in browser.cells("count")]
    check(f"{name}: and the other way", counts == sorted(counts) and direction("count") == "ascending", counts[:5])
    press("dvc")
    hosts = browser.cells("dvc")
    check(f"{name}: it sorts by text", hosts == sorted(hosts) and direction("count") == "none", hosts[:5])
    press("first (UTC)")
    times = browser.cells("first (UTC)")
    check(f"{name}: it sorts by time", times == sorted(times), times[:5])

    port = browser.cells("dest_port")[0]
    browser.fill(f"dest_port={port}")
    ports = set(browser.cells("dest_port"))
    check(f"{name}: it filters by a field", ports == {port} and " of " in browser.text("#table-status"), ports)
    browser.fill(f"-dest_port={port}")
    check(f"{name}: and by what it is not", port not in browser.cells("dest_port"))
    browser.fill("nothing has this")
    check(f"{name}: a filter can leave nothing", browser.cells("dest_port") == [] and browser.text("#table-status").startswith("0 of"))
    browser.click("#filter-clear")
    check(f"{name}: clear shows all again", browser.text("#table-status").startswith(f"{groups:,} group"), browser.text("#table-status"))

    browser.click("#table td.expand button")
    events = browser.js("return document.querySelectorAll('tr.detail tbody tr').length")
    check(f"{name}: a row opens to its events", events == min(50, int(browser.cells("count")[0])), events)
    check(f"{name}: and says so", browser.js("return document.querySelector('td.expand button').ariaExpanded") == "true")
    browser.click("#table td.expand button")
    check(f"{name}: and closes", browser.js("return document.querySelector('tr.detail')") is None)


def rules(browser, name):
    """A page of Sigma rules: which rule a group is of is in the table, and can be sorted and filtered by."""
    press = lambda label: browser.js("[...document.querySelectorAll('#table thead button')].find(e => e.textContent === arguments[0]).click()", label)
    titles, levels = set(browser.cells("rule_title")), set(browser.cells("rule_level"))
    check(f"{name}: titles of rules are in the table", {"Detect Regsvcs with Network Connection", "Every Connection"} <= titles, titles)
    check(f"{name}: and their levels", levels == {"high", "informational"}, levels)
    press("rule_title")
    titles = browser.cells("rule_title")
    check(f"{name}: it sorts by title", titles == sorted(titles, key=str.lower) and len(set(titles)) > 1, titles[:5])
    press("rule_level")
    check(f"{name}: it sorts by level, from the least", browser.cells("rule_level")[0] == "informational", browser.cells("rule_level")[:5])
    press("rule_level")
    check(f"{name}: and from the most severe", browser.cells("rule_level")[0] == "high", browser.cells("rule_level")[:5])
    browser.fill('rule_title="every connection"')
    check(f"{name}: it filters by title", set(browser.cells("rule_title")) == {"Every Connection"}, browser.text("#table-status"))
    browser.fill("rule_level:high")
    check(f"{name}: it filters by level", set(browser.cells("rule_level")) == {"high"}, browser.text("#table-status"))
    browser.fill("constructor:x")
    check(f"{name}: what is no field is text", browser.text("#table-status").startswith("0 of"), browser.text("#table-status"))
    browser.click("#filter-clear")


def rarity(browser, name):
    """A page of a fleet: on how many hosts a process had a destination is in the table, and in a table of its own."""
    press = lambda label: browser.js("[...document.querySelectorAll('#table thead button')].find(e => e.textContent === arguments[0]).click()", label)
    press("host_count")
    counts = [int(text) for text in browser.cells("host_count")]
    check(f"{name}: it sorts by the number of hosts", counts == sorted(counts) and len(set(counts)) > 1, counts[:5])
    check(f"{name}: first hosts are in the table", "" not in browser.cells("first_host"), browser.cells("first_host")[:5])
    rare = browser.js("return [...document.querySelectorAll('#rare tbody tr')].map(row => [...row.children].map(cell => cell.textContent))")
    hosts = [int(row[0]) for row in rare]
    check(f"{name}: what few hosts did comes first", hosts == sorted(hosts) and len(rare) > 5, hosts[:5])
    check(f"{name}: a process is its base name", all("\\" not in row[2] for row in rare), rare[:3])
    wanted = browser.text("#rare button.link")
    browser.click("#rare button.link")
    shown = set(browser.cells("dest"))
    check(f"{name}: a rare destination's button filters the table", shown == {wanted} and " of " in browser.text("#table-status"), shown)
    browser.click("#filter-clear")
    check(f"{name}: evidence is text there too", browser.js("return document.scripts.length") == 2 and "alert(1)" in browser.text("#rare"))


def hidden(browser, *ids):
    return browser.js("return arguments[0].map(id => document.getElementById(id).hidden)", list(ids))


def keyboard(browser, name):
    reached, sorted_by_key = [], False
    for _ in range(400):
        browser.keys(TAB)
        focus = browser.js("const e = document.activeElement; return [e.tagName, e.id, e.textContent.slice(0, 20), e.closest('#table thead') !== null, e.getAttribute('aria-expanded')]")
        reached.append(focus[1] or focus[2])
        if focus[3] and focus[2] == "count":
            browser.keys(ENTER)
            sorted_by_key = browser.js("return document.activeElement.parentNode.ariaSort") == "descending"
        if focus[4] == "false" and sorted_by_key:
            browser.keys(ENTER)
            break
    check(f"{name}: Tab reaches zoom, chart, filter", {"zoom-in", "chart", "filter"} <= set(reached), reached)
    check(f"{name}: Enter on a header sorts", sorted_by_key)
    check(f"{name}: Enter on a row opens it", browser.js("return document.querySelector('tr.detail') !== null"))
    visible = browser.js("return getComputedStyle(document.activeElement).outlineStyle")
    check(f"{name}: the focus is visible", visible == "solid", visible)


def looks(browser, name):
    browser.size(1440, 900)
    browser.picture(f"{name}-wide")
    browser.no_sideways_scroll(f"{name}, wide")
    browser.devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    dark = browser.js("return getComputedStyle(document.body).backgroundColor")
    browser.picture(f"{name}-dark")
    browser.devtools("Emulation.setEmulatedMedia", {"features": []})
    light = browser.js("return getComputedStyle(document.body).backgroundColor")
    check(f"{name}: dark is dark and light is light", dark < "rgb(4" and light > "rgb(20", (dark, light))
    browser.size(400, 800)
    time.sleep(0.2)
    browser.picture(f"{name}-narrow")
    browser.no_sideways_scroll(f"{name}, narrow")
    browser.size(1440, 900)
    printed = base64.b64decode(browser.call("POST", "/print", {"orientation": "landscape", "background": True}))
    (FOLDER / f"{name}.pdf").write_bytes(printed)
    check(f"{name}: it prints", printed.startswith(b"%PDF") and len(printed) > 10_000, len(printed))


def main():
    browser = Browser()
    try:
        browser.size(1440, 900)
        browser.open("story")
        browser.size(1440, 1180)
        browser.picture("story-picture", whole=False)
        browser.size(1440, 900)
        looks(browser, "story")
        browser.open("story")
        browser.click("#regular button.link")
        check("story: a destination's button filters the table", " of " in browser.text("#table-status") and len(browser.cells("count")) == 1, browser.text("#table-status"))
        check("story: the beacon is the most regular", "updates.cdn-sync.example" in browser.text("#regular tbody tr"))
        browser.silent("story")
        browser.open("story")
        keyboard(browser, "story")
        browser.silent("story")

        browser.open("case")
        zoom(browser, "case", 102)
        sort_filter_expand(browser, "case", 99)
        looks(browser, "case")
        browser.silent("case")

        took = browser.open("many")
        size = (FOLDER / "many.html").stat().st_size
        print(f"        10,000 groups, {size / 1e6:.1f} MB, open after {took:.2f} s")
        check("many: it opens within three seconds", took < 3, took)
        started = time.monotonic()
        sort_filter_expand(browser, "many", 10_000)
        check("many: it stays usable", time.monotonic() - started < 6, time.monotonic() - started)
        zoom(browser, "many", 110_000)
        check("many: it says what is not listed", "10,000 more events" in browser.text("#made"), browser.text("#made")[-300:])
        rows = len(browser.cells("count"))
        browser.click("#more")
        check("many: more rows on demand", len(browser.cells("count")) == rows + 200, rows)
        looks(browser, "many")
        browser.silent("many")

        browser.open("hostile")
        browser.click("#table td.expand button")
        check("hostile: it is shown as text", "<script>alert(1)</script>" in browser.text("#table tbody"))
        check("hostile: and no more than that", browser.js("return document.scripts.length") == 2 and "alert(1)" in browser.text("#matrix"))
        looks(browser, "hostile")
        browser.silent("hostile")

        browser.open("nothing")
        check("nothing: it says so", browser.js("return !document.getElementById('nothing').hidden && document.getElementById('groups').hidden"))
        looks(browser, "nothing")
        browser.silent("nothing")

        browser.open("fleet")
        rarity(browser, "fleet")
        check("fleet: what groups do not tell is not there", hidden(browser, "timeline", "regular", "destinations", "matrix", "rare") == [True, True, False, False, False])
        browser.click("#table td.expand button")
        check("fleet: a row opens to its facts", browser.js("return document.querySelectorAll('tr.detail dl.facts div').length") > 5)
        check("fleet: and to no events", browser.js("return document.querySelector('tr.detail tbody')") is None)
        check("fleet: it says why", "--partial-events" in browser.text("#made"), browser.text("#made")[-300:])
        looks(browser, "fleet")
        browser.silent("fleet")
        browser.open("fleet-events")
        rarity(browser, "fleet-events")
        check("fleet-events: it has all sections", not any(hidden(browser, "timeline", "regular", "destinations", "matrix", "rare")))
        browser.click("#table td.expand button")
        check("fleet-events: a row opens to its events", browser.js("return document.querySelectorAll('tr.detail tbody tr').length") > 0)
        looks(browser, "fleet-events")
        browser.silent("fleet-events")
        by_rule = lambda: ["once for each rule" in browser.text(f"#{section}") for section in ("destinations", "rare", "matrix")]
        check("fleet-events: single hits are counted once", not any(by_rule()), by_rule())
        browser.open("fleet-rules")
        check("fleet-rules: it says that groups count hits by rule", all(by_rule()), by_rule())
        looks(browser, "fleet-rules")
        browser.silent("fleet-rules")
        browser.open("few-fields")
        check("few-fields: what its groups do not tell is not there", all(hidden(browser, "timeline", "regular", "destinations", "matrix", "rare")))
        check("few-fields: nor made up", browser.text("#tiles").count("–") == 2, browser.text("#tiles"))
        looks(browser, "few-fields")
        browser.silent("few-fields")
        for name in ("story", "case"):
            browser.open(name)
            check(f"{name}: rarity is there on demand only", hidden(browser, "rare") == [True])

        browser.open("rules")
        rules(browser, "rules")
        looks(browser, "rules")
        browser.silent("rules")
        browser.open("one-rule")
        check("one-rule: what is the same in all rows is told once", "rule_title Every Connection" in browser.text("#table-status") and browser.cells("rule_title") == [], browser.text("#table-status"))
        browser.silent("one-rule")

        browser.open("filtered")
        applied = "since 2024-03-05T15:00:00Z; host WS*; port 443"
        check("filtered: its head says what the filters were", applied in browser.text("#lead"), browser.text("#lead"))
        check("filtered: and how it was made", applied in browser.text("#made") and "read and left out" in browser.text("#made"), browser.text("#made"))
        browser.silent("filtered")
        browser.open("outside")
        check("outside: nothing is found within the filters, and it says so", "within the filters" in browser.text("#nothing-why"), browser.text("#nothing-why"))
        browser.silent("outside")
    finally:
        browser.close()
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


main()
