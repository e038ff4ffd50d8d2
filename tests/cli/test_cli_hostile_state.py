"""State folders as nobody expects them: a sentence instead of a traceback, nothing lost, and it works again later."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
Started = Callable[..., subprocess.Popen[bytes]]
LOOKS = [("runs",), ("inbox",), ("threads",), ("audit", "verify"), ("budget",), ("run", "shop", "Find A-7")]


@pytest.fixture
def database() -> Path:
    return Path(os.environ["GRAPHWRIGHT_STATE_DIR"]) / "graphwright.db"


def refunds(project: Path) -> list[str]:
    file = project / "refunds.txt"
    return file.read_text().splitlines() if file.exists() else []


def change(database: Path, statement: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(statement)
    connection.close()


def said_clearly(result: Any) -> bool:
    """It failed in words for a person: no traceback, nothing unexpected."""
    words = result.err
    return result.status in (1, 2) and "error:" in words and "Traceback" not in words and "Unexpected" not in words


# --- Nothing there yet


def test_a_command_that_only_looks_leaves_nothing_behind(gw: Cli, database: Path) -> None:
    for words in (("runs",), ("inbox",), ("threads",), ("graphs",), ("doctor",), ("audit", "verify"), ("budget",)):
        assert gw(*words).status == 0, words
        assert gw(*words, "--json").status == 0, words
    for words in (("runs", "show", "x"), ("approve", "x"), ("resume", "x"), ("history", "x"), ("runs", "cancel", "x")):
        assert gw(*words).status == 2, words

    assert not database.parent.exists()


# --- A database that is not whole


def cut_in_half(database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)


def cut_off(database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(100)


def letters(database: Path) -> None:
    database.write_bytes(b"Dear database, how are you?\n" * 1000)


def zeros(database: Path) -> None:
    size = database.stat().st_size
    database.write_bytes(bytes(size))


def of_the_future(database: Path) -> None:
    change(database, "INSERT INTO schema_version VALUES (99)")


def without_its_runs(database: Path) -> None:
    change(database, "DROP TABLE runs")


def a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.fixture(
    params=[cut_in_half, cut_off, letters, zeros, of_the_future, without_its_runs, a_folder],
    ids=lambda each: each.__name__,
)
def spoil(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    chosen: Callable[[Path], None] = request.param
    return chosen


def test_a_spoilt_database_is_told_and_left_alone_and_a_backup_goes_on(
    gw: Cli, waiting: str, database: Path, spoil: Callable[[Path], None], tmp_path: Path, project: Path
) -> None:
    shutil.copy(database, tmp_path / "backup.db")
    spoil(database)
    before = database.read_bytes() if database.is_file() else b""

    for words in (*LOOKS, ("approve", waiting)):
        result = gw(*words)
        assert said_clearly(result), (words, result)
        assert str(database) in result.err, result.err
    doctor = gw("doctor")
    assert doctor.status == 1
    assert "Traceback" not in doctor.err

    assert (database.read_bytes() if database.is_file() else b"") == before
    for left in database.parent.glob("graphwright.db*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    shutil.copy(tmp_path / "backup.db", database)
    assert gw("approve", waiting).out == "The money is back.\n"
    assert refunds(project) == ["A-7 5"]


def test_an_empty_file_is_a_new_database(gw: Cli, database: Path) -> None:
    database.parent.mkdir(mode=0o700)
    database.touch()

    assert gw("runs").status == 0
    assert gw("run", "shop", "Find A-7").out == "It was shipped.\n"


def test_a_database_emptied_beside_its_log_is_not_taken_for_a_new_one(
    gw: Cli, waiting: str, database: Path, project: Path
) -> None:
    """SQLite itself would delete the log of an empty file, and with it what was not in the file yet."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM runs").fetchone()
    change(database, "UPDATE threads SET title = 'kept in the log'")
    log = database.with_name("graphwright.db-wal")
    kept, whole = log.read_bytes(), database.read_bytes()
    other.close()
    database.write_bytes(b"")
    log.write_bytes(kept)

    for words in LOOKS:
        assert said_clearly(gw(*words)), words
    assert log.read_bytes() == kept

    database.write_bytes(whole)
    assert "kept in the log" in gw("threads").out
    assert gw("approve", waiting).status == 0


# --- Rows edited by hand

