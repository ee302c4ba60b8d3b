"""A cluster whose licence allows less is not ill: what the client does is a note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ward import Ward

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.bundle import ModelBundle
    from tests.conftest import Stack


def test_a_basic_cluster_is_healthy(
    basic_stack: Stack, basic_es: Elasticsearch, basic_prefix: str, packaged_bundle: ModelBundle
) -> None:
    """Three notes say what the client does; a question is answered with vectors of its own."""
    ward = Ward(basic_stack, basic_es, basic_prefix, packaged_bundle)
    ward.sections["generator"] = {"url": "http://127.0.0.1:9"}
    ward.set_up()
    report = ward.examine(
        "connection", "credentials", "licence", "cluster", "model", "objects", "documents"
    )
    worse = [
        (f.code, f.where, f.what) for f in report.findings if f.severity in ("warning", "error")
    ]
    assert worse == []
    tier = [finding.where for finding in report.of("note") if finding.code == "tier"]
    assert tier == ["embedding", "endpoints", "fusion"]
    assert "a question is answered, 0 hits" in {finding.what for finding in report.of("ok")}
    done = basic_stack.esrag("status", "--set", basic_prefix)
    assert done.returncode == 0, done.stderr
    assert "licence basic" in done.stdout
