# ruff: noqa: E501  # one sentence, one line
"""The sentences that generated posts are made of. `{a|b|c}` is one of them; words recur across labels on purpose.

Each label has many ways to say it. Those at every fourth place are kept out of training, so that the held-out split
holds wordings which the classifier has never seen.
"""

from __future__ import annotations

OPENERS = (
    "", "", "", "Hi all.", "Good {morning|evening} everyone.", "Long time reader here.", "Quick one.", "So,",
    "I was in the workshop {today|all weekend}.", "Following up on the {lathe|soldering|glue} thread.",
    "Sorry if this is the wrong board.", "Third {coffee|attempt} today.",
)  # fmt: skip
CLOSERS = (
    "", "", "", "", "Thanks!", "What do you think?", "Cheers.", "Have a good week.", "Anyone else?", "Let me know.",
    "Pictures later.", "That is all.",
)  # fmt: skip

PLAIN: dict[str, tuple[str, ...]] = {
    "ok": (
        "Which {glue|varnish|screw} do you use for {oak|pine|plywood}? Mine {cracks|peels} after a week.",
        "My {printer|router|bandsaw} drifts by a millimetre; I {checked|replaced} the belt and it is better now.",
        "The {free|old} manual from the maker is wrong: the fuse is {two|five} amps.",
        "I {sold|gave away} my old {lathe|bench} and I miss it already.",
        "Has anybody compared the {cheap|expensive} chisels? The price is {high|fair} for what you get.",
        "This is the {worst|ugliest} joint I ever cut, but it holds.",
        "My {daughter|father} built this {stool|lamp} alone, I am very proud.",
        "Do not click through the wizard, {set|type} the address of the controller by hand.",
        "Killed another drill bit today, I am {hopeless|useless} at metal.",
        "You were right and I was wrong about the {grain|voltage}, thank you for your patience.",
        "Is there a {discount|better price} if the club orders {ten|twenty} boards together?",
        "The {transfer|payment} for the club room is due on {Friday|Monday}, as every year.",
        "I disagree with you about {epoxy|hide glue}; here is what I {measured|tried}.",
        "Somebody earned {100|200} points in the contest with a {birdhouse|clock}. Well done!",
        "Where can I buy {brass|walnut} in small amounts, without an {account|order} for a whole truck?",
        "The wallet I stitched from {leather|canvas} came out {well|crooked}.",
    ),
    "spam": (
        "{Buy|Order} {cheap|discount} {watches|sunglasses|handbags} now, {free|fast} shipping worldwide, limited offer.",
        "{Best|Lowest} prices for {followers|likes|reviews}, delivered within the hour.",
        "Lose {ten|twenty} kilos in {two|three} weeks with this one {tea|trick}, order today.",
        "{Casino|Slots} bonus: {100|200} free spins for new players, click to claim.",
        "Replica {bags|watches}, same quality, {half|tenth} of the price, contact us on the {app|channel}.",
        "{Pills|Supplements} without prescription, discreet shipping, {discount|coupon} for the first order.",
        "Cheap {essays|homework} written by experts, money back, order before {Friday|midnight}.",
        "Want {traffic|customers} on your page? Our {package|service} brings {thousands|millions}, offer ends today.",
        "{Hot|Lonely} singles in your town are waiting, join free.",
        "Unlimited {streaming|channels} for the price of a coffee, {click|tap} for a trial.",
        "We clear {stock|warehouse}: everything must go, {ninety|eighty} percent off, only today.",
        "Your {printer|phone} needs {toner|a case}? Bulk deals, minimum order {fifty|hundred}, write for the list.",
    ),
    "scam": (
        "I made {3000|5000} a week from home with this {broker|coin}, send {100|200} and get {double|triple} back.",
        "This is {support|the moderator team}: your account will be locked, confirm your password at the {link|form} below.",
        "You have {won|been chosen for} a {voucher|phone}; pay only the {customs|shipping} fee by gift card to receive it.",
        "Guaranteed {returns|profit} of {ten|twenty} percent a month, no risk, {message|write} me before the group is full.",
        "I am {stuck|stranded} abroad, please transfer {300|400} to my friend, I pay it back {tomorrow|on Monday}.",
        "Connect your wallet to {claim|receive} the airdrop, enter the seed phrase when {asked|prompted}.",
        "A {general|widow} left {four|nine} million and I need an honest partner to move it, reply in private.",
        "Part-time {reviewer|tester} wanted, {200|300} a day, only a small deposit to {start|unlock your tasks}.",
        "I sell my {lathe|router} below price, payment in advance by {transfer|voucher} only, no viewing.",
        "Your parcel is held; {settle|pay} {two|three} euros with your card number {here|at the link}.",
        "My uncle works at the exchange and tells me what to buy; {join|enter} with any amount and he trades for you.",
        "The bank has {changed|moved}: send the club fee to this new account from {today|now} on.",
    ),
    "harassment": (
        "You are a {worthless|pathetic|disgusting} {idiot|moron|clown} and everybody here knows it.",
        "Shut up, nobody wants to read {garbage|trash} from somebody as {stupid|dumb} as you.",
        "Go {cry|hide} somewhere else, {loser|freak}, before I come and make you.",
        "I know {where you live|which school your kids go to}, you had better be careful what you post.",
        "People like you should not be allowed to {breathe|leave the house}.",
        "Nobody would miss you if you were gone, think about that.",
        "What do you expect from {her|him}, look at that {ugly|fat} face.",
        "Keep talking and you will {regret it|find out what happens}, I am not joking.",
        "Everyone report this {rat|pig} and write to {his|her} boss until {he|she} is out.",
        "Your {kind|sort} ruined this town, pack your things and go back.",
        "You have the brain of a {brick|toad}, and that is an insult to the {brick|toad}.",
        "I will follow you to every thread until you {quit|leave} for good.",
    ),
    "self_promotion": (
        "New video on my channel: how I {restored|built} a {bench|lathe}, please like and subscribe.",
        "My {shop|store} has {handmade|custom} {knives|spoons}, link in my profile, ten percent off for members.",
        "I wrote a {book|course} about {joinery|soldering}; it is out {today|now}, get it on my page.",
        "Follow me for daily {workshop|maker} content, I post every {morning|evening}.",
        "Check out my {blog|podcast}: {five|ten} mistakes beginners make, episode {three|nine} is up.",
        "I take commissions again: {tables|signs}, write me for a quote, examples on my site.",
        "Vote for my {clock|guitar} in the contest of the magazine, it takes a {minute|second}.",
        "My app for {cut lists|tool logs} is in the store, free for the first month, reviews are welcome.",
        "Join my {newsletter|workshop} in {May|June}, early birds pay half, places are limited.",
        "I stream live from the {shed|garage} tonight, come and say hello, the channel is my name.",
        "Support my crowdfunding for a better {clamp|vise}, only {two|three} days left.",
        "I just opened a small {studio|school}; first lesson on me, see the address in my profile.",
    ),
}

