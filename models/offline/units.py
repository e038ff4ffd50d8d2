"""Units of measure: what they are called, what they measure and how they convert."""

from __future__ import annotations

import re
from functools import lru_cache

_TABLE = """
length|1|m meter meters metre metres
length|1000|km kilometer kilometers kilometre kilometres kms
length|0.01|cm centimeter centimeters centimetre centimetres
length|0.001|mm millimeter millimeters millimetre
length|1609.344|mile miles mi
length|0.3048|foot feet ft
length|0.0254|inch inches
length|0.9144|yard yards yd
mass|1|kg kilogram kilograms kilo kilos kgs
mass|0.001|g gram grams
mass|0.000001|mg milligram milligrams
mass|0.45359237|lb lbs pound pounds
mass|0.028349523125|oz ounce ounces
mass|1000|ton tons tonne tonnes
time|1|s sec second seconds secs
time|60|min minute minutes mins
time|3600|h hr hour hours hrs
time|86400|day days
time|604800|week weeks
time|2592000|month months
time|31536000|year years yr yrs
time|0.001|ms millisecond milliseconds
time|0.000000001|ns nanosecond nanoseconds
temperature|1|c celsius °c degc
temperature|1.8|f fahrenheit °f degf
temperature|2|kelvin kelvins
current|1|a amp amps ampere amperes
current|0.001|ma milliampere milliamperes milliamp
voltage|1|v volt volts
voltage|1000|kv kilovolt kilovolts
resistance|1|ohm ohms ω
charge|1|coulomb coulombs
charge|0.000001|µc μc microcoulomb microcoulombs
charge|0.000000001|nc nanocoulomb nanocoulombs
capacitance|1|farad farads
capacitance|0.000001|µf μf uf microfarad microfarads
capacitance|0.000000001|nf nanofarad nanofarads
inductance|1|henry henries henrys
inductance|0.001|mh millihenry millihenries
power|1|w watt watts
power|1000|kw kilowatt kilowatts
energy|1|j joule joules
energy|1000|kj kilojoule kilojoules
energy|3600000|kwh kilowatthour
frequency|1|hz hertz
frequency|1000|khz kilohertz
frequency|1000000|mhz megahertz
frequency|60|bpm
force|1|n newton newtons
pressure|1|pa pascal pascals
pressure|1000|kpa kilopascal kilopascals
pressure|101325|atm atmosphere atmospheres
speed|1|m/s mps
speed|0.2777777777777778|km/h kmh kph
speed|0.44704|mph
acceleration|1|m/s^2 m/s² m/s2
area|1|m² m^2 m2 sqm
area|0.09290304|sqft ft² ft^2
volume|1|m³ m^3 m3
volume|0.001|l liter liters litre litres
volume|0.000001|ml milliliter milliliters
volume|0.0002365882365|cup cups
angle|1|degree degrees deg °
angle|57.29577951308232|radian radians rad
"""
UNITS: dict[str, tuple[str, float]] = {
    name: (kind, float(factor))
    for kind, factor, names in (line.split("|") for line in _TABLE.strip().splitlines())
    for name in names.split()
}
"""Lower-case name -> (what it measures, how many of the first unit of that kind one of it is)."""

_LONG = {name for name in UNITS if len(name) >= 3 or not name.isalpha()}


def measure(unit: str) -> str:
    """What a unit measures ('length', 'mass' ...), or nothing when it is not known."""
    return UNITS.get(unit.lower(), ("", 1.0))[0]


@lru_cache(maxsize=4_096)
def units_in(text: str) -> tuple[str, ...]:
    """Units that a description names, such as 'in kilograms' or '(kg)', in order."""
    low = text.lower()[:2_000]
    spelled = [
        word
        for word in re.findall(r"[^\W\d_]+(?:/[^\W\d_]+)?(?:\^?[23²³])?", low)
        if word in _LONG and word != "second"
    ]
    short = re.findall(r"(?:\(|\bin |, )([a-zµμ]{1,2}[²³]?)(?=\)|\.|,|$)", low)
    return tuple(dict.fromkeys([*spelled, *(word for word in short if word in UNITS)]))


def convertible(unit: str) -> tuple[str, float]:
    """What a unit measures and its size, equal for two names of one unit."""
    return UNITS.get(unit.lower(), ("", 0.0))


def convert(value: float, unit: str, wanted: tuple[str, ...]) -> float | None:
    """The value in the first wanted unit of the same kind; None when nothing needs converting."""
    kind, factor = UNITS.get(unit.lower(), ("", 1.0))
    same = [UNITS[name][1] for name in wanted if UNITS[name][0] == kind]
    if not kind or kind == "temperature" or not same or factor in same:
        return None
    return float(f"{value * factor / same[0]:.10g}")
