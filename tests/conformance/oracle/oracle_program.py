"""The oracle: a Java program over the classes of the distribution that the stack runs.

It is compiled and started once for a session; questions go in as lines, opinions come out.  The
program lies in ``java/``.  It knows nothing of the server under test.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle_calls import Call

from esrag.local import distribution
from esrag.local.jdk import Jdk
from esrag.local.progress import Silent

SOURCES = Path(__file__).with_name("java")
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto")


def pristine_home(software: Path) -> Path:
    """The unpacked distribution of a software folder, fetched when it is not there."""
    home = software / f"elasticsearch-{distribution.ELASTICSEARCH_VERSION}"
    if not home.is_dir():
        archive = distribution.fetch(distribution.ELASTICSEARCH, software / "downloads", Silent())
        distribution.unpack(archive, home)
    return home


@dataclass(frozen=True, slots=True)
class Opinion:
    """What x-pack-core makes of a call: accepted with a rendering, or refused with an answer."""

    accepted: str | None
    status: int | None
    body: Any
    events: bool

    @property
    def rendering(self) -> Any:
        """What was accepted, as the server would show it."""
        return json.loads(self.accepted or "null")


class Oracle:
    """The running program."""

    def __init__(self, jdk: Jdk, home: Path, scratch: Path) -> None:
        jars = [*home.glob("lib/*.jar"), *home.glob("modules/x-pack-core/*.jar")]
        class_path = os.pathsep.join(str(jar) for jar in sorted(jars))
        sources = [str(source) for source in sorted(SOURCES.rglob("*.java"))]
        classes = scratch / "classes"
        self._run(jdk.tool("javac"), "-nowarn", "-proc:none", "-encoding", "UTF-8")(
            "-cp", class_path, "-d", str(classes), *sources
        )
        self._log = (scratch / "oracle.log").open("wb")
        self._process = subprocess.Popen(
            [
                jdk.tool("java"),
                *_QUICK,
                "-cp",
                f"{classes}{os.pathsep}{class_path}",
                "esrag.oracle.Oracle",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )

    @staticmethod
    def _run(*start: str) -> Any:
        def run(*arguments: str) -> None:
            done = subprocess.run([*start, *arguments], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

        return run

    def close(self) -> None:
        """End the program."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=20)
        self._log.close()

    def ask(self, lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One answer for each line, in order."""
        texts = [json.dumps(line) + "\n" for line in lines]
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None
        assert sink is not None

        def write() -> None:
            with suppress(BrokenPipeError):  # then answers are missing, and that is told
                sink.writelines(texts)
                sink.flush()

        writer = threading.Thread(target=write)
        writer.start()
        answers = [source.readline() for _ in texts]
        writer.join()
        assert all(answers), f"the oracle ended: see {self._log.name}"
        return [json.loads(answer) for answer in answers]

    def opinions(self, calls: list[Call]) -> list[Opinion]:
        """What x-pack-core makes of these calls."""
        answers = self.ask(call.line(number) for number, call in enumerate(calls))
        return [
            Opinion(
                accepted=answer.get("accepted"),
                status=answer.get("status"),
                body=json.loads(answer["body"]) if "body" in answer else None,
                events=answer.get("events", False),
            )
            for answer in answers
        ]
