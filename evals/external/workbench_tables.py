"""The five tables of WorkBench (arXiv 2405.00823) and tools of our own that write to them.

Only what a tool does to the tables is modelled: a search changes nothing, so it is answered with nothing here. A call
that a tool would not take (an unknown row, a missing argument, a value that is not on the list) changes nothing either.
"""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .missing import require

Row = Mapping[str, str]
Tables = dict[str, dict[str, Row]]
"""Name of the table, key of the row, row; in the order of the file."""
NOW = "2023-11-30 00:00:00"
"""When all of it happens."""


@dataclass(frozen=True, slots=True)
class Table:
    """How one table is kept."""

    file: str
    key: str
    lowered: tuple[str, ...] = ()
    """Fields that are stored in small letters."""
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields that take these values only."""
    is_open: bool = False
    """Whether an update may name a field that the table has not."""


BOARDS = ("Back end", "Front end", "Design")
LISTS = ("Backlog", "In Progress", "In Review", "Completed")
STATUSES = ("Qualified", "Won", "Lost", "Lead", "Proposal")
INTERESTS = ("Software", "Hardware", "Services", "Consulting", "Training")
PLOTTED = (
    "total_visits", "session_duration_seconds", "user_engaged",
    "visits_direct", "visits_referral", "visits_search_engine", "visits_social_media",
)  # fmt: skip
PLOTS = ("bar", "line", "scatter", "histogram")
TABLES = {
    "calendar": Table("calendar_events.csv", "event_id", ("participant_email",), is_open=True),
    "email": Table("emails.csv", "email_id"),
    "project_management": Table(
        "project_tasks.csv", "task_id", ("assigned_to_email",), {"board": BOARDS, "list_name": LISTS}
    ),
    "customer_relationship_manager": Table(
        "customer_relationship_manager_data.csv",
        "customer_id",
        ("customer_email", "assigned_to_email"),
        {"status": STATUSES, "product_interest": INTERESTS},
    ),
}


class Refused(Exception):
    """The tool does not do that."""


def load_tables(folder: Path) -> Tables:
    """The tables as they are before any task, and an empty one of plots.

    Raises:
        MissingData: naming all files that are not there.
    """
    require(folder, "WorkBench", *(table.file for table in TABLES.values()))
    found: Tables = {"analytics": {}}
    for name, table in TABLES.items():
        with (folder / table.file).open(encoding="utf-8", newline="") as file:
            found[name] = {row[table.key]: row for row in csv.DictReader(file)}
    return found


class Sandbox:
    """The tables during one run. Rows are replaced and never changed, so sandboxes share what none of them touched."""

    def __init__(self, tables: Tables) -> None:
        self.tables = {name: dict(rows) for name, rows in tables.items()}
        self._team = {row["assigned_to_email"].lower() for row in tables["project_management"].values()}

    def call(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Make one call; whether a tool took it. Reads, and tools that do not exist, are never taken."""
        write = WRITES.get(tool)
        if write is None:
            return False
        try:
            bound = inspect.signature(write).bind(self, **{name: str(value) for name, value in arguments.items()})
        except TypeError:
            return False
        try:
            write(*bound.args, **bound.kwargs)
        except Refused:
            return False
        return True

    def create_event(self, event_name: str, participant_email: str, event_start: str, duration: str) -> None:
        """Add an event to the calendar."""
        told = {"event_name": event_name, "participant_email": participant_email, "event_start": event_start}
        self._add("calendar", {**told, "duration": duration})

    def send_email(self, recipient: str, subject: str, body: str) -> None:
        """Send an email: a row of the outbox."""
        if "@" not in recipient or "." not in recipient:
            raise Refused
        sent = {"sender/recipient": recipient.lower(), "subject": subject, "body": body}
        self._add("email", {"inbox/outbox": "outbox", **sent, "sent_datetime": NOW})

    def reply_email(self, email_id: str, body: str) -> None:
        """Answer an email."""
        email = self._row("email", email_id)
        self.send_email(email["sender/recipient"], email["subject"], body)

    def forward_email(self, email_id: str, recipient: str) -> None:
        """Send an email on."""
        email = self._row("email", email_id)
        self.send_email(recipient, f"FW: {email['subject']}", email["body"])

    def create_plot(self, time_min: str, time_max: str, value_to_plot: str, plot_type: str) -> None:
        """Draw a plot; each stands in the table with its place."""
        if not (time_min and time_max) or value_to_plot not in PLOTTED or plot_type not in PLOTS:
            raise Refused
        plots = self.tables["analytics"]
        plots[f"{len(plots) + 1:08d}"] = {"file": f"{time_min}_{time_max}_{value_to_plot}_{plot_type}"}

    def create_task(self, task_name: str, assigned_to_email: str, list_name: str, due_date: str, board: str) -> None:
        """Add a task for somebody of the team."""
        told = {"task_name": task_name, "assigned_to_email": assigned_to_email, "list_name": list_name}
        self._check_team(assigned_to_email)
        self._add("project_management", {**told, "due_date": due_date, "board": board})

    def add_customer(self, customer_name: str, assigned_to_email: str, status: str, **more: str) -> None:
        """Add a customer; what else is known of them is optional."""
        told = {"customer_name": customer_name, "assigned_to_email": assigned_to_email, "status": status}
        self._add("customer_relationship_manager", told)
        rows = self.tables["customer_relationship_manager"]
        last = next(reversed(rows))
        rows[last] = {**rows[last], **more}

    def delete(self, table: str, key: str) -> None:
        """Remove a row."""
        self._row(table, key)
        del self.tables[table][key]

    def update(self, table: str, key: str, change: tuple[str, str]) -> None:
        """Give one field of a row a new value."""
        name, value = change
        row = self._row(table, key)
        if not (name and value) or (name not in row and not TABLES[table].is_open):
            raise Refused
        if table == "project_management" and name == "assigned_to_email":
            self._check_team(value)
        self.tables[table][key] = {**row, name: self._kept(table, name, value)}

    def _add(self, table: str, fields: Mapping[str, str]) -> None:
        if not all(fields.values()):
            raise Refused
        key = f"{max(map(int, self.tables[table])) + 1:08d}"
        kept = {name: self._kept(table, name, value) for name, value in fields.items()}
        self.tables[table][key] = {TABLES[table].key: key, **kept}

    def _kept(self, table: str, name: str, value: str) -> str:
        if value not in TABLES[table].allowed.get(name, (value,)):
            raise Refused
        return value.lower() if name in TABLES[table].lowered else value

    def _row(self, table: str, key: str) -> Row:
        if key not in self.tables[table]:
            raise Refused
        return self.tables[table][key]

    def _check_team(self, email: str) -> None:
        if email.lower() not in self._team:
            raise Refused


