"""The shop's database: one SQLite file, made from the generator at first use; every change counts once by its key."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..sample_database import SampleDatabase
from .data import SCHEMA, TODAY, rows

FILE = "support.db"
REFUND_DAYS = 60
"""Days after delivery within which money is paid back."""

REFUND_LIMIT = 50_00
"""Cents of one order that are paid back without billing, also in several steps."""
_AT_ONCE = "For more, leave out the amount: all that is left is refunded if billing agrees."


class Refused(Exception):
    """The shop does not do this; the text is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who the run is for."""

    id: str
    name: str
    email: str
    address: str


class Shop:
    """Orders, payments and tickets. Safe for threads and processes: each operation is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self._database = _database(path)

    def customer(self, login: str) -> Customer:
        """Who has this login. Raises Refused if nobody has."""
        found = self._one("SELECT id, name, email, address FROM customers WHERE login = ?", login)
        if found is None:
            raise Refused(f"User {login!r} is no customer of the shop. Only customers can be helped here.")
        return Customer(**found)

    def orders(self, customer: Customer) -> list[dict[str, Any]]:
        """The customer's orders, newest first."""
        listed = self._all("SELECT id FROM orders WHERE customer = ? ORDER BY ordered DESC, id DESC", customer.id)
        return [self.order(customer, each["id"]) for each in listed]

    def order(self, customer: Customer, order_id: str) -> dict[str, Any]:
        """One order of this customer; money in cents.

        Raises:
            Refused: if there is none; of somebody else's order the same is said, so that nothing is given away.
        """
        wanted = order_id.strip().upper()
        found = self._one("SELECT * FROM orders WHERE id = ? AND customer = ?", wanted, customer.id)
        if found is None:
            raise Refused(f"The customer has no order {wanted!r}. Ask for the number on the receipt.")
        items = self._all(
            "SELECT quantity, products.name, items.model FROM items JOIN products USING (model) WHERE order_id = ?",
            wanted,
        )
        paid = self._all("SELECT id, amount, paid, method FROM payments WHERE order_id = ? ORDER BY id", wanted)
        refunded = self._one("SELECT COALESCE(SUM(amount), 0) AS cents FROM refunds WHERE order_id = ?", wanted)
        assert refunded is not None
        return {**found, "items": items, "payments": paid, "refunded": refunded["cents"]}

    def refund(self, customer: Customer, order_id: str, cents: int | None, key: str) -> dict[str, Any]:
        """Pay back part of an order, or all that is left of it, the way it was paid; once for one key.

        Raises:
            Refused: if the order is not the customer's, too old, less was paid than is asked for, or small amounts
                add up to more than billing leaves to the desk.
        """
        order = self.order(customer, order_id)
        with self._database.writing() as database:
            made = database.execute("SELECT id, amount FROM refunds WHERE key = ?", (key,)).fetchone()
            if made is None:
                total = "SELECT COALESCE(SUM(amount), 0) FROM refunds WHERE order_id = ?"
                done = database.execute(total, (order["id"],)).fetchone()[0]
                left = sum(each["amount"] for each in order["payments"]) - done
                amount = left if cents is None else cents
                _may_refund(order, amount, left)
                if cents is not None and cents <= REFUND_LIMIT < done + cents:
                    raise Refused(f"{euros(done)} of order {order['id']} are back already. {_AT_ONCE}")
                number = database.execute("SELECT COUNT(*) + 1 FROM refunds").fetchone()[0]
                made = {"id": f"R-{number:04d}", "amount": amount}
                database.execute("INSERT INTO refunds VALUES (?, ?, ?, ?)", (made["id"], order["id"], amount, key))
        return {"receipt": made["id"], "amount": made["amount"], "method": order["payments"][0]["method"]}

    def move(self, customer: Customer, address: str) -> list[str]:
        """Change the customer's address, also of orders that have not been shipped; gives their numbers."""
        with self._database.writing() as database:
            database.execute("UPDATE customers SET address = ? WHERE id = ?", (address, customer.id))
            open_orders = "customer = ? AND status = 'processing'"
            database.execute(f"UPDATE orders SET address = ? WHERE {open_orders}", (address, customer.id))
            found = database.execute(f"SELECT id FROM orders WHERE {open_orders} ORDER BY id", (customer.id,))
            return [each["id"] for each in found.fetchall()]

    def cancel(self, customer: Customer, order_id: str) -> None:
        """Cancel an order that has not been shipped; one that is cancelled already stays so. Raises Refused."""
        order = self.order(customer, order_id)
        if order["status"] not in ("processing", "cancelled"):
            raise Refused(f"Order {order['id']} is {order['status']}; only orders in processing can be cancelled.")
        with self._database.writing() as database:
            database.execute(
                "UPDATE orders SET status = 'cancelled' WHERE id = ? AND status = 'processing'", (order["id"],)
            )

    def ticket(self, customer: Customer, ticket_id: str) -> dict[str, Any]:
        """One ticket of this customer. Raises Refused."""
        wanted = ticket_id.strip().upper()
        found = self._one("SELECT * FROM tickets WHERE id = ? AND customer = ?", wanted, customer.id)
        if found is None:
            raise Refused(f"The customer has no ticket {wanted!r}. Ask for its number.")
        return found

    def open_ticket(self, customer: Customer, subject: str, text: str, key: str) -> str:
        """Open a ticket, once for one key; gives its number."""
        with self._database.writing() as database:
            made = database.execute("SELECT id FROM tickets WHERE key = ?", (key,)).fetchone()
            if made is not None:
                return str(made["id"])
            number = database.execute("SELECT MAX(CAST(substr(id, 3) AS INTEGER)) + 1 FROM tickets").fetchone()[0]
            ticket = f"T-{number}"
            database.execute(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, 'open', ?)", (ticket, customer.id, subject, text, key)
            )
            return ticket

    def devices(self, customer: Customer) -> list[dict[str, Any]]:
        """What the customer has bought and received."""
        return self._all(
            "SELECT DISTINCT model, products.name, orders.id AS order_id, orders.arrives AS delivered FROM orders "
            "JOIN items ON items.order_id = orders.id JOIN products USING (model) "
            "WHERE customer = ? AND status = 'delivered' ORDER BY orders.id, model",
            customer.id,
        )

    def known_issues(self, query: str) -> list[dict[str, Any]]:
        """What is known about the faults that a text names: of the models in it, or else with the same sign.

        Of a model whose sign the text does not name, everything known is given.
        """
        words = query.lower()
        known = self._all("SELECT * FROM known_issues ORDER BY rowid")
        of_model = [each for each in known if each["model"].lower() in words]
        with_sign = [each for each in of_model or known if each["sign"].lower() in words]
        return with_sign or of_model

    def _one(self, question: str, *values: object) -> dict[str, Any] | None:
        found = self._all(question, *values)
        return found[0] if found else None

    def _all(self, question: str, *values: object) -> list[dict[str, Any]]:
        with self._database.reading() as database:
            return [dict(each) for each in database.execute(question, values)]


