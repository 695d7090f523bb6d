"""The page as PDF, by WeasyPrint, which fetches nothing that is not in the page."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from survey.errors import OutputError

_TIME = "SOURCE_DATE_EPOCH"
"""The variable that fontTools asks for the time, see https://reproducible-builds.org/specs/source-date-epoch."""


def to_pdf(html: str) -> bytes:
    """Return the page as PDF. The same page gives the same bytes with the same version of WeasyPrint.

    Raises:
        OutputError: WeasyPrint, or the Pango that it draws letters with, is missing.
    """
    try:
        import weasyprint  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "--pdf: WeasyPrint is missing; pip install 'survey[report]', or print the HTML from a browser"
        raise OutputError(msg) from error
    except OSError as error:
        remedy = "install Pango (on Debian: libpango-1.0-0, libpangoft2-1.0-0)"
        msg = f"--pdf: a library of the system is missing ({error}); {remedy}"
        raise OutputError(msg) from error
    inside_only = weasyprint.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    document: Any = weasyprint.HTML(string=html, url_fetcher=inside_only)
    try:
        with _at_no_time():
            content: bytes = document.write_pdf(pdf_identifier=b"survey")
    except weasyprint.urls.FatalURLFetchingError as error:  # no `Exception`, so nobody above would catch it
        msg = f"--pdf: the page asks for something outside itself ({error}); report this"
        raise OutputError(msg) from error
    return content


@contextmanager
def _at_no_time() -> Iterator[None]:
    """Let fonts that are put into the page carry no time: their library writes the second of the call into them."""
    before = os.environ.get(_TIME)
    os.environ[_TIME] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TIME]
        else:
            os.environ[_TIME] = before
