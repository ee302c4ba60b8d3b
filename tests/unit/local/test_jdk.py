"""Which JDK is taken, and what is said when none fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.errors import UnsupportedError
from esrag.local import jdk
from esrag.local.jdk import Jdk
from esrag.local.progress import Silent


def make_jdk(
    home: Path,
    version: str = "25.0.3",
    *,
    compiler: bool = True,
    modules: str = "jdk.jdi jdk.jlink",
) -> Path:
    """A folder that looks like a JDK."""
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    if compiler:
        (home / "bin" / "javac").touch()
    return home


def find(tmp_path: Path, environment: dict[str, str]) -> Jdk:
    """Look in ``environment`` and in ``tmp_path/installed``."""
    return jdk.find(
        environment,
        software=tmp_path / "software",
        for_other_user=False,
        reporter=Silent(),
        places=(f"{tmp_path}/installed/*",),
    )


def test_a_full_jdk_is_recognised(tmp_path: Path) -> None:
    """Version and tools are known."""
    found = jdk.examine(make_jdk(tmp_path / "jdk"))
    assert isinstance(found, Jdk)
    assert (found.major, found.tool("javac")) == (25, str(tmp_path / "jdk/bin/javac"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"version": "17.0.15"}, "is version 17.0.15"),
        ({"compiler": False}, "without the compiler javac"),
        ({"modules": "java.base jdk.jdi"}, "lacks the module jdk.jlink"),
    ],
)
def test_what_does_not_suffice_is_refused_with_the_reason(
    tmp_path: Path, options: dict[str, object], reason: str
) -> None:
    """An old one, a runtime, and a cut-down one each say what they are."""
    found = jdk.examine(make_jdk(tmp_path / "jdk", **options))  # type: ignore[arg-type]
    assert isinstance(found, str)
    assert reason in found


def test_a_folder_closed_to_others_is_refused(tmp_path: Path) -> None:
    """Elasticsearch runs under another account when we are root."""
    home = make_jdk(tmp_path / "closed" / "jdk")
    (tmp_path / "closed").chmod(0o700)
    assert "may not enter" in str(jdk.examine(home, for_other_user=True))


def test_the_environment_comes_before_what_is_installed(tmp_path: Path) -> None:
    """ES_JAVA_HOME wins over JAVA_HOME, and both over the usual places."""
    make_jdk(tmp_path / "installed" / "x")
    named = {
        "ES_JAVA_HOME": str(make_jdk(tmp_path / "a")),
        "JAVA_HOME": str(make_jdk(tmp_path / "b")),
    }
    assert find(tmp_path, named).home == tmp_path / "a"


def test_an_unfit_named_jdk_is_passed_over(tmp_path: Path) -> None:
    """A JAVA_HOME kept for another project does not stop the stack."""
    make_jdk(tmp_path / "installed" / "x")
    old = make_jdk(tmp_path / "old", "17.0.1")
    assert find(tmp_path, {"JAVA_HOME": str(old)}).home == tmp_path / "installed" / "x"


def test_of_the_installed_the_newest_tried_one_is_taken(tmp_path: Path) -> None:
    """A release that came after ours was tested is only taken when there is nothing else."""
    for version in ("21.0.1", "25.0.3", "99.0.1"):
        make_jdk(tmp_path / "installed" / version, version)
    assert find(tmp_path, {}).version == "25.0.3"


def test_when_nothing_fits_every_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message lists each folder that was looked at, and the failed download."""
    make_jdk(tmp_path / "installed" / "old", "17.0.1")
    monkeypatch.setattr(jdk, "_fetch", lambda folder, reporter: "no network")
    with pytest.raises(UnsupportedError) as caught:
        find(tmp_path, {"ES_JAVA_HOME": "/nowhere"})
    for part in ("/nowhere: has no readable", "old: is version 17.0.1", "cjdk: no network"):
        assert part in caught.value.message
