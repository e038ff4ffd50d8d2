"""The shop of tau2-bench's retail domain (arXiv 2506.07982), with tools of our own that follow its written policy."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

Record = dict[str, Any]
Tables = dict[str, dict[str, Record]]
REASONS = ("no longer needed", "ordered by mistake")
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


class Refused(Exception):
    """The policy does not allow it, or there is no such thing."""


class Shop:
    """Products, users and orders during one run. A record is copied before it is changed; the others are shared."""

    def __init__(self, tables: Mapping[str, Mapping[str, Record]]) -> None:
        self.tables: Tables = {name: dict(rows) for name, rows in tables.items()}

    def call(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Make one call; whether a tool took it. Reads change nothing and are never taken.

        A call that is refused leaves everything as it was.
        """
        write = WRITES.get(tool)
        if write is None:
            return False
        try:
            bound = inspect.signature(write).bind(self, **arguments)
        except TypeError:
            return False
        kept = {name: dict(rows) for name, rows in self.tables.items()}
        try:
            write(*bound.args, **bound.kwargs)
        except Refused:
            self.tables = kept
            return False
        return True

    def cancel_pending_order(self, order_id: str, reason: str) -> None:
        """Cancel an order that is not processed yet; every payment goes back to where it came from."""
        order = self._order(order_id, "pending")
        if reason not in REASONS:
            raise Refused
        for payment in list(order["payment_history"]):
            self._pay(order, payment["payment_method_id"], -payment["amount"])
        order.update(status="cancelled", cancel_reason=reason)

    def modify_pending_order_address(self, order_id: str, **address: str) -> None:
        """Send an order elsewhere."""
        order = self._order(order_id, "pending", "pending (item modified)")
        order["address"] = _address(address)

    def modify_pending_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> None:
        """Take other variants of the same products, once an order; the difference is settled at once."""
        order = self._order(order_id, "pending")
        difference = self._difference(order, item_ids, new_item_ids)
        self._check_balance(order, payment_method_id, difference)
        self._pay(order, payment_method_id, difference)
        for old, new in zip(item_ids, new_item_ids, strict=True):
            item = next(each for each in order["items"] if each["item_id"] == old)
            variant = self._variant(item["product_id"], new)
            item.update(item_id=new, price=variant["price"], options=deepcopy(variant["options"]))
        order["status"] = "pending (item modified)"

    def modify_pending_order_payment(self, order_id: str, payment_method_id: str) -> None:
        """Pay an order in another way."""
        order = self._order(order_id, "pending", "pending (item modified)")
        paid = order["payment_history"]
        if len(paid) != 1 or paid[0]["transaction_type"] != "payment":
            raise Refused
        before, amount = paid[0]["payment_method_id"], paid[0]["amount"]
        if before == payment_method_id:
            raise Refused
        self._check_balance(order, payment_method_id, amount)
        self._pay(order, payment_method_id, amount)
        self._pay(order, before, -amount)

    def modify_user_address(self, user_id: str, **address: str) -> None:
        """Change where a user lives."""
        self._changed("users", user_id)["address"] = _address(address)

    def return_delivered_order_items(self, order_id: str, item_ids: list[str], payment_method_id: str) -> None:
        """Ask for items to be taken back; the money goes to the first payment's method or to a gift card."""
        order = self._order(order_id, "delivered")
        method = self._method(order, payment_method_id)
        if method["source"] != "gift_card" and payment_method_id != order["payment_history"][0]["payment_method_id"]:
            raise Refused
        _check_items(order, item_ids)
        order.update(
            status="return requested", return_items=sorted(item_ids), return_payment_method_id=payment_method_id
        )

    def exchange_delivered_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> None:
        """Ask for other variants of the same products; the difference is settled when the items are back."""
        order = self._order(order_id, "delivered")
        difference = self._difference(order, item_ids, new_item_ids)
        self._check_balance(order, payment_method_id, difference)
        order.update(
            status="exchange requested",
            exchange_items=sorted(item_ids),
            exchange_new_items=sorted(new_item_ids),
            exchange_payment_method_id=payment_method_id,
            exchange_price_difference=difference,
        )

    def _order(self, order_id: str, *statuses: str) -> Record:
        order = self.tables["orders"].get(order_id)
        if order is None or order["status"] not in statuses:
            raise Refused
        return self._changed("orders", order_id)

    def _changed(self, table: str, key: str) -> Record:
        """A record that may be changed."""
        if key not in self.tables[table]:
            raise Refused
        self.tables[table][key] = deepcopy(self.tables[table][key])
        return self.tables[table][key]

    def _method(self, order: Record, payment_method_id: str) -> Record:
        methods: dict[str, Record] = self.tables["users"][order["user_id"]]["payment_methods"]
        if payment_method_id not in methods:
            raise Refused
        return methods[payment_method_id]

    def _check_balance(self, order: Record, payment_method_id: str, amount: float) -> None:
        method = self._method(order, payment_method_id)
        if method["source"] == "gift_card" and method["balance"] < amount:
            raise Refused

    def _pay(self, order: Record, payment_method_id: str, amount: float) -> None:
        """Take an amount (below 0: give it back) and write it into the order."""
        if self._method(order, payment_method_id)["source"] == "gift_card":
            card = self._changed("users", order["user_id"])["payment_methods"][payment_method_id]
            card["balance"] = round(card["balance"] - amount, 2)
        order["payment_history"].append(
            {
                "transaction_type": "payment" if amount > 0 else "refund",
                "amount": abs(amount),
                "payment_method_id": payment_method_id,
            }
        )

    def _difference(self, order: Record, item_ids: Sequence[str], new_item_ids: Sequence[str]) -> float:
        """What the new items cost more than the old ones."""
        _check_items(order, item_ids)
        if len(item_ids) != len(new_item_ids):
            raise Refused
        difference = 0.0
        for old, new in zip(item_ids, new_item_ids, strict=True):
            item = next(each for each in order["items"] if each["item_id"] == old)
            difference += self._variant(item["product_id"], new)["price"] - item["price"]
        return round(difference, 2)

    def _variant(self, product_id: str, item_id: str) -> Record:
        variant: Record | None = self.tables["products"][product_id]["variants"].get(item_id)
        if variant is None or not variant["available"]:
            raise Refused
        return variant


def _check_items(order: Record, item_ids: Sequence[str]) -> None:
    there = Counter(item["item_id"] for item in order["items"])
    if Counter(item_ids) - there:
        raise Refused


def _address(told: Mapping[str, str]) -> dict[str, str]:
    if set(told) != set(ADDRESS):
        raise Refused
    return dict(told)


WRITES: dict[str, Callable[..., None]] = {
    name: getattr(Shop, name)
    for name in (
        "cancel_pending_order",
        "exchange_delivered_order_items",
        "modify_pending_order_address",
        "modify_pending_order_items",
        "modify_pending_order_payment",
        "modify_user_address",
        "return_delivered_order_items",
    )
}
"""The tools that write."""
