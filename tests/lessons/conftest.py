"""The lessons as they run, built once into a site; and a headless Chromium to look at it."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tinygen.course import lesson
from tinygen.course import site as course_site

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
         "--disable-dev-shm-usage", "--remote-debugging-pipe")


@pytest.fixture(scope="session")
def exercises():
    """exercises(path): {name: test} of one lesson, from one run of its cells, pictures and training left out."""
    known = {}

    def of(path):
        if path not in known:
            names = {}
            errors = [r.error for r in lesson.run(lesson.read(path), lesson.for_exercises, names) if r.error]
            known[path] = lesson.tests(names), errors
        return known[path]

    return of


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """(folder, what happened to each lesson): the built course. Each lesson runs here, once.

    TINYGEN_SITE names a folder to keep it in; pages in it that are up to date are not built again.
    """
    folder = Path(os.environ.get("TINYGEN_SITE") or tmp_path_factory.mktemp("site"))
    return folder, course_site.build(folder)


@pytest.fixture(scope="session")
def chromium():
    """A browser, or a skip that says why there is none."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with Chromium(path) as browser:
        yield browser


class Chromium:
    """One browser with one tab, spoken to in the DevTools protocol over a pipe."""

    def __init__(self, path):
        self.folder = tempfile.mkdtemp()
        reads, self.out = os.pipe()
        self.into, writes = os.pipe()

        def wire():  # Chromium listens on 3 and answers on 4
            ends = os.dup(reads), os.dup(writes)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen([path, *FLAGS, f"--user-data-dir={self.folder}"], close_fds=False,
                                        preexec_fn=wire, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self.count, self.rest, self.events, self.session = 0, b"", [], None
        tab = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(60)
        os.close(self.into)
        os.close(self.out)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _next(self):
        while b"\0" not in self.rest:
            if not select.select([self.into], [], [], 30)[0]:
                raise TimeoutError("Chromium has not answered for 30 seconds")
            self.rest += os.read(self.into, 1 << 20)
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, **params):
        """Send one command and return its result; events that arrive before it are kept."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, address, width=1100, dark=False):
        """Open a page, as wide as this, for a reader who likes it dark or light; wait until it has loaded."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                  mobile=width < 600)
        scheme = "dark" if dark else "light"
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events = []
        self.send("Page.navigate", url=address)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._next())
        for _ in range(100):  # the event may have been that of the page before
            if self.js("`${location.href} ${document.readyState}`") == f"{address} complete":
                return
            time.sleep(0.1)
        raise TimeoutError(f"{address} has not loaded")

    def js(self, code):
        """The value of a JavaScript expression in the page."""
        answer = self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def complaints(self):
        """What the page has written to the console, and what it has asked for besides itself."""
        said = [json.dumps(e["params"]) for e in self.events
                if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")]
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return said + [url for url in asked if not url.startswith(("file:", "data:"))]

    def picture(self, path, top=0, height=900):
        """Save a PNG of the page from `top` on."""
        width = self.send("Page.getLayoutMetrics")["cssContentSize"]["width"]
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        data = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
