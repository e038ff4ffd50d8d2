"""What the desk can look up and do. The customer is the user of the run, never an argument."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from graphwright.tools import ApprovalRules, IdempotencyKey, ToolContext, ToolFailed, tool

from .shop import REFUND_LIMIT, Customer, Refused, Shop, euros

LIMIT = Decimal(REFUND_LIMIT) / 100
"""EUR; what is above it is paid back only if somebody from billing agrees."""
WHOLE_ADDRESS = re.compile(r"\d+\w? [^\d,]+, \d{4,5} \D+")
OrderId = Annotated[str, Field(max_length=12, description="Order number, like A-1042.")]
TicketId = Annotated[str, Field(max_length=12, description="Ticket number, like T-301.")]


def refund_rule(arguments: Mapping[str, Any]) -> ApprovalRules | None:
    """Who must agree to a refund: nobody up to the limit, billing above it or where nobody named an amount."""
    amount = arguments.get("amount")
    if amount is not None and Decimal(str(amount)) <= LIMIT:
        return None
    asked = "all that is left of the order" if amount is None else f"{Decimal(str(amount)):.2f} EUR"
    return ApprovalRules(
        f"Pays back {asked}; above {LIMIT:.2f} EUR billing decides.", roles=("billing",), exclude_requester=True
    )


@tool(effect="read", trusted=True, private=True)
def find_order(order_id: OrderId, *, context: ToolContext) -> dict[str, Any]:
    """Say where one order is: its status, what is in it, when it arrives and what was paid."""
    with _said():
        shop, customer = _of(context)
        return _shown(shop.order(customer, order_id))


@tool(effect="read", trusted=True, private=True)
def list_orders(*, context: ToolContext) -> list[dict[str, Any]]:
    """List all orders of the customer, newest first."""
    with _said():
        shop, customer = _of(context)
        return [_shown(each) for each in shop.orders(customer)]


@tool(effect="read", trusted=True, private=True)
def show_profile(*, context: ToolContext) -> dict[str, str]:
    """Show what address, e-mail and name we have of the customer."""
    with _said():
        _, customer = _of(context)
        return {"name": customer.name, "email": customer.email, "address": customer.address}


@tool(effect="write", once=False, critical=("address",), reversible=True, trusted=True)
def change_address(
    address: Annotated[str, Field(max_length=200, description="New address: number and street, postcode and town.")],
    *,
    context: ToolContext,
) -> str:
    """Change the delivery address of the customer, also for orders that have not been shipped yet."""
    with _said():
        shop, customer = _of(context)
        whole = " ".join(address.split())
        if not WHOLE_ADDRESS.fullmatch(whole):
            raise ToolFailed(f"{whole!r} is no whole address. Ask for number and street, postcode and town.")
        context.check()
        moved = shop.move(customer, whole)
        return f"The delivery address is now {whole}." + (f" Also for {', '.join(moved)}." if moved else "")


@tool(effect="write", once=False, critical=("order_id",), destructive=True, trusted=True)
def cancel_order(order_id: OrderId, *, context: ToolContext) -> str:
    """Cancel one order that has not been shipped yet."""
    with _said():
        shop, customer = _of(context)
        context.check()
        shop.cancel(customer, order_id)
        return f"Order {order_id.upper()} is cancelled."


@tool(effect="read", trusted=True, private=True)
def list_payments(order_id: OrderId, *, context: ToolContext) -> list[dict[str, str]]:
    """List the payments and charges of one order: how much, when and by which card."""
    with _said():
        shop, customer = _of(context)
        paid = shop.order(customer, order_id)["payments"]
        return [
            {"id": each["id"], "amount": euros(each["amount"]), "date": each["paid"], "method": each["method"]}
            for each in paid
        ]


@tool(effect="write", once=False, approval=refund_rule, critical=("order_id", "amount"), trusted=True)
def refund_order(
    order_id: OrderId,
    amount: Annotated[
        Decimal | None,
        Field(gt=0, le=10_000, decimal_places=2, description="How much to refund, in EUR; left out: all of it."),
    ] = None,
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> dict[str, str]:
    """Refund part or all of one order: pay the money back the way it was paid."""
    with _said():
        shop, customer = _of(context)
        context.check()
        paid = shop.refund(customer, order_id, None if amount is None else int(amount * 100), key)
        return {
            "receipt": paid["receipt"],
            "order": order_id.upper(),
            "refunded": euros(paid["amount"]),
            "to": paid["method"],
        }


@tool(effect="read", trusted=True, private=True)
def list_devices(*, context: ToolContext) -> list[dict[str, Any]]:
    """List the devices that the customer has received from us, with their model."""
    with _said():
        shop, customer = _of(context)
        return shop.devices(customer)


@tool(effect="read", trusted=True)
def search_documentation(
    query: Annotated[
        str, Field(max_length=500, description="Model of the device and its error code or symptom, in a few words.")
    ],
    *,
    context: ToolContext,
) -> str:
    """Search the repair documentation for the fault of a device: cause and remedy."""
    found = context.resources.get(Shop).known_issues(query)
    if not found:
        return "Nothing is known about that. The model stands on the device's label, like TH-200; ask for it."
    return "\n".join(
        f"- {each['model']}, {each['sign']}: {each['cause']} {each['remedy']}"
        + (" DANGEROUS: stop here and hand over to a person." if each["dangerous"] else "")
        for each in found
    )


@tool(effect="read", private=True)
def read_ticket(ticket_id: TicketId, *, context: ToolContext) -> dict[str, Any]:
    """Read one support ticket: its subject, its status and what was written in it."""
    with _said():
        shop, customer = _of(context)
        found = shop.ticket(customer, ticket_id)
        return {name: found[name] for name in ("id", "subject", "status", "text")}


@tool(effect="write", once=False, reversible=True, trusted=True)
def open_ticket(
    subject: Annotated[str, Field(min_length=3, max_length=120, description="What it is about, in a few words.")],
    description: Annotated[str, Field(max_length=2_000, description="What the customer reports.")] = "",
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> str:
    """Open a support ticket for a technician about a fault that no known remedy mends."""
    with _said():
        shop, customer = _of(context)
        context.check()
        return f"Ticket {shop.open_ticket(customer, subject.strip(), description.strip(), key)} is open."


def _of(context: ToolContext) -> tuple[Shop, Customer]:
    shop = context.resources.get(Shop)
    return shop, shop.customer(context.user)


def _shown(order: Mapping[str, Any]) -> dict[str, Any]:
    when = {"delivered": "delivered", "cancelled": "was_to_arrive"}.get(order["status"], "arrives")
    shown = {
        "order": order["id"],
        "status": order["status"],
        when: order["arrives"],
        "items": ", ".join(f"{each['quantity']} {each['name']} {each['model']}" for each in order["items"]),
        "paid": euros(sum(each["amount"] for each in order["payments"])),
        "address": order["address"],
    }
    return {**shown, "refunded": euros(order["refunded"])} if order["refunded"] else shown


@contextmanager
def _said() -> Iterator[None]:
    """What the shop refuses, said to the model."""
    try:
        yield
    except Refused as refusal:
        raise ToolFailed(str(refusal)) from refusal