EDITS = {
    "bad JSON": "UPDATE journal SET outcome = '{\"content\": ' WHERE kind = 'tool'",
    "no object": "UPDATE journal SET outcome = '[1]' WHERE kind = 'tool'",
    "other digest": "UPDATE journal SET digest = 'abc' WHERE kind = 'tool'",
    "other arguments": 'UPDATE journal SET request = \'{"order_id":"A-1","amount":5}\' WHERE kind = \'tool\'',
    "no such status": "UPDATE journal SET status = 'finished' WHERE kind = 'tool'",
    "status without outcome": "UPDATE journal SET status = 'done', outcome = NULL WHERE kind = 'tool'",
    "a model's answer": "UPDATE journal SET outcome = 'yes' WHERE kind = 'model'",
    "a run's input": "UPDATE runs SET input = '{'",
    "a run's status": "UPDATE runs SET status = 'sleeping'",
    "a question's rules": "UPDATE approvals SET rules = 'be kind'",
    "a question's status": "UPDATE approvals SET status = 'perhaps'",
    "a decision that nobody took": "UPDATE approvals SET status = 'decided' WHERE status = 'pending'",
    "a lost decision": "DELETE FROM decisions",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_row_edited_by_hand_is_named_and_once_it_is_put_right_the_run_goes_on(
    gw: Cli, project: Path, database: Path, tmp_path: Path, edit: str
) -> None:
    assert gw("run", "shop", "Pay back both").status == 3
    first, second = (each["id"] for each in gw("inbox", "--json").objects)
    assert gw("approve", first).status == 3
    shutil.copy(database, tmp_path / "backup.db")
    change(database, edit)

    result = gw("approve", second)

    assert said_clearly(result), result
    assert "Row " in result.err
    assert len(refunds(project)) == 1
    doctor = gw("doctor")
    assert (doctor.status, "✗ row" in doctor.out) == (1, True), doctor
    for left in database.parent.glob("graphwright.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.db", database)
    assert gw("approve", second).status == 0
    assert sorted(refunds(project)) == ["A-8 5", "A-9 5"]


# --- Disks


def in_a_namespace(script: str, **names: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root of mounts of its own; nothing of it is seen outside."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("there is no unshare or mount here, so no disk can be made full or read-only")
    tried = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "t", "/mnt"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"user namespaces with mounts are not allowed here: {tried.stderr.decode().strip()}")
    given = "".join(f"{name}='{value}'\n" for name, value in names.items())
    gw = 'gw() { "$PYTHON" -P -c "from graphwright.cli import main; main()" "$@"; }\n'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{given}PYTHON='{sys.executable}'\n{gw}{script}"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_room(project: Path, database: Path) -> None:
    script = """
    mkdir -p "$STATE" && mount -t tmpfs -o size=2m tmpfs "$STATE" && chmod 700 "$STATE" || exit 90
    gw run shop "Pay back A-7" >/dev/null 2>&1; echo "started $?"
    ID=$(gw inbox --json | "$PYTHON" -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
    dd if=/dev/zero of="$STATE/filler" bs=1k count=100000 2>/dev/null
    gw approve "$ID" >/dev/null; echo "full $?"
    gw run shop "Find A-7" >/dev/null; echo "full $?"
    rm "$STATE/filler"
    gw approve "$ID"; echo "room $?"
    gw doctor; echo "doctor $?"
    """
    done = in_a_namespace(script, STATE=database.parent)

    lines = done.stdout.splitlines()
    assert lines[:3] == ["started 3", "full 1", "full 1"], done
    assert "ree some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Unexpected" not in done.stderr
    assert "room 0" in lines, done
    assert "doctor 0" in lines, done
    assert refunds(project) == ["A-7 5"]


def test_a_file_that_may_not_grow_is_a_full_disk(gw: Cli, waiting: str, gw_process: Started, project: Path) -> None:
    """Where no disk can be mounted, a limit on the size of files stands in for a full one."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    process = gw_process("approve", waiting, preexec_fn=limit)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert b"error: The state database" in err
    assert b"Traceback" not in err
    assert refunds(project) == []
    assert gw("approve", waiting).status == 0
    assert refunds(project) == ["A-7 5"]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_read_only_state_folder_or_database_is_told_and_left_as_it_is(
    gw: Cli, waiting: str, project: Path, database: Path, what: str
) -> None:
    place = database.parent if what == "folder" else database
    script = """
    mount --bind "$PLACE" "$PLACE" && mount -o remount,bind,ro "$PLACE" || exit 90
    gw approve "$ID"; echo "approve $?"
    gw run shop "Find A-7"; echo "run $?"
    gw runs; echo "runs $?"
    """
    done = in_a_namespace(script, PLACE=place, ID=waiting)

    said = [line for line in done.stdout.splitlines() if line.startswith(("approve ", "run ", "runs "))]
    assert said == ["approve 1", "run 1", "runs 1" if what == "folder" else "runs 0"], done
    assert done.stderr.count("Make the folder writable") >= 2, done.stderr
    assert "Traceback" not in done.stderr
    assert refunds(project) == []
    assert gw("approve", waiting).status == 0
    assert refunds(project) == ["A-7 5"]


def test_a_state_folder_that_cannot_be_made_is_told(gw: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = gw("run", "shop", "Find A-7", "--state", str(tmp_path / "file" / "state"))

    assert said_clearly(result), result
    assert "--state DIR" in result.err


# --- Two processes on one state folder


@pytest.fixture
def both(gw_process: Started) -> Callable[..., list[tuple[int, str]]]:
    def start(*words: str) -> list[tuple[int, str]]:
        processes = [gw_process(*words) for _ in range(2)]
        said = [each.communicate(timeout=100)[1].decode() for each in processes]
        return sorted((each.returncode, err) for each, err in zip(processes, said, strict=True))

    return start


def test_two_processes_that_start_at_once_make_one_database(both: Any, gw: Cli) -> None:
    assert [status for status, _ in both("run", "shop", "Find A-7")] == [0, 0]

    assert [each["status"] for each in gw("runs", "--json").objects] == ["done", "done"]
    assert gw("audit", "verify").status == 0


def test_of_two_processes_that_go_on_with_a_run_at_once_one_does(
    both: Any, gw: Cli, waiting: str, project: Path
) -> None:
    gw("approve", waiting, "--no-continue")
    (run,) = gw("runs", "--json").objects

    (first, _), (second, err) = both("resume", run["id"])

    assert (first, refunds(project)) == (0, ["A-7 5"])
    assert second in (0, 1)
    assert "Traceback" not in err
    assert second == 0 or "error: " in err
    assert gw("runs", "--json").objects[0]["status"] == "done"


def test_a_question_that_two_processes_answer_is_answered_once(both: Any, waiting: str, gw: Cli, project: Path) -> None:
    outcomes = both("approve", waiting)

    assert refunds(project) == ["A-7 5"]
    assert outcomes[0][0] == 0
    assert "already approved" in outcomes[1][1]
    assert gw("doctor").status == 0
