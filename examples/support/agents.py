"""Who works at the desk: triage, and three specialists, each with the tools of its own lane."""

from __future__ import annotations

from graphwright.agents import Agent
from graphwright.prompts import prompt

from .data import TODAY
from .tools import (
    LIMIT,
    cancel_order,
    change_address,
    find_order,
    list_devices,
    list_orders,
    list_payments,
    open_ticket,
    read_ticket,
    refund_order,
    search_documentation,
    show_profile,
)

triage = Agent(
    name="triage",
    description="Finds out what the customer needs and who can help.",
    prompt=prompt("support/triage"),
    max_turns=6,
)

billing = Agent(
    name="billing",
    description="Refunds orders, gives money (EUR) back, and explains charges, payments, cards and invoices.",
    prompt=prompt("support/billing", limit=f"{LIMIT:.2f} EUR", today=TODAY.isoformat()),
    tools=(list_payments, refund_order),
    max_turns=8,
)

technical = Agent(
    name="technical",
    # The kinds of devices are named because customers name them, and not that they are faulty.
    description="Mends faulty devices (kettle, espresso machine, thermostat, headphones, vacuum, toaster); tickets.",
    prompt=prompt("support/technical"),
    tools=(search_documentation, list_devices, read_ticket, open_ticket),
    max_turns=8,
)

account = Agent(
    name="account",
    description="Says where orders are, cancels orders, and keeps the customer's delivery address and profile.",
    prompt=prompt("support/account", today=TODAY.isoformat()),
    tools=(find_order, list_orders, show_profile, change_address, cancel_order),
    max_turns=8,
)
