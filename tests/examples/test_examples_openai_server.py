"""`graphwright run research` against a server that speaks the OpenAI protocol: the same graph, streamed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

NOTES = "# Retries\n\nA retry waits between attempts and then gives up.\n"


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """What a sensible model would say to each of the four agents."""
    system, last = body["messages"][0]["content"], body["messages"][-1]
    if system.startswith("You plan"):
        return {"content": json.dumps({"questions": ["How does a retry wait?"]})}
    if system.startswith("You research") and last["role"] != "tool":
        call = {"name": "search_knowledge", "arguments": json.dumps({"query": "retry waits"})}
        return {"tool_calls": [{"index": 0, "id": "call_0", "type": "function", "function": call}]}
    if system.startswith("You research"):
        return {"content": "A retry waits between attempts."}
    if system.startswith("You write"):
        return {"content": "A retry waits between attempts and then gives up [1]."}
    return {"content": json.dumps({"approved": True, "objections": []})}


class Handler(BaseHTTPRequestHandler):
    """Chat completions, streamed in pieces of five characters."""

    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).requests.append(body)
        answer = answer_to(body)
        text = answer.get("content") or ""
        pieces: list[dict[str, Any]] = [{"content": text[at : at + 5]} for at in range(0, len(text), 5)]
        pieces += [{"tool_calls": answer["tool_calls"]}] if "tool_calls" in answer else []
        finish = "tool_calls" if "tool_calls" in answer else "stop"
        chunks = [*({"delta": each, "index": 0} for each in pieces), {"delta": {}, "index": 0, "finish_reason": finish}]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for choice in chunks:
            self._event({"id": "c", "object": "chat.completion.chunk", "model": "local", "choices": [choice]})
        self._event(
            {"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
        )
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Handler.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as opened:
        threading.Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


def graphwright(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    state = {"GRAPHWRIGHT_STATE_DIR": str(folder / "state"), **environment}
    command = [sys.executable, "-m", "graphwright.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=110, env={**os.environ, **state}, check=False
    )


def test_the_research_graph_runs_on_a_server_and_streams_its_answers(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "notes.md").write_text(NOTES)
    assert graphwright(tmp_path, "ingest", "notes.md").returncode == 0

    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    done = graphwright(tmp_path, "run", "research", "How does a retry wait?", "--json", OPENAI_BASE_URL=url)

    assert done.returncode == 3, done.stderr
    assert f"@{url}" in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    written = "".join(each["text"] for each in events if each["type"] == "token" and each["agent"] == "writer")
    assert written == "A retry waits between attempts and then gives up [1]."
    asked = [each for each in events if each["type"] == "approval_asked"]
    assert written in asked[0]["data"]["arguments"]["report"]
    assert all(body["stream"] for body in Handler.requests)
    assert {"planner", "researcher", "writer", "checker"} <= {each.get("agent") for each in events}
