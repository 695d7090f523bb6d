"""The page as PDF, by WeasyPrint, which fetches nothing that is not in the page."""

from typing import Any

from survey.errors import OutputError


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
        content: bytes = document.write_pdf(pdf_identifier=b"survey")
    except weasyprint.urls.FatalURLFetchingError as error:  # no `Exception`, so nobody above would catch it
        msg = f"--pdf: the page asks for something outside itself ({error}); report this"
        raise OutputError(msg) from error
    return content