def _may_refund(order: dict[str, Any], amount: int, left: int) -> None:
    if left <= 0:
        raise Refused(f"Everything that was paid for order {order['id']} has been paid back already.")
    if amount > left:
        raise Refused(f"Of order {order['id']}, {euros(left)} can be paid back at most, not {euros(amount)}.")
    if order["status"] == "delivered" and (TODAY - date.fromisoformat(order["arrives"])).days > REFUND_DAYS:
        raise Refused(f"Order {order['id']} arrived on {order['arrives']}, more than {REFUND_DAYS} days ago: too late.")


def _database(path: Path) -> SampleDatabase:
    return SampleDatabase(path, SCHEMA, _fill)


def _fill(database: sqlite3.Connection) -> None:
    """Insert the generated rows."""
    for table, row in rows():
        database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def euros(cents: int) -> str:
    """Cents as people write them: ``12.50 EUR``."""
    return f"{Decimal(cents) / 100:.2f} EUR"


def world(state: Path) -> dict[str, Any]:
    """What the desk may change, by order, customer and ticket; a new shop where there is no database yet."""
    with _database(state / FILE).looking() as database:
        refunded = dict(database.execute("SELECT order_id, SUM(amount) FROM refunds GROUP BY order_id").fetchall())
        orders = database.execute("SELECT id, status, address FROM orders ORDER BY id").fetchall()
        customers = database.execute("SELECT id, address FROM customers ORDER BY id").fetchall()
        tickets = database.execute("SELECT id, subject, status FROM tickets ORDER BY id").fetchall()
    return {
        "orders": {
            each["id"]: {
                "status": each["status"],
                "address": each["address"],
                "refunded": f"{Decimal(refunded.get(each['id'], 0)) / 100:.2f}",
            }
            for each in orders
        },
        "customers": {each["id"]: {"address": each["address"]} for each in customers},
        "tickets": {each["id"]: {"subject": each["subject"], "status": each["status"]} for each in tickets},
    }
