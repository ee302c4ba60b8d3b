"""The configuration that Elasticsearch is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from esrag.local import elasticsearch
from esrag.local.certificates import Certificate
from esrag.local.elasticsearch import Node
from esrag.local.layout import Layout

SHIPPED = """\
# comment
-XX:+UseG1GC
20-:--add-modules=jdk.incubator.vector
-XX:+HeapDumpOnOutOfMemoryError
-XX:+ExitOnOutOfMemoryError
-Xlog:gc*,gc+age=trace:file=gc.log
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A stack in a temporary folder."""
    return Layout(tmp_path / "local")


def node(*, fast_start: bool = False, certificate: Certificate | None = None) -> Node:
    """A node on port 9200."""
    return Node("name", 9200, "http://127.0.0.1:1", "512m", fast_start, certificate)


def test_the_node_is_on_loopback_with_security_and_a_trial_licence(layout: Layout) -> None:
    """Nobody outside this machine can reach it, and nobody inside without a login."""
    settings = elasticsearch.node_settings(node(), layout)
    assert settings["network.host"] == "127.0.0.1"
    assert settings["xpack.security.enabled"] is True
    assert settings["xpack.license.self_generated.type"] == "trial"


@pytest.mark.parametrize(
    ("tier", "licence", "refusing"),
    [
        ("basic", "basic", "enterprise"),
        ("platinum", "trial", "platinum"),
        ("enterprise", "trial", "enterprise"),
    ],
)
def test_a_tier_is_a_licence_and_what_is_refused_beyond_it(
    layout: Layout, tier: str, licence: str, refusing: str
) -> None:
    """Platinum is a trial of which our plugins refuse a part; Basic is the server's own."""
    settings = elasticsearch.node_settings(replace(node(), tier=tier), layout)
    assert settings["xpack.license.self_generated.type"] == licence
    assert settings["esrag.tier"] == refusing


def test_the_plugin_is_told_where_the_ml_node_is(layout: Layout) -> None:
    """The address is a node setting."""
    settings = elasticsearch.node_settings(node(), layout)
    assert settings["esrag.mlnode.url"] == "http://127.0.0.1:1"


def test_the_garbage_collector_and_heap_are_ours() -> None:
    """Without a heap setting Elasticsearch would take half of the memory."""
    options = elasticsearch.jvm_options(SHIPPED, node()).splitlines()
    assert options == [
        "20-:--add-modules=jdk.incubator.vector",
        "-XX:+ExitOnOutOfMemoryError",
        "-Xms512m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:-AlwaysPreTouch",
    ]


def test_a_fast_start_compiles_less() -> None:
    """The option is there when asked for."""
    assert "-XX:TieredStopAtLevel=1" in elasticsearch.jvm_options(SHIPPED, node(fast_start=True))


def test_with_a_certificate_the_address_is_https(layout: Layout) -> None:
    """The keystore's password goes into Elasticsearch's keystore, not into a file."""
    served = node(certificate=Certificate(Path("http.p12"), Path("authority.pem")))
    settings = elasticsearch.node_settings(served, layout)
    assert served.url == "https://127.0.0.1:9200"
    assert settings["xpack.security.http.ssl.keystore.path"] == "http.p12"
    assert "secret" not in str(settings)
    assert len(elasticsearch.secrets(served, "secret")) == 2


def test_the_launcher_gets_nothing_of_our_environment(layout: Layout, tmp_path: Path) -> None:
    """Keys and Java options of the caller do not reach Elasticsearch."""
    from esrag.local.jdk import Jdk

    ours = {"PATH": "/bin", "ESRAG_ELASTICSEARCH_API_KEY": "k", "JAVA_TOOL_OPTIONS": "-verbose"}
    found = elasticsearch.launch_environment(layout, Jdk(tmp_path, "25"), ours)
    assert found["PATH"] == "/bin"
    assert not {"ESRAG_ELASTICSEARCH_API_KEY", "JAVA_TOOL_OPTIONS"} & set(found)
