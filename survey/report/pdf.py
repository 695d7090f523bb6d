"""The page as PDF, by WeasyPrint, which fetches nothing that is not in the page."""

from typing import Any, Never

from survey.errors import InputError, OutputError


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
        msg = f"--pdf: a library of the system is missing ({error}); install Pango (on Debian: libpango-1.0-0, libpangoft2-1.0-0)"
        raise OutputError(msg) from error
    document: Any = weasyprint.HTML(string=html, url_fetcher=_refuse)
    content: bytes = document.write_pdf(pdf_identifier=b"survey")
    return content


def _refuse(url: str, *_: Any, **__: Any) -> Any:
    """Give what is inside the page, and nothing else."""
    if url.startswith("data:"):
        from weasyprint import default_url_fetcher  # noqa: PLC0415 - an extra

        return default_url_fetcher(url)
    return _nothing(url)


def _nothing(url: str) -> Never:
    msg = f"{url}: a report asks for nothing outside itself; report this"
    raise InputError(msg)
