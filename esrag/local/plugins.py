"""Makes an Elasticsearch home that holds our two plugins, compiled from the sources in ``plugin/``.

    archive ──► pristine home ─┐
    sources ──► jars ──────────┴─► home with plugins        (all under the software folder)

The name of each result holds a fingerprint of what went into it, so nothing is made twice and
a changed source makes a new home.  Homes share the files of the pristine one by hard links and
are never written to while Elasticsearch runs from them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from esrag.errors import EsragError
from esrag.local import distribution
from esrag.local.jdk import Jdk
from esrag.local.progress import Reporter

SOURCES = Path(__file__).resolve().parent / "plugin"
_LIBRARIES = {"modules": (distribution.MUSTACHE,)}
_DESCRIPTORS = ("plugin-descriptor.properties", "entitlement-policy.yaml")
_RELEASE = "21"
_ERROR_LINES = 60


@dataclass(frozen=True, slots=True)
class PluginSource:
    """One folder of Java sources with its descriptor."""

    name: str
    folder: Path
    libraries: tuple[distribution.Artifact, ...] = ()

    def files(self) -> list[Path]:
        """Everything that goes into the plugin, in a stable order."""
        found = [self.folder / name for name in _DESCRIPTORS]
        found += [path for path in (self.folder / "src").rglob("*") if path.is_file()]
        return sorted(path for path in found if path.is_file())

    def fingerprint(self) -> str:
        """Changes with any source, descriptor, library, or the version of Elasticsearch."""
        digest = hashlib.sha256(distribution.ELASTICSEARCH.sha256.encode())
        for library in self.libraries:
            digest.update(library.sha256.encode())
        for path in self.files():
            content = path.read_bytes()
            name = path.relative_to(self.folder).as_posix()
            digest.update(f"\0{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:12]


def sources(folder: Path = SOURCES) -> tuple[PluginSource, ...]:
    """The plugins whose descriptor lies in ``folder``."""
    return tuple(
        PluginSource(path.parent.name, path.parent, _LIBRARIES.get(path.parent.name, ()))
        for path in sorted(folder.glob(f"*/{_DESCRIPTORS[0]}"))
    )


def home_name(plugins: tuple[PluginSource, ...]) -> str:
    """The folder of the home that holds exactly these plugins."""
    together = hashlib.sha256("".join(p.name + p.fingerprint() for p in plugins).encode())
    return f"elasticsearch-{distribution.ELASTICSEARCH_VERSION}-{together.hexdigest()[:12]}"


def prepare_home(
    software: Path,
    plugins: tuple[PluginSource, ...],
    jdk: Jdk,
    reporter: Reporter,
    *,
    environment: Mapping[str, str],
) -> Path:
    """The home to run from; downloads, unpacks and compiles only what is not there yet.

    The compiler runs in ``environment``.  The caller holds the lock of the software folder.
    Raises UnavailableError for a download and EsragError, with the compiler's words, for sources
    that do not compile.
    """
    home = software / "homes" / home_name(plugins)
    if home.is_dir():
        return home
    version = distribution.ELASTICSEARCH_VERSION
    pristine = software / f"elasticsearch-{version}"
    if not pristine.is_dir():
        downloads = software / "downloads"
        archive = distribution.fetch(distribution.ELASTICSEARCH, downloads, reporter)
        with reporter.step(f"unpacking Elasticsearch {version}"):
            distribution.unpack(archive, pristine)
    compiler = _Compiler(jdk, dict(environment), pristine)
    built = {p.name: _prepare_plugin(p, software, compiler, reporter) for p in plugins}
    _assemble(pristine, built, home)
    _remove_unused(home.parent, keep=home)
    return home


def _prepare_plugin(
    plugin: PluginSource, software: Path, compiler: _Compiler, reporter: Reporter
) -> Path:
    """The folder to install: jars, descriptor and policy of one plugin."""
    place = software / "plugins" / f"{plugin.name}-{plugin.fingerprint()}"
    if place.is_dir():
        return place
    libraries = [
        distribution.fetch(library, software / "downloads", reporter)
        for library in plugin.libraries
    ]
    place.parent.mkdir(parents=True, exist_ok=True)
    distribution.remove_leftovers(place.parent)
    with (
        reporter.step(f"compiling the plugin {plugin.name}"),
        tempfile.TemporaryDirectory(prefix="partial-", dir=place.parent) as scratch,
    ):
        result = Path(scratch) / plugin.name
        result.mkdir()
        compiler.compile(plugin, libraries, Path(scratch), result / f"{plugin.name}.jar")
        for name in _DESCRIPTORS:
            if (plugin.folder / name).is_file():
                shutil.copyfile(plugin.folder / name, result / name)
        for library in libraries:
            shutil.copyfile(library, result / library.name)
        result.chmod(0o755)
        for path in result.iterdir():
            path.chmod(0o644)
        return result.replace(place)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """javac against the jars of a pristine home."""

    jdk: Jdk
    environment: dict[str, str]
    pristine: Path

    def compile(
        self, plugin: PluginSource, libraries: Iterable[Path], scratch: Path, jar: Path
    ) -> None:
        """Compile the sources and put the classes and other files of ``src`` into ``jar``."""
        classes = scratch / "classes"
        classes.mkdir()
        root = plugin.folder / "src"
        files = [path for path in plugin.files() if root in path.parents]
        shipped = ("lib/*.jar", "modules/x-pack-core/*.jar")
        class_path = [path for glob in shipped for path in sorted(self.pristine.glob(glob))]
        options = ["-nowarn", "--release", _RELEASE, "-proc:none", "-encoding", "UTF-8"]
        options += ["-cp", os.pathsep.join(map(str, [*class_path, *libraries]))]
        options += ["-d", str(classes), *(str(path) for path in files if path.suffix == ".java")]
        arguments = scratch / "arguments"
        arguments.write_text("".join(f"{_quoted(o)}\n" for o in options), encoding="utf-8")
        done = subprocess.run(
            [self.jdk.tool("javac"), "-J-Xmx512m", "-J-XX:TieredStopAtLevel=1", f"@{arguments}"],
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise _compile_error(plugin, done.stderr + done.stdout)
        with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in classes.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(classes).as_posix())
            for path in files:
                if path.suffix != ".java":
                    archive.write(path, path.relative_to(root).as_posix())


def _quoted(option: str) -> str:
    """An argument as javac's argument files want it: paths may hold spaces."""
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _compile_error(plugin: PluginSource, output: str) -> EsragError:
    lines = output.strip().splitlines()
    shown = "\n".join(lines[:_ERROR_LINES])
    left_out = f"\n… {len(lines) - _ERROR_LINES} more lines" if len(lines) > _ERROR_LINES else ""
    return EsragError(
        f"the plugin {plugin.name} in {plugin.folder} does not compile:\n{shown}{left_out}",
        hint="Its sources come with esrag; reinstall it if you have not changed them.",
    )


def _assemble(pristine: Path, built: dict[str, Path], home: Path) -> None:
    """Copy the pristine home by hard links and put the plugins into it, all or nothing."""
    home.parent.mkdir(parents=True, exist_ok=True)
    distribution.remove_leftovers(home.parent)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=home.parent) as scratch:
        copy = Path(scratch) / home.name
        shutil.copytree(pristine, copy, copy_function=_link)
        for name, plugin in built.items():
            shutil.copytree(plugin, copy / "plugins" / name, copy_function=_link)
        copy.replace(home)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
    return target


def _remove_unused(homes: Path, *, keep: Path) -> None:
    """Remove homes of earlier sources, except those that something runs from."""
    running = " ".join(
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    for home in homes.iterdir():
        if home != keep and home.is_dir() and home.name not in running:
            shutil.rmtree(home, ignore_errors=True)
