"""What one decision of policy costs: CPU of a call judged after a long history, by how long it is.

A thread of N messages here is N/2 calls of tools (a record with a text of 1 kB each, every third of them trusted) and
what its user said. Judged are a read, an effect whose arguments the user named, one that sends 1 kB of text, which is
compared with all that is private, and one whose arguments stand nowhere that can be trusted, so that all is searched.
The second figure is with one more result taken in since the decision before, as in a thread that goes on: what a result
says is indexed once, when it is first asked for something.

    python benchmarks/policy/cost.py [--messages N ...] [--times N]
"""

from __future__ import annotations

import argparse
import random
import time

from graphwright.runtime.policy import PROFILES, Call, Context, decide
from graphwright.tools import Labels

READ = Labels(effect="read", private=True)
OWN = Labels(effect="read", private=True, trusted=True)
SEND = Labels(effect="egress", critical=("to",))
WORDS = "order invoice parcel refund meeting lunch report account ticket window payment street number please".split()
NOW = ("now@1",)
IN_A_ROW = 10
"""So many results are taken in before the thread is as long again as it says."""
LETTER = " ".join(f"{each}s that nobody has written before" for each in [*WORDS, *WORDS])
CALLS = {
    "read": Call(tool="read_1", arguments={"id": "M-3"}, declared=READ, batch="now", tasks=NOW),
    "effect, named by the user": Call(
        tool="send", arguments={"to": "ann@example.org", "text": "A-1042"}, declared=SEND, batch="now", tasks=NOW
    ),
    "effect with 1 kB of text": Call(
        tool="send", arguments={"to": "ann@example.org", "text": LETTER}, declared=SEND, batch="now", tasks=NOW
    ),
    "effect, found nowhere": Call(
        tool="send", arguments={"to": "eve@evil.example", "text": "window"}, declared=SEND, batch="now", tasks=NOW
    ),
}


def result(at: int, rng: random.Random) -> tuple[Call, dict[str, object]]:
    """A call that read something, and what it returned."""
    text = " ".join(rng.choice(WORDS) for _ in range(150))
    value = {"id": f"M-{at}", "from": f"user{at}@example.com", "text": text, "amount": at}
    is_own = at % 3 == 0
    call = Call(
        tool=f"read_{at % 5}",
        arguments={"id": f"M-{at}"},
        declared=OWN if is_own else READ,
        key=f"call-{at}",
        batch=f"message-{at}",
        tasks=(f"{at:012d}@{at:012d}",),
    )
    return call, value


def history(messages: int, rng: random.Random) -> Context:
    """The context of a thread of so many messages."""
    context = Context(rules=PROFILES["default"]).told("Write to ann@example.org about order A-1042, please.")
    for at in range(messages // 2):
        call, value = result(at, rng)
        context = context.after(call, value, believed=call.declared is OWN)
    return context


def decisions(context: Context, call: Call, times: int) -> float:
    """CPU of a decision in an unchanged context, in milliseconds."""
    begun = time.process_time()
    for _ in range(times):
        decide(call, context)
    return (time.process_time() - begun) / times * 1000


def going_on(messages: int, call: Call, times: int, rng: random.Random) -> float:
    """CPU of a decision and of the result that was read since the one before, in milliseconds."""
    spent = 0.0
    for begun_at in range(0, times, IN_A_ROW):
        context = history(messages, rng)
        decide(call, context)
        for at in range(IN_A_ROW):
            read, value = result(messages + begun_at + at, rng)
            begun = time.process_time()
            context = context.after(read, value, believed=read.declared is OWN)
            decide(call, context)
            spent += time.process_time() - begun
    return spent / (-(-times // IN_A_ROW) * IN_A_ROW) * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, nargs="+", default=[20, 200, 2000], metavar="N", help="lengths")
    parser.add_argument("--times", type=int, default=500, metavar="N", help="decisions of each kind")
    options = parser.parse_args()
    print(f"| messages | {' | '.join(f'{name}: ms CPU; with a result of 1 kB' for name in CALLS)} |")
    print("|---|" + "---|" * len(CALLS))
    for messages in options.messages:
        rng = random.Random(7)
        context = history(messages, rng)
        cells = []
        for call in CALLS.values():
            decide(call, context)
            alone = decisions(context, call, options.times)
            cells.append(f"{alone:.3f}; {going_on(messages, call, min(options.times, 100), rng):.3f}")
        print(f"| {messages} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
