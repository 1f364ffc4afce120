"""A real browser on a real server: what it asks for and complains of is kept, and fails the test.

A test takes the fixture `studio` (a page on an empty disk), fills the disk if it wants to, and
opens a tab. `close` checks that nothing was asked of another machine and that the console is clean.
"""

import os
import re
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("PROSA_CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 60_000  # milliseconds, for what trains or loads on a busy machine

needs_browser = pytest.mark.skipif(
    not CHROMIUM and os.environ.get("CI") != "true", reason="chromium is not installed"
)
"""Not skipped in continuous integration: there its absence is a fault."""


@contextmanager
def served(root=Path("runs")):
    """The page on a free port of this machine; gives its address."""
    import uvicorn

    from prosa.server.studio.program import build

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(build(root), host="127.0.0.1", port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server has not started"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=15)
        if thread.is_alive():  # a page that is still open holds its stream
            server.force_exit = True
            thread.join(timeout=15)


@contextmanager
def browser():
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        program = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield program
        finally:
            program.close()


class Visit:
    """One open page.

    Attributes:
        page: Playwright's page.
        address: Where the server is, without a slash at the end.
    """

    def __init__(self, program, address, *, language="en", width=1280, dark=False):
        self.address = address
        self.complaints = []
        self.requests = []
        tag = {"en": "en-US", "pt": "pt-BR"}[language]
        self.context = program.new_context(
            locale=tag,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"{address}/")
        self.page.get_by_role("tablist").wait_for()

    def _console(self, message):
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    def tab(self, title):
        """Go to a tab by its title; on a narrow page it may be in the menu of further ones."""
        tab = self.page.get_by_role("tab", name=title, exact=True)
        more = self.page.get_by_label("More tabs")
        tab.or_(more).first.wait_for()
        if not tab.count():
            more.click()
            tab = self.page.get_by_role("button", name=title, exact=True).filter(visible=True)
        tab.click()

    def alert(self):
        """The text of what went wrong, when it is there."""
        box = self.page.get_by_role("alert").filter(visible=True).last
        box.wait_for()
        return box.inner_text()

    def faults(self):
        """The serious and critical faults that axe finds on what is shown now."""
        self.page.evaluate(axe().read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def too_wide(self):
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def close(self, *, check=True):
        """Leave; fails on an error in the console and on a request to another machine."""
        self.context.close()
        if check:
            assert not self.complaints, self.complaints
            local = re.compile(rf"({re.escape(self.address)}/|data:|blob:)")
            foreign = [url for url in self.requests if not local.match(url)]
            assert not foreign, foreign


@pytest.fixture(scope="module")
def chromium():
    """One browser for the tests of a file."""
    with browser() as program:
        yield program


@pytest.fixture
def studio(chromium, tmp_path):
    """`visit(language="en", width=1280, dark=False)` opens the page; each visit is checked."""
    visits = []
    with served(tmp_path / "runs") as address:

        def visit(**options):
            visits.append(Visit(chromium, address, **options))
            return visits[-1]

        visit.address = address
        yield visit
        for opened in visits:
            opened.close()


def axe():
    """The file of axe-core: PROSA_AXE, or what npm put into the environment."""
    import sys

    place = Path(sys.prefix, "node_modules", "axe-core", "axe.min.js")
    place = Path(os.environ.get("PROSA_AXE") or place)
    if not place.is_file():
        if os.environ.get("CI") == "true":
            raise FileNotFoundError(place)
        pytest.skip("axe-core is not installed: npm install --prefix .venv axe-core")
    return place
