"""Drives a browser over the pages in a folder: chromium through chromedriver (W3C WebDriver, plain HTTP), or Firefox through its own
Marionette (JSON over TCP). No package is needed.

drive.py FOLDER chromium|firefox. Each check prints a line; the last line is `N passed, 0 failed`, and the exit status says the same.
"""

import base64
import csv
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

FOLDER = pathlib.Path(sys.argv[1]).resolve()
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --hide-scrollbars --force-color-profile=srgb"
).split()
TAB, ENTER, CONTROL = "\ue004", "\ue007", "\ue009"
DOWNLOADS = FOLDER / f"downloads-{sys.argv[2]}"
failures, passed = [], 0


def check(what, holds, seen=""):
    global passed
    if holds:
        passed += 1
        print(f"ok      {what}")
    else:
        failures.append(what)
        print(f"FAILED  {what}: {seen}")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Browser:
    """What both browsers do. Subclasses start one with a new, empty profile, and have `command`, `size`, `dark` and `silent`."""

    def open(self, name):
        """Opens a page, and returns how many seconds that took."""
        self.command("Navigate", "POST", "/url", {"url": "about:blank"})
        self.forget()
        started = time.monotonic()
        self.command("Navigate", "POST", "/url", {"url": (FOLDER / f"{name}.html").as_uri()})
        ready = self.js("return document.documentElement.dataset.ready")
        self.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        took = time.monotonic() - started
        check(f"{name}: its script ran to the end", ready == "true", ready)
        return took

    def js(self, script, *args):
        return self.command("ExecuteScript", "POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, selector):
        self.js("const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center', behavior: 'instant'}); e.click()", selector)

    def press(self, selector):
        """Clicks as a person does: some of what a browser does it does for persons only."""
        self.pointer(selector, lambda at: [at(0.5), {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    def keys(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.perform({"type": "key", "id": "keys", "actions": actions})

    def paste(self):
        """What is on the clipboard."""
        self.js("const area = document.createElement('textarea'); area.id = 'pasted'; document.body.append(area); area.focus()")
        keys = [{"type": "keyDown", "value": CONTROL}, {"type": "keyDown", "value": "v"}, {"type": "keyUp", "value": "v"}, {"type": "keyUp", "value": CONTROL}]
        self.perform({"type": "key", "id": "keys", "actions": keys})
        time.sleep(0.3)
        return self.js("const area = document.getElementById('pasted'), text = area.value; area.remove(); return text")

    def perform(self, actions):
        self.command("PerformActions", "POST", "/actions", {"actions": [actions]})

    def pointer(self, selector, moves):
        self.js("document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})", selector)
        box = self.js("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]", selector)
        at = lambda part: {"type": "pointerMove", "duration": 50, "x": int(box[0] + box[2] * part), "y": int(box[1] + box[3] / 2)}
        self.perform({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves(at)})

    def fill(self, text):
        self.js("const f = document.getElementById('filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))", text)

    def drag(self, selector, start, end):
        """Drags the pointer over an element, from and to a part of its width."""
        self.pointer(selector, lambda at: [at(start), {"type": "pointerDown", "button": 0}, at((start + end) / 2), at(end), {"type": "pointerUp", "button": 0}])

    def cells(self, column):
        return self.js("return [...document.querySelectorAll(`#table > table > tbody > tr > td[data-label=\"${arguments[0]}\"]`)].map(e => e.textContent)", column)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).textContent", selector)

    def printed(self):
        return base64.b64decode(self.command("Print", "POST", "/print", {"orientation": "landscape", "background": True}))

    def no_sideways_scroll(self, what):
        widths = self.js("return [document.documentElement.scrollWidth, window.innerWidth]")
        check(f"{what}: the page does not scroll sideways", widths[0] <= widths[1], widths)

    def close(self):
        try:
            self.quit()
        finally:
            self.process.terminate()
            self.process.wait()
            shutil.rmtree(self.profile, ignore_errors=True)


class Chromium(Browser):
    def __init__(self):
        port = free_port()
        self.profile = tempfile.mkdtemp(prefix="netsift-browser-")
        self.process = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
        self.devtools("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(DOWNLOADS)})

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

    def command(self, _, method, path, body):
        return self.call(method, path, body)

    def quit(self):
        self.call("DELETE", "")

    def size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)

    def dark(self, dark):
        self.devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def devtools(self, command, params=None):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params or {}})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def forget(self):
        self.log("browser"), self.log("performance")

    def silent(self, name):
        """Nothing on the console, and no request but for the page itself."""
        console = [entry["message"] for entry in self.log("browser")]
        check(f"{name}: nothing on the console", not console, console)
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        urls = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
        own = (FOLDER / f"{name}.html").as_uri()
        other = [url for url in urls if url != own and not url.startswith(("data:", "about:", "blob:"))]
        check(f"{name}: no request leaves it", not other, other)

    def picture(self, name, whole=True):
        self.js("window.scrollTo(0, 0)")
        params = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
            params["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        (FOLDER / f"{name}.png").write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", params)["data"]))


