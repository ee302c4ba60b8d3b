"""PPTX: a slide is a page; its title a heading, then texts, tables, charts' data and notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pptx

from esrag.corpus import fields
from esrag.corpus.formats import packages
from esrag.corpus.formats.composing import composed
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.docx import core_properties
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.types import Document

_MAX_GROUPS = 50  # groups inside one another


def parse(content: Content, options: ReadingOptions) -> Document:
    """The document."""
    deck = pptx.Presentation(packages.checked(content))
    writer = Writer(options.limits)
    for slide in deck.slides:
        writer.page()
        _slide(slide, writer)
    metadata = core_properties(deck.core_properties)
    known = fields.declared(metadata)
    if known.title == "PowerPoint Presentation":  # what the program writes by itself
        known = replace(known, title="")
    return composed(
        content,
        writer,
        known,
        metadata,
        mime_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
    )


def _slide(slide: Any, writer: Writer) -> None:
    title = slide.shapes.title
    if title is not None:
        writer.heading(title.text_frame.text, 1)
    shapes = [
        shape
        for shape in _flat(slide.shapes)
        if title is None or shape.element is not title.element
    ]
    # As one reads: downwards, then from left to right; what has no place comes last.
    for shape in sorted(shapes, key=_place):
        _shape(shape, writer)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = _lines(slide.notes_slide.notes_text_frame.text)
        if notes:
            writer.add("paragraph", f"Notes: {notes}")


def _flat(shapes: Any, depth: int = 0) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _MAX_GROUPS:
                yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _place(shape: Any) -> tuple[int, int]:
    far = 1 << 40
    top, left = shape.top, shape.left
    # Half an inch up or down is still the same row.
    return (far if top is None else int(top) // 457_200, far if left is None else int(left))


def _shape(shape: Any, writer: Writer) -> None:
    if getattr(shape, "has_table", False):
        writer.table([cell.text for cell in row.cells] for row in shape.table.rows)
    elif getattr(shape, "has_chart", False):
        _chart(shape.chart, writer)
    elif getattr(shape, "has_text_frame", False):
        paragraphs = [p for p in shape.text_frame.paragraphs if p.text.strip()]
        if shape.is_placeholder and len(paragraphs) > 1:
            writer.add("list", "\n".join(f"{'  ' * p.level}- {_item(p.text)}" for p in paragraphs))
        else:
            for paragraph in paragraphs:
                writer.add("paragraph", _lines(paragraph.text))


def _chart(chart: Any, writer: Writer) -> None:
    """The numbers behind a chart, as a table; what python-pptx cannot read of it is left out."""
    if chart.has_title and chart.chart_title.has_text_frame:
        writer.add("paragraph", _lines(chart.chart_title.text_frame.text))
    for plot in chart.plots:
        series = [(str(one.name), list(one.values)) for one in plot.series]
        categories = [str(one) for one in plot.categories]
        rows = [
            [name, *(str(values[at]) if at < len(values) else "" for _, values in series)]
            for at, name in enumerate(categories)
        ]
        if rows:
            writer.table([["", *(name for name, _ in series)], *rows])


def _lines(text: str) -> str:
    return text.replace("\v", "\n").strip()


def _item(text: str) -> str:
    return " ".join(text.split())
