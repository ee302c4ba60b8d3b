"""Names of homes follow what goes into them; the shipped plugins are well-formed."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.local import distribution, plugins
from esrag.local.plugins import PluginSource


@pytest.fixture
def plugin(tmp_path: Path) -> PluginSource:
    """A plugin with one source."""
    source = tmp_path / "modules" / "src" / "a" / "A.java"
    source.parent.mkdir(parents=True)
    source.write_text("package a; class A {}")
    (tmp_path / "modules" / "plugin-descriptor.properties").write_text("name=a\n")
    return plugins.sources(tmp_path)[0]


def test_the_same_sources_make_the_same_home(plugin: PluginSource) -> None:
    """Nothing is compiled twice."""
    assert plugins.home_name((plugin,)) == plugins.home_name((plugin,))


@pytest.mark.parametrize("file", ["src/a/A.java", "plugin-descriptor.properties", "src/new.txt"])
def test_any_changed_file_makes_another_home(plugin: PluginSource, file: str) -> None:
    """A stale plugin is never run."""
    before = plugins.home_name((plugin,))
    (plugin.folder / file).write_text("something else")
    assert plugins.home_name((plugin,)) != before


def test_renaming_a_source_makes_another_home(plugin: PluginSource) -> None:
    """Names count as well as contents."""
    before = plugin.fingerprint()
    (plugin.folder / "src/a/A.java").rename(plugin.folder / "src/a/B.java")
    assert plugin.fingerprint() != before


def test_both_plugins_are_shipped() -> None:
    """The sources lie in the package, so an installed wheel has them too."""
    assert [source.name for source in plugins.sources()] == ["ml", "modules"]


@pytest.mark.parametrize("plugin", plugins.sources(), ids=lambda source: source.name)
def test_shipped_descriptors_name_the_pinned_version(plugin: PluginSource) -> None:
    """Elasticsearch refuses a plugin that was made for another version."""
    text = (plugin.folder / "plugin-descriptor.properties").read_text(encoding="utf-8")
    assert f"elasticsearch.version={distribution.ELASTICSEARCH_VERSION}" in text.splitlines()