HARD: dict[str, tuple[str, ...]] = {
    # Looks like another label and is none: abuse quoted to report it, a warning, a question about one's own work.
    "ok": (
        'Somebody wrote me "you are a {worthless|pathetic} {idiot|moron}, go {hide|cry}". How do I report that?',
        'Careful: a stranger asks to "connect your wallet and enter the seed phrase". It is a scam, do not do it.',
        "I got a mail that my account will be locked unless I confirm my password. Fake, as far as I can see?",
        'The same "{best|lowest} prices for followers" post again, third time this {week|month}. Can it be removed?',
        "You asked for the {plans|video}: it is on my channel, nothing to buy there.",
        "My father lost {3000|5000} to a broker who promised double; please talk to your parents about it.",
        "Is it allowed to link my own {shop|blog} here, or is that against the rules?",
        'He was told that "people like you should not be allowed to {breathe|leave the house}". Mods, please look.',
        "Do not order the {discount|cheap} {watches|pills} advertised here, my card was charged twice.",
        "I am an idiot: I wired it {backwards|upside down} and the fuse was gone.",
        "For those who asked what my {bench|table} cost: the wood was {100|200}, no, it is not for sale.",
        'My son reads "nobody would miss you" under his posts. What can parents do?',
    ),
    # Says it without the words by which one would find it.
    "spam": (
        "Friends keep asking where I get my {sunglasses|bags}: the {list|catalogue} is on the channel, they ship anywhere.",
        "Not sure if allowed, but the {tea|patch} really works, mine came in two days, they have some left.",
        "We have {hundreds|thousands} of them left from last season, tell me how many you take.",
    ),
    "scam": (
        "I can only recommend Mrs {Lane|Moor}, she took my {100|200} and a week later I could withdraw three times that.",
        "Your {prize|refund} is ready, we only need the numbers on the front and the back of the card.",
        "Moderation here, we check members; reply with the code that you get by text.",
    ),
    "harassment": (
        "Some people should do us all a favour and not wake up tomorrow. You know whom I mean.",
        "Nice house in {Mill|Church} Street, {green|red} door. Would be a shame.",
        "I would explain it to you, but I do not have any {crayons|puppets} with me. As always with you.",
    ),
    "self_promotion": (
        "Funny, I showed exactly that last week, where I always show such things, come by and bring friends.",
        "Since nobody makes a good {clamp|vise}, I do now. You know where to find me, orders until {May|June}.",
        "I cannot say it in a post, it took me three episodes; the first one is free.",
    ),
}
