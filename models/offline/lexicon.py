"""Small tables of general English that the heuristics share: nothing here comes from a test case."""

from __future__ import annotations


def bag(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


STOP = bag(
    """
    a an the this that these those of in on at by for from to with without within into onto about as is are was
    were be been being am do does did done has have had having can could will would shall should may might must
    i me my mine we us our you your he him his she her it its they them their and or nor but if then than so
    such not no yes please kindly what which who whom whose when where why how there here also too very just
    only any some all each every both either neither between among during before after above below over under
    again further once more most other another same own out up down off until while per via let lets need want
    like know tell give given show get find help using use used me's i'm i'd what's it's don't doesn't hey hi
    hello thanks thank okay ok s t d ll ve re m whats much many
    """
)
GENERIC = bag(
    """
    calculate compute determine find get fetch retrieve search look lookup provide give show display list return
    returns estimate obtain check generate create make perform run do identify locate based specific specified
    particular given certain function tool api information info data detail details various using use user value
    values number numbers result results parameter parameters query request optional default e.g eg i.e type
    name different new set possible available related following including include several multiple two one first
    second third simple single
    """
)
"""Words that many tools share, so that finding one in a request says little."""
OPENERS = bag(
    """
    calculate compute determine find get fetch retrieve search look provide give show display list return
    estimate obtain check generate create make perform run do identify locate book order play convert translate
    predict analyze analyse compare solve evaluate update add delete remove send set change plan schedule
    recommend suggest cook mix draw design buy sell rent reserve explain describe tell assess simulate train
    apply plot sort filter count measure simplify differentiate integrate verify track view open close start
    stop turn call read write save load download upload summarize extract first second third finally then next
    also additionally moreover lastly afterwards assuming suppose consider given what's who's how's where's
    let's i'm i'd i've in on at for from with if when after before
    """
)
"""Words that begin a request or a sentence with a capital and name nothing."""
MONEY = bag(
    """
    price cost amount budget income salary fee payment principal investment invest value revenue loan deposit
    balance money dollar usd eur spend profit cash tax rent wage bid payout debt equity dividend
    """
)
SHARES = bag(
    """
    rate percent percentage probability ratio interest return discount share yield growth tax margin fraction
    proportion inflation level alpha confidence humidity lightness
    """
)
PLACE = bag(
    """
    location city place country region state town area destination origin address county venue capital province
    where locality neighbourhood
    """
)
PERSON = bag(
    """
    person actor artist author player president director name user employee customer patient scientist writer
    singer composer inventor leader musician athlete painter sculptor
    """
)
WHEN = bag(
    """
    date day datetime checkin checkout deadline birthday birthdate dob when
    """
)
FORMULA = bag(
    """
    function equation expression formula polynomial
    """
)
STARTS = bag(
    """
    from start starting begin beginning origin initial source departure lower first min depart base
    """
)
ENDS = bag(
    """
    to end ending destination final target arrival until upper last max arrive second
    """
)
TIME = bag(
    """
    time hour clock
    """
)
ID = bag(
    """
    id number code identifier docket sku zip isbn serial key reference no
    """
)
ADDRESS = bag(
    """
    url link website email path file filename address mail directory dataset folder
    """
)
COUNT = bag(
    """
    count num number limit top quantity amount total results size
    """
)
LANGUAGES = bag(
    """
    english french german spanish italian portuguese dutch swedish danish norwegian finnish polish czech greek russian
    ukrainian turkish arabic hebrew persian hindi urdu bengali tamil thai vietnamese indonesian malay chinese mandarin
    cantonese japanese korean latin swahili hungarian romanian bulgarian croatian serbian catalan
    """
)
OPEN_TEXT = bag(
    """
    content text body message report summary markdown sentence paragraph
    """
)

_TO_TWENTY = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty
    """
NUMBER_WORDS: dict[str, int] = {word: value for value, word in enumerate(_TO_TWENTY.split())} | {
    "dozen": 12, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
MAGNITUDES: dict[str, int] = {
    "hundred": 100, "thousand": 1_000, "k": 1_000, "million": 1_000_000, "mn": 1_000_000, "m": 1_000_000,
    "billion": 1_000_000_000, "bn": 1_000_000_000, "b": 1_000_000_000, "trillion": 1_000_000_000_000,
}  # fmt: skip
_MONTH_NAMES = """
    january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sep sept|october oct|
    november nov|december dec
    """
MONTHS = {name: at for at, names in enumerate(_MONTH_NAMES.split("|"), start=1) for name in names.split()}

_SYNONYMS = """
    area surface | distance far length long | duration time period term timeframe | height tall high altitude |
    weight mass weigh | speed velocity fast | price cost fee charge expense | car vehicle automobile |
    film movie | begin start initial origin departure | end final finish destination arrival |
    buy purchase order | picture image photo | money amount sum | location place city town | country nation |
    person people individual | forecast predict prediction | weather climate | lawyer attorney |
    job occupation profession | doctor physician | store shop | song track music | book novel |
    company firm corporation organization | stock share | email mail | delete remove erase |
    update modify change edit | send deliver | translate translation | convert conversion converter |
    big large great | small little tiny | child kid | gas petrol gasoline | salary wage income earnings |
    profit gain | tax taxation | loan mortgage | student pupil | teacher professor | recipe dish meal cook |
    restaurant eatery diner | hotel lodging accommodation room | flight plane airline | ticket pass |
    author writer | painter artist | monarch king queen | color colour | near nearby nearest closest close local |
    average mean | frequency rate | latest recent current today now | total overall sum |
    schedule appointment calendar |
    review rating | route direction path | traffic congestion | genre style category kind |
    maximum max highest most | minimum min lowest least | temperature hot cold | work job | game match |
    team club
    """
SYNONYMS: tuple[str, ...] = tuple(" ".join(group.split()) for group in _SYNONYMS.split("|"))
"""Each is a group of words that stand for one another when tools are compared."""
