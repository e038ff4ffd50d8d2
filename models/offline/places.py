"""Places and currencies that many requests name: states and larger cities of the USA, countries, ISO 4217 codes."""

from __future__ import annotations


def _pairs(text: str) -> dict[str, str]:
    return dict(entry.replace("_", " ").split("=") for entry in text.split())


US_STATES = _pairs(
    """
    alabama=AL alaska=AK arizona=AZ arkansas=AR california=CA colorado=CO connecticut=CT delaware=DE florida=FL
    georgia=GA hawaii=HI idaho=ID illinois=IL indiana=IN iowa=IA kansas=KS kentucky=KY louisiana=LA maine=ME
    maryland=MD massachusetts=MA michigan=MI minnesota=MN mississippi=MS missouri=MO montana=MT nebraska=NE
    nevada=NV new_hampshire=NH new_jersey=NJ new_mexico=NM new_york=NY north_carolina=NC north_dakota=ND ohio=OH
    oklahoma=OK oregon=OR pennsylvania=PA rhode_island=RI south_carolina=SC south_dakota=SD tennessee=TN
    texas=TX utah=UT vermont=VT virginia=VA washington=WA west_virginia=WV wisconsin=WI wyoming=WY
    """
)
"""Lower-case state -> its abbreviation."""
_CITIES = """
    AL birmingham montgomery
    AK anchorage
    AZ phoenix tucson mesa
    AR little_rock
    CA los_angeles san_diego san_jose san_francisco fresno sacramento oakland long_beach berkeley palo_alto anaheim
    CO denver boulder colorado_springs aurora
    CT hartford new_haven
    DC washington
    FL miami orlando tampa jacksonville tallahassee
    GA atlanta savannah
    HI honolulu
    ID boise
    IL chicago springfield
    IN indianapolis
    IA des_moines
    KS wichita
    KY louisville lexington
    LA new_orleans baton_rouge
    ME augusta
    MD baltimore annapolis
    MA boston cambridge worcester
    MI detroit ann_arbor lansing
    MN minneapolis saint_paul
    MO st._louis kansas_city
    MT billings
    NE omaha lincoln
    NV las_vegas reno
    NJ newark jersey_city trenton
    NM albuquerque santa_fe
    NY new_york new_york_city buffalo albany brooklyn manhattan
    NC charlotte raleigh durham
    OH columbus cleveland cincinnati
    OK oklahoma_city tulsa
    OR portland eugene salem
    PA philadelphia pittsburgh
    RI providence
    TN nashville memphis
    TX houston san_antonio dallas austin fort_worth el_paso
    UT salt_lake_city
    VA richmond virginia_beach
    WA seattle spokane tacoma
    WI milwaukee madison
    """
US_CITIES = {
    city.replace("_", " "): line.split()[0] for line in _CITIES.strip().splitlines() for city in line.split()[1:]
}
"""Lower-case city -> the abbreviation of its state."""
COUNTRIES = frozenset(
    name.replace("_", " ")
    for name in """
    afghanistan algeria argentina australia austria bangladesh belgium brazil bulgaria cambodia canada chile
    china colombia croatia cuba czech_republic denmark ecuador egypt england ethiopia finland france germany
    ghana greece hungary iceland india indonesia iran iraq ireland israel italy jamaica japan jordan kenya
    kuwait lebanon malaysia mexico morocco nepal netherlands new_zealand nigeria norway pakistan peru
    philippines poland portugal qatar romania russia saudi_arabia scotland singapore south_africa south_korea
    spain sri_lanka sweden switzerland syria taiwan thailand tunisia turkey uganda uk ukraine
    united_arab_emirates united_kingdom united_states united_states_of_america uruguay us usa venezuela vietnam
    wales zambia zimbabwe
    """.split()
)
CURRENCIES = _pairs(
    """
    dollar=USD dollars=USD usd=USD us_dollar=USD us_dollars=USD american_dollars=USD euro=EUR euros=EUR eur=EUR
    pound=GBP pounds=GBP british_pound=GBP british_pounds=GBP gbp=GBP yen=JPY japanese_yen=JPY jpy=JPY
    canadian_dollar=CAD canadian_dollars=CAD cad=CAD australian_dollar=AUD australian_dollars=AUD aud=AUD yuan=CNY
    chinese_yuan=CNY renminbi=CNY cny=CNY rupee=INR rupees=INR indian_rupee=INR indian_rupees=INR inr=INR
    swiss_francs=CHF chf=CHF won=KRW korean_won=KRW krw=KRW pesos=MXN mexican_pesos=MXN mxn=MXN real=BRL reais=BRL
    brl=BRL ruble=RUB rubles=RUB rub=RUB singapore_dollar=SGD singapore_dollars=SGD sgd=SGD new_zealand_dollar=NZD
    new_zealand_dollars=NZD nzd=NZD rand=ZAR zar=ZAR swedish_krona=SEK sek=SEK norwegian_krone=NOK nok=NOK hkd=HKD
    hong_kong_dollar=HKD hong_kong_dollars=HKD bitcoin=BTC btc=BTC ethereum=ETH eth=ETH
    """
)
"""Lower-case name of a currency -> its code."""
DEMONYMS = _pairs(
    """
    american=United_States british=United_Kingdom english=England scottish=Scotland irish=Ireland french=France
    german=Germany italian=Italy spanish=Spain portuguese=Portugal dutch=Netherlands belgian=Belgium swiss=Switzerland
    austrian=Austria polish=Poland czech=Czech_Republic hungarian=Hungary greek=Greece turkish=Turkey russian=Russia
    ukrainian=Ukraine swedish=Sweden norwegian=Norway danish=Denmark finnish=Finland icelandic=Iceland chinese=China
    japanese=Japan korean=South_Korea indian=India pakistani=Pakistan thai=Thailand vietnamese=Vietnam
    indonesian=Indonesia australian=Australia canadian=Canada mexican=Mexico brazilian=Brazil argentine=Argentina
    chilean=Chile colombian=Colombia peruvian=Peru egyptian=Egypt moroccan=Morocco kenyan=Kenya nigerian=Nigeria
    israeli=Israel iranian=Iran iraqi=Iraq saudi=Saudi_Arabia
    """
)
"""Lower-case adjective -> country."""


def is_region(name: str) -> bool:
    """Whether a name is a state of the USA, its abbreviation, or a country."""
    return name.lower() in US_STATES or name in US_STATES.values() or name.lower() in COUNTRIES
