"""Plain text: head, paragraphs, headings."""

from esrag.corpus.formats.plain import parse


def test_address_and_date_in_the_head_are_taken() -> None:
    """Lines of their own that name address and date serve as link and date of the document."""
    document = parse(
        "Notice\n======\n\nDate: 8 July 2026\nURL: https://docs.example/n\n\nText.\n",
        document_id="n.txt",
    )
    assert (document.url, document.published) == ("https://docs.example/n", "2026-07-08")


def test_a_sentence_about_a_url_is_no_address() -> None:
    """Only an address alone on its line counts."""
    document = parse("Title\n\nURL: see the manual\nDate: soon\n", document_id="n.txt")
    assert (document.url, document.published) == ("", "")
