"""The page in a real browser."""

import pytest
from tests.server.browser import needs_browser

pytestmark = needs_browser


@pytest.mark.parametrize("language", ["en", "pt"])
def test_page_opens_in_the_browsers_language(studio, language):
    visit = studio(language=language)
    assert visit.page.url.rstrip("/").endswith(f"/{language}")
    assert visit.page.evaluate("document.documentElement.lang") in ("en", "pt-BR")
    assert visit.faults() == []