def _deletes(table: str, key: str) -> Callable[..., None]:
    def tool(sandbox: Sandbox, **arguments: str) -> None:
        if set(arguments) != {key}:
            raise Refused
        sandbox.delete(table, arguments[key])

    return tool


def _updates(table: str, key: str) -> Callable[..., None]:
    def tool(sandbox: Sandbox, **arguments: str) -> None:
        if set(arguments) != {key, "field", "new_value"}:
            raise Refused
        sandbox.update(table, arguments[key], (arguments["field"], arguments["new_value"]))

    return tool


WRITES: dict[str, Callable[..., None]] = {
    "calendar.create_event": Sandbox.create_event,
    "calendar.delete_event": _deletes("calendar", "event_id"),
    "calendar.update_event": _updates("calendar", "event_id"),
    "email.send_email": Sandbox.send_email,
    "email.reply_email": Sandbox.reply_email,
    "email.forward_email": Sandbox.forward_email,
    "email.delete_email": _deletes("email", "email_id"),
    "analytics.create_plot": Sandbox.create_plot,
    "project_management.create_task": Sandbox.create_task,
    "project_management.delete_task": _deletes("project_management", "task_id"),
    "project_management.update_task": _updates("project_management", "task_id"),
    "customer_relationship_manager.add_customer": Sandbox.add_customer,
    "customer_relationship_manager.delete_customer": _deletes("customer_relationship_manager", "customer_id"),
    "customer_relationship_manager.update_customer": _updates("customer_relationship_manager", "customer_id"),
}
"""The tools that write, by the names the models call them."""