class Firefox(Browser):
    def __init__(self):
        port = free_port()
        self.profile = tempfile.mkdtemp(prefix="netsift-browser-")
        preferences = {
            "marionette.port": port, "browser.download.folderList": 2, "browser.download.dir": str(DOWNLOADS),
            "browser.download.always_ask_before_handling_new_types": False, "browser.download.alwaysOpenPanel": False,
            "app.update.enabled": False, "browser.startup.page": 0, "datareporting.policy.dataSubmissionEnabled": False,
            "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
            "services.settings.server": "data:,#", "toolkit.telemetry.enabled": False,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        pathlib.Path(self.profile, "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--profile", self.profile]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
                break
            except ConnectionError:
                time.sleep(0.1)
        self.number = 0
        self.answer()
        self.call("WebDriver:NewSession", {})
        # What the browser itself has to say is on the console too; and it does not tell of requests unless asked.
        self.system("globalThis.asked = []; Services.obs.addObserver({observe: channel => asked.push([channel.QueryInterface(Ci.nsIHttpChannel).URI.spec,"
                    " String(channel.loadInfo.loadingPrincipal && channel.loadInfo.loadingPrincipal.spec)])}, 'http-on-modify-request')")

    def answer(self):
        """One message: its length in bytes, a colon, and so much JSON."""
        length = b""
        while not length.endswith(b":"):
            length += self.socket.recv(1)
        data = b""
        while len(data) < int(length[:-1]):
            data += self.socket.recv(int(length[:-1]) - len(data))
        return json.loads(data)

    def call(self, name, params):
        self.number += 1
        message = json.dumps([0, self.number, name, params]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.answer()
        if error:
            raise RuntimeError(f"{name}: {error}")
        return result["value"] if isinstance(result, dict) and list(result) == ["value"] else result

    def command(self, name, _, __, body):
        return self.call(f"WebDriver:{name}", body)

    def system(self, script, *args):
        """Runs a script in the browser's own context."""
        self.call("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.call("WebDriver:ExecuteScript", {"script": script, "args": list(args), "sandbox": "system", "newSandbox": False})
        finally:
            self.call("Marionette:SetContext", {"value": "content"})

    def quit(self):
        self.call("WebDriver:DeleteSession", {})

    def size(self, width, height):
        # A window has borders, and is not narrower than 450.
        for _ in range(3):
            self.call("WebDriver:SetWindowRect", {"width": width, "height": height})
            inner = self.js("return [outerWidth - innerWidth, outerHeight - innerHeight]")
            self.call("WebDriver:SetWindowRect", {"width": width + inner[0], "height": height + inner[1]})

    def dark(self, dark):
        self.system("Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', arguments[0] ? 0 : 1)", dark)
        time.sleep(0.2)

    def forget(self):
        self.system("Services.console.reset(); globalThis.asked.length = 0")

    def silent(self, name):
        """Nothing on the console that is of the page, and no request of it."""
        own = (FOLDER / f"{name}.html").as_uri()
        console = self.system("return Services.console.getMessageArray().map(String).filter(text => text.includes(arguments[0]))", own)
        check(f"{name}: nothing on the console", not console, console)
        asked = [url for url, by in self.system("return globalThis.asked") if by.startswith("file:")]
        check(f"{name}: no request leaves it", not asked, asked)

    def picture(self, name, whole=True):
        self.js("window.scrollTo(0, 0)")
        whole = whole and self.js("return document.documentElement.scrollHeight") < 30_000
        (FOLDER / f"{name}-firefox.png").write_bytes(base64.b64decode(self.call("WebDriver:TakeScreenshot", {"full": whole})))


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


def sort_filter_expand(browser, name, groups, of_port):
    head = lambda label: f"return [...document.querySelectorAll('#table thead button')].find(e => e.textContent === '{label}')"
    press = lambda label: browser.js(head(label).replace("return ", "") + ".click()")
    direction = lambda label: browser.js(head(label) + ".parentNode.ariaSort")
    press("count")
    counts = [int(text.replace(",", "")) for text in browser.cells("count")]
    check(f"{name}: it sorts by count", counts == sorted(counts, reverse=True) and direction("count") == "descending", counts[:5])
    press("count")
    counts = [int(text.replace(",", "")) for text in browser.cells("count")]
    check(f"{name}: and the other way", counts == sorted(counts) and direction("count") == "ascending", counts[:5])
    press("host")
    hosts = browser.cells("host")
    check(f"{name}: it sorts by text", hosts == sorted(hosts) and direction("count") == "none", hosts[:5])
    press("first (UTC)")
    times = browser.cells("first (UTC)")
    check(f"{name}: it sorts by time", times == sorted(times), times[:5])

    port = browser.cells(of_port)[0]
    browser.fill(f"dest_port={port}")
    ports = set(browser.cells(of_port))
    check(f"{name}: it filters by a field", port in ports and (ports == {port} or of_port == "port") and " of " in browser.text("#table-status"), ports)
    browser.fill(f"-{of_port}={port}")
    check(f"{name}: and by what it is not", port not in browser.cells(of_port))
    browser.fill("nothing has this")
    check(f"{name}: a filter can leave nothing", browser.cells(of_port) == [] and browser.text("#table-status").startswith("0 of"))
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
    shown = browser.cells("dest") or browser.cells("remote")
    check(f"{name}: a rare destination's button filters the table", shown and all(text.startswith(wanted) for text in shown) and " of " in browser.text("#table-status"), shown)
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


def fits(browser, name):
    """Wide tables fit into their cards, with all of their columns, and no value is broken."""
    for width in (1280, 1440, 1600, 1920):
        browser.size(width, 900)
        time.sleep(0.2)
        wide = browser.js("return [...document.querySelectorAll('main .card .scroll, #table')].filter(e => !e.closest('#matrix') && !e.closest('tr.detail') && e.scrollWidth > e.clientWidth).map(e => e.closest('section').id)")
        check(f"{name}: tables fit into their cards at {width}", not wide, wide)
        broken = browser.js("""
            const height = e => { const range = document.createRange(); range.selectNodeContents(e); return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size; };
            return [...document.querySelectorAll('#destinations td.time > span, #table > table > tbody td.time.short > span, #table > table > tbody td.number.short > span')]
              .filter(e => height(e.firstChild) > 1).map(e => e.textContent)""")
        check(f"{name}: no time or number is broken at {width}", not broken, broken[:3])
        browser.no_sideways_scroll(f"{name}, {width}")


def looks(browser, name):
    browser.size(1440, 900)
    browser.picture(f"{name}-wide")
    browser.no_sideways_scroll(f"{name}, wide")
    browser.dark(True)
    dark = browser.js("return getComputedStyle(document.body).backgroundColor")
    browser.picture(f"{name}-dark")
    browser.dark(False)
    light = browser.js("return getComputedStyle(document.body).backgroundColor")
    check(f"{name}: dark is dark and light is light", dark < "rgb(4" and light > "rgb(20", (dark, light))
    browser.size(390, 800)
    time.sleep(0.2)
    browser.picture(f"{name}-narrow")
    browser.no_sideways_scroll(f"{name}, narrow")
    browser.size(1440, 900)
    printed = browser.printed()
    (FOLDER / f"{name}-{sys.argv[2]}.pdf").write_bytes(printed)
    check(f"{name}: it prints", printed.startswith(b"%PDF") and len(printed) > 10_000, len(printed))


def number(text):
    return int("".join(c for c in text if c.isdigit()))


def tile(browser, name):
    return browser.js("return [...document.querySelectorAll('.tile')].find(e => e.firstChild.textContent === arguments[0]).lastChild.firstChild.textContent", name)


def filters(browser, name, noun, column, value):
    """A filter is for the whole page: numbers, timeline, cards and table."""
    everything, before = hits_shown(browser), browser.text("#destinations tbody")
    legend = browser.text("#legend")
    browser.fill(f"{column}={value}")
    groups = number(browser.text("#table-status").split(" of ")[0])
    part = hits_shown(browser)
    check(f"{name}: the timeline has what the filter leaves", 0 < part < everything and browser.text("#legend") != legend, (part, everything))
    check(f"{name}: the numbers at the top do", [number(tile(browser, noun)), number(tile(browser, "Groups"))] == [part, groups], [tile(browser, noun), part])
    shown = browser.js("return [...document.querySelectorAll('#destinations tbody tr td:nth-child(5)')].map(e => e.textContent.replace(/,/g, ''))")
    more = browser.js("return document.querySelectorAll('#destinations .scroll .note').length")
    check(f"{name}: the destinations do", browser.text("#destinations tbody") != before and (more or sum(map(int, shown)) == part), (shown[:5], part))
    matrix = browser.js("return [...document.querySelectorAll('#matrix tbody td')].map(e => e.textContent.replace(/,/g, '')).filter(text => text)")
    check(f"{name}: hosts and destinations do", sum(map(int, matrix)) == part, (matrix[:5], part))
    browser.fill(f"-{column}={value}")
    check(f"{name}: what it leaves and what it leaves out is all", part + hits_shown(browser) == everything, (part, everything))
    browser.fill("nothing has this")
    lines = browser.js("return ['destinations', 'regular', 'matrix'].map(id => document.getElementById(id)).filter(e => !e.hidden).map(e => e.classList.contains('line') && e.offsetHeight < 60)")
    check(f"{name}: a card of nothing is a line", all(lines) and hits_shown(browser) == 0, lines)
    browser.fill("hosst:x")
    note = browser.text("#filter-note")
    check(f"{name}: a field that is not there is named", "“hosst”" in note and "do you mean host?" in note, note)
    browser.fill(r"c:\windows")
    check(f"{name}: a path is no field", browser.text("#filter-note") == "", browser.text("#filter-note"))
    browser.click("#filter-clear")
    check(f"{name}: and all is there again", hits_shown(browser) == everything and browser.text("#destinations tbody") == before)


def words(browser, name, expected):
    """Words are looked for where they say: how many groups have them, and what there is to say of them."""
    for text, groups, note in expected:
        browser.fill(text)
        status, told = browser.text("#table-status"), browser.text("#filter-note")
        check(f"{name}: the filter {text}", re.match(rf"{groups} (of|groups)\b", status) is not None and note in told and bool(note) == bool(told), (status, told))
    browser.click("#filter-clear")


def exports(browser, name, words, cell, saved):
    """The rows that are left go to the clipboard and into a file, as CSV that no spreadsheet runs."""
    browser.fill(words)
    groups = number(browser.text("#table-status").split(" of ")[0])
    columns = [*browser.js("return [...document.querySelectorAll('#table > table > tbody > tr')].map(row => row.children.length)")]
    browser.press("#copy")
    time.sleep(0.3)
    check(f"{name}: it says what was copied", browser.text("#export-status") == f"{groups} row{'' if groups == 1 else 's'} copied as CSV", browser.text("#export-status"))
    copied = browser.paste()
    rows = list(csv.DictReader(copied.splitlines()))
    check(f"{name}: the rows are on the clipboard", len(rows) == groups == len(columns) and {"dvc", "app", "remote", "port", "count", "firstTime", "lastTime"} <= set(rows[0]), copied[:300])
    check(f"{name}: what is a formula is guarded", any(row["remote"] == cell for row in rows), [row["remote"] for row in rows][:5])
    shutil.rmtree(DOWNLOADS, ignore_errors=True)
    DOWNLOADS.mkdir()
    browser.press("#save")
    for _ in range(50):
        if (DOWNLOADS / saved).exists() and not list(DOWNLOADS.glob("*.part")) and (DOWNLOADS / saved).stat().st_size:
            break
        time.sleep(0.1)
    files = {path.name: path.read_text() for path in DOWNLOADS.iterdir()}
    check(f"{name}: and in a file", list(files) == [saved] and files[saved].strip() == copied.strip(), list(files))
    browser.click("#filter-clear")


def axis(browser):
    """Ticks are on whole days and months."""
    at = lambda *date: datetime(*date, tzinfo=timezone.utc).timestamp()
    ticks = lambda start, end: [text for _, text in browser.js("return ticks(arguments[0], arguments[1], 9)", start, end)]
    days = ticks(at(2024, 2, 26, 5), at(2024, 3, 2, 5))
    check("axis: days", days == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"], days)
    weeks = ticks(at(2024, 1, 1, 5), at(2024, 2, 20))
    check("axis: Mondays", weeks == ["2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29", "2024-02-05", "2024-02-12", "2024-02-19"], weeks)
    months = ticks(at(2023, 11, 20), at(2024, 7, 4))
    check("axis: months", months == ["2023-12", "2024-01", "2024-02", "2024-03", "2024-04", "2024-05", "2024-06", "2024-07"], months)
    quarters = ticks(at(2022, 12, 20), at(2024, 12, 4))
    check("axis: quarters", quarters == ["2023-01", "2023-04", "2023-07", "2023-10", "2024-01", "2024-04", "2024-07", "2024-10"], quarters)
    years = ticks(at(1601, 1, 1), at(2024, 12, 4))
    check("axis: centuries", years == ["1650", "1700", "1750", "1800", "1850", "1900", "1950", "2000"], years)


def main():
    browser = {"chromium": Chromium, "firefox": Firefox}[sys.argv[2]]()
    try:
        browser.size(1440, 900)
        browser.open("story")
        browser.size(1440, 1180)
        browser.picture("story-picture", whole=False)
        browser.size(1440, 900)
        looks(browser, "story")
        browser.open("story")
        fits(browser, "story")
        browser.size(1440, 900)
        browser.click("#regular button.link")
        check("story: a destination's button filters the table", " of " in browser.text("#table-status") and len(browser.cells("count")) == 1, browser.text("#table-status"))
        check("story: the beacon is the most regular", "updates.cdn-sync.example" in browser.text("#regular tbody tr"))
        score = float(browser.text("#regular tbody tr td:last-child"))
        check("story: its score is there", 0.5 < score <= 1, score)
        widths = browser.js("return [...document.querySelectorAll('#regular .track .bar')].map(e => e.getBoundingClientRect().width)")
        check("story: a longer bar is more regular", widths == sorted(widths, reverse=True), widths)
        check("story: paths of processes are shown", r"\RegSvcs.exe" in browser.text("#regular tbody tr"), browser.text("#regular tbody tr"))
        browser.silent("story")
        browser.open("story")
        keyboard(browser, "story")
        browser.silent("story")

        browser.open("case")
        check("case: it has the title of the case", browser.js("return document.title") == "Case 7: <b>WS01</b> · netsift report" and browser.text("h1") == "Case 7: <b>WS01</b>", browser.text("h1"))
        check("case: and below it what it is of", "Detect Regsvcs" in browser.text("#subtitle") and not browser.js("return document.querySelector('h1 b')"))
        fits(browser, "case")
        browser.size(1440, 900)
        zoom(browser, "case", 102)
        filters(browser, "case", "Hits", "host", "WS02")
        filters(browser, "case", "Hits", "dest_ip", "8.8.8.8")
        words(browser, "case", [
            ("process:/quiet", 1, ""), (r"app:\users\public", 1, ""), ("process_name=regsvcs.exe", 60, ""), ("user=", 1, ""), ("port=", 1, ""),
            ("host: ws03", 1, ""), ("-process_exec:regsvcs", 0, ""), ("utc_time:2024-03-05", 59, ""), ("http://x", 0, ""), ("dead:beef::1", 0, ""),
            ("host:", 60, "host= finds what has no host"), ("firstTime:2024", 0, "on the timeline"), ("offset=1", 0, "by record_id")])
        exports(browser, "case", "direction=outbound remote:e", "'=HYPERLINK(0)", "Case-7-b-WS01-b-groups.csv")
        sort_filter_expand(browser, "case", 60, "port")
        axis(browser)
        looks(browser, "case")
        browser.silent("case")

        took = browser.open("many")
        size = (FOLDER / "many.html").stat().st_size
        print(f"        10,000 groups, {size / 1e6:.1f} MB, open after {took:.2f} s")
        check("many: it opens within three seconds", took < 3, took)
        started = time.monotonic()
        sort_filter_expand(browser, "many", 10_000, "dest_port")
        check("many: it stays usable", time.monotonic() - started < 6, time.monotonic() - started)
        zoom(browser, "many", 110_000)
        started = time.monotonic()
        filters(browser, "many", "Hits", "host", "WS07.corp.example")
        browser.fill("process_guid:{6820")
        check("many: it says which hits a field of events is looked for in", "looked for in the 100,000 hits" in browser.text("#filter-note"), browser.text("#filter-note"))
        browser.click("#filter-clear")
        check("many: filters are fast", time.monotonic() - started < 4, time.monotonic() - started)
        fits(browser, "many")
        browser.size(1440, 900)
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
        cards = browser.js("return [...document.querySelectorAll('.rule')].map(e => e.querySelector('h3').textContent)")
        check("rules: each rule has a card", {"Detect Regsvcs with Network Connection", "Every Connection"} <= set(cards), cards)
        browser.click(".rule button.link")
        check("rules: its button filters the page", set(browser.cells("rule_title")) == {cards[0]} and len(browser.js("return [...document.querySelectorAll('.rule')]")) == 1, browser.text("#table-status"))
        browser.click("#filter-clear")
        head = browser.js("return csv().split('\\n')[0]")
        check("rules: CSV has the columns of the report", "lastTime,rule_title,rule_id,rule_level,mitre_attack,rule_author," in head, head)
        looks(browser, "rules")
        browser.silent("rules")
        browser.open("one-rule")
        check("one-rule: what is the same in all rows is told once", "rule_title Every Connection" in browser.text("#table-status") and browser.cells("rule_title") == [], browser.text("#table-status"))
        browser.silent("one-rule")

        browser.open("connections")
        hits = browser.js("return document.querySelector('main').innerText.match(/\\bhits?\\b/gi)")
        check("connections: nothing is called a hit where there is no rule", not hits, hits)
        inbound = browser.js("return [...document.querySelectorAll('#table > table > tbody > tr')].map(e => [...e.children].map(cell => cell.textContent)).filter(cells => cells.includes('inbound'))")
        check("connections: what came in has its peer", inbound and all("8.8.8.8" in cells for cells in inbound), inbound)
        browser.silent("connections")
        browser.open("one")
        check("one: one group is a page too", browser.text("#table-status").startswith("1 group"), browser.text("#table-status"))
        fits(browser, "one")
        looks(browser, "one")
        browser.silent("one")
        browser.open("filtered")
        applied = "since 2024-03-05T15:00:00Z; host WS*; port 443"
        check("filtered: its head says what the filters were", applied in browser.text("#lead"), browser.text("#lead"))
        check("filtered: and how it was made", applied in browser.text("#made") and "read and left out" in browser.text("#made"), browser.text("#made"))
        check("filtered: a card of nothing is a line", browser.js("return document.getElementById('regular').offsetHeight") < 60)
        browser.silent("filtered")
        browser.open("outside")
        check("outside: nothing is found within the filters, and it says so", "within the filters" in browser.text("#nothing-why"), browser.text("#nothing-why"))
        browser.silent("outside")
    finally:
        browser.close()
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


main()
