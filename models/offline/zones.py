"""Time zones by their IANA names: of the cities, countries, states and abbreviations that a text names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import available_timezones

from .mentions import Scene
from .places import US_CITIES, US_STATES
from .schema import Param

_AREAS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "Antarctica", "Arctic")
_DESCRIBED = re.compile(rf"\bIANA\b|\btime ?zone\b|\b(?:{'|'.join(_AREAS)})/[A-Z]")
_WRITTEN = re.compile(r"(?<![\w/])[A-Z][A-Za-z]{1,20}(?:/[A-Z][\w+-]{1,30}){1,2}(?![\w/])")
_BEFORE = re.compile(r"\b(?:in|at|for|of|to|from|on|is it|zone)\s+(?:the\s+)?$", re.I)


class Zone(NamedTuple):
    """A time zone that a text names, and where."""

    name: str
    start: int
    end: int
    written: bool
    """Whether the text names the zone itself rather than a place in it."""


def takes_zone(param: Param) -> bool:
    """Whether a string parameter means a time zone by its IANA name."""
    if param.kind != "string" or param.enum:
        return False
    names = set(param.name_stems)
    named = bool(names & {"timezon", "tz", "tzinfo"}) or names >= {"time", "zone"}
    return named or ("zone" in names and _DESCRIBED.search(param.description[:1_000]) is not None)


def zones(scene: Scene) -> Iterator[Zone]:
    """The zones of a text in its order, each place once; lower-case words count only after 'in', 'for' and so on."""
    for found in _WRITTEN.finditer(scene.text):
        if found[0] in _known():
            yield Zone(found[0], found.start(), found.end(), written=True)
    at = 0
    while at < len(scene.words):
        zone, used = _at(scene, at)
        if zone is not None:
            yield zone
        at += used


def _at(scene: Scene, at: int) -> tuple[Zone | None, int]:
    for length in (3, 2, 1):
        run = scene.words[at : at + length]
        text = scene.text[run[0].start : run[-1].end]
        name = by_name().get(" ".join(re.sub(r"[^\w]+", " ", text.lower()).split()), "") if len(run) == length else ""
        if not name or scene.text[run[0].start - 1 : run[0].start] == "/" or scene.text[run[-1].end :][:1] == "/":
            continue
        short = text.lower() in _SHORT
        if text[0].isupper() and (not short or text.isupper()):
            return Zone(name, run[0].start, run[-1].end, written=short), length
        if not short and _BEFORE.search(scene.text[max(0, run[0].start - 20) : run[0].start]):
            return Zone(name, run[0].start, run[-1].end, written=False), length
    return None, 1


@lru_cache(maxsize=1)
def by_name() -> dict[str, str]:
    """Lower-case city, country or abbreviation -> zone, read on first use."""
    found: dict[str, str] = {}
    for zone in sorted(_known(), key=lambda name: (name.count("/"), name)):
        area, _, city = zone.partition("/")
        if area in _AREAS and not city.startswith(("Indiana/", "Kentucky/", "North_Dakota/")):
            found.setdefault(city.rpartition("/")[2].replace("_", " ").replace("-", " ").lower(), zone)
    places = {**US_STATES, **US_CITIES}
    cities = {place.replace(".", ""): _STATE_ZONES[state] for place, state in places.items()}
    table = {**cities, **found, **_OTHERS, **_SHORT}
    return {name: zone for name, zone in table.items() if zone in _known()}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def _table(text: str) -> dict[str, str]:
    rows = (row.split(":") for row in text.strip().split(";") if row.strip())
    return {name.strip(): zone.strip() for zone, names in rows for name in names.split(",")}


_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    f"America/{city}" for city in ("New_York", "Chicago", "Denver", "Los_Angeles")
)
_STATE_ZONES = (
    dict.fromkeys("CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV".split(), _EASTERN)
    | dict.fromkeys("AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI".split(), _CENTRAL)
    | dict.fromkeys("CO ID MT NM UT WY".split(), _MOUNTAIN)
    | dict.fromkeys("CA NV OR WA".split(), _PACIFIC)
    | {"AZ": "America/Phoenix", "AK": "America/Anchorage", "HI": "Pacific/Honolulu"}
)
_SHORT = _table(
    """
    UTC: utc, gmt, z; America/New_York: est, edt, et; America/Chicago: cst, cdt; America/Denver: mst, mdt;
    America/Los_Angeles: pst, pdt; Europe/Paris: cet, cest; Europe/Athens: eet, eest; Europe/London: bst;
    Asia/Tokyo: jst
    """
)
"""Abbreviations; those of several zones (IST) are left out."""
_OTHERS = _table(
    """
    Europe/Berlin: germany, munich, hamburg, frankfurt, cologne, stuttgart, leipzig, dresden;
    Europe/London: england, scotland, wales, united kingdom, uk, great britain, britain, manchester, edinburgh, glasgow;
    Europe/Paris: france, lyon, marseille, nice, toulouse; Europe/Madrid: barcelona, seville, valencia;
    Europe/Rome: italy, milan, naples, florence, venice, turin; Europe/Zurich: switzerland, geneva, basel, bern;
    Europe/Vienna: austria, salzburg, graz; Europe/Amsterdam: netherlands, rotterdam, the hague, utrecht;
    Europe/Brussels: belgium, antwerp; Europe/Dublin: ireland; Europe/Stockholm: sweden, gothenburg;
    Europe/Oslo: norway, bergen; Europe/Copenhagen: denmark; Europe/Helsinki: finland; Europe/Warsaw: poland, krakow;
    Europe/Prague: czechia, czech republic; Europe/Budapest: hungary; Europe/Athens: greece; Europe/Lisbon: porto;
    Europe/Kyiv: ukraine, kyiv, kiev; Europe/Istanbul: turkey, ankara; Europe/Bucharest: romania;
    Europe/Sofia: bulgaria; Atlantic/Reykjavik: iceland;
    Asia/Tokyo: japan, osaka, kyoto, yokohama; Asia/Seoul: south korea, korea, busan;
    Asia/Shanghai: china, beijing, shenzhen, guangzhou; Asia/Taipei: taiwan;
    Asia/Kolkata: india, delhi, new delhi, mumbai, bangalore, bengaluru, chennai, hyderabad;
    Asia/Karachi: pakistan, lahore, islamabad; Asia/Bangkok: thailand; Asia/Ho_Chi_Minh: vietnam, hanoi;
    Asia/Manila: philippines; Asia/Kuala_Lumpur: malaysia; Asia/Dubai: abu dhabi, united arab emirates, uae;
    Asia/Riyadh: saudi arabia; Asia/Jerusalem: israel, tel aviv; Asia/Tehran: iran; Asia/Baghdad: iraq;
    Africa/Cairo: egypt, alexandria; Africa/Johannesburg: south africa, cape town, durban; Africa/Lagos: nigeria;
    Africa/Nairobi: kenya; Africa/Casablanca: morocco; Pacific/Auckland: new zealand, wellington;
    Australia/Sydney: canberra; America/Toronto: ottawa, montreal, quebec; America/Edmonton: calgary;
    America/Sao_Paulo: rio de janeiro, brasilia, são paulo; America/Argentina/Buenos_Aires: argentina;
    America/Bogota: colombia; America/Lima: peru; America/Los_Angeles: pacific time;
    America/New_York: nyc, washington dc, eastern time; America/Chicago: central time; America/Denver: mountain time
    """
)
"""Places without a zone of their own name, and countries with a single zone."""
