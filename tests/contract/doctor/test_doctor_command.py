"""The command itself: exit codes, JSON, a narrow terminal, a reader that goes away."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ward import Ward

from esrag.cluster.endpoints import generator_body, write_endpoint

if TYPE_CHECKING:
    from tests.conftest import Stack

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()", "doctor"]


def test_a_healthy_set_ends_with_0_and_json(stack: Stack, lasting_set: str) -> None:
    """Standard output is JSON and nothing else."""
    done = stack.esrag("doctor", "--json", "--set", lasting_set)
    assert done.returncode == 0, done.stdout
    report = json.loads(done.stdout)
    assert report["counts"]["error"] == report["counts"]["warning"] == 0
    assert set(report["findings"][0]) == {"code", "severity", "group", "where", "what", "next"}
    assert done.stderr == ""


def test_a_narrow_terminal_without_colours_is_enough(stack: Stack, lasting_set: str) -> None:
    """Lines end where the terminal does, names that are longer excepted."""
    environment = {**stack.environment, "COLUMNS": "80", "ESRAG_MODEL_ID": "another-model"}
    done = replace(stack, environment=environment).esrag("doctor", "--set", lasting_set)
    assert done.returncode == 7
    assert "\x1b" not in done.stdout
    long = [line for line in done.stdout.splitlines() if len(line) > 80 and " " in line.strip()]
    assert long == []
    assert "[model-missing]" in done.stdout
    assert "Begin with model-missing: trained model another-model." in " ".join(done.stdout.split())


def test_a_reader_that_goes_away_is_no_error(stack: Stack, lasting_set: str) -> None:
    """As with ``esrag doctor | head -1``."""
    with subprocess.Popen(
        [*COMMAND, "--set", lasting_set, "--only", "machine"],
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read().decode()
    assert "Traceback" not in words


class Chat(http.server.BaseHTTPRequestHandler):
    """A generator that says yes."""

    def do_POST(self) -> None:
        """Answer as the messages API does."""
        self.rfile.read(int(self.headers["content-length"]))
        answer = {
            "id": "1",
            "object": "chat.completion",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "Yes"},
                }
            ],
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def generator() -> Iterator[http.server.HTTPServer]:
    """A generator of this test's own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_that_points_nowhere_is_found(
    ward: Ward, generator: http.server.HTTPServer
) -> None:
    """It was made while its server ran; a real call tells."""
    name = ward.names.endpoint("completion")
    url = f"http://127.0.0.1:{generator.server_port}"
    write_endpoint(ward.es, name, generator_body("completion", url=url, model="m"))
    generator.shutdown()
    generator.server_close()
    report = ward.examine("endpoints")
    (found,) = report.of("error")
    assert (found.code, report.exit_code) == ("endpoint-fails", 4)
    assert name in found.where
    assert url in found.what
