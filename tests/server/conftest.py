"""The page on an empty disk, and a browser that visits it."""

import pytest
from tests.server import browser as browsers


@pytest.fixture(scope="module")
def chromium():
    with browsers.browser() as program:
        yield program


@pytest.fixture
def studio(chromium, tmp_path):
    """`visit(language="en", width=1280, dark=False)` opens the page; each visit is checked."""
    visits = []
    with browsers.served(tmp_path / "runs") as address:

        def visit(**options):
            visits.append(browsers.Visit(chromium, address, **options))
            return visits[-1]

        visit.address = address
        yield visit
        for opened in visits:
            opened.close()
