"""Units, currencies, months and number words, as ``values`` reads them.  Data only."""

from __future__ import annotations

from decimal import Decimal

_MONTH_NAMES = """
january jan januar janvier enero gennaio janeiro januari
february feb februar février fevrier febrero febbraio fevereiro februari
march mar märz maerz mars marzo março maart
april apr avril abril aprile
may mai mayo maggio maio mei
june jun juni juin junio giugno junho
july jul juli juillet julio luglio julho
august aug août aout agosto augustus
september sept sep septembre septiembre settembre setembro
october oct oktober octobre octubre ottobre outubro
november nov novembre noviembre novembro
december dec dezember décembre decembre diciembre dicembre dezembro
"""
MONTHS = {
    name: number
    for number, line in enumerate(_MONTH_NAMES.strip().splitlines(), start=1)
    for name in line.split()
}
_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen twenty""".split()
NUMBER_WORDS = {word: number for number, word in enumerate(_ONES)} | {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100,
}  # fmt: skip
SCALES = {
    "hundred": Decimal(100), "thousand": Decimal(1_000), "million": Decimal(10**6),
    "millions": Decimal(10**6), "billion": Decimal(10**9), "bn": Decimal(10**9),
}  # fmt: skip
CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "$": "USD", "us$": "USD", "usd": "USD", "us dollars": "USD", "us dollar": "USD",
    "dollars": "USD", "dollar": "USD",
    "£": "GBP", "gbp": "GBP", "pounds sterling": "GBP",
    "aud": "AUD", "a$": "AUD", "australian dollars": "AUD", "chf": "CHF", "jpy": "JPY",
    "¥": "JPY", "cad": "CAD", "nzd": "NZD", "sek": "SEK", "nok": "NOK", "dkk": "DKK",
    "pln": "PLN", "sgd": "SGD", "inr": "INR", "cny": "CNY",
}  # fmt: skip
# dimension: {spelling: how many of the base unit}; each dimension is compared with itself alone
_DIMENSIONS: dict[str, dict[str, str]] = {
    "time": {
        "ns": "0.000000001", "µs": "0.000001", "us": "0.000001", "ms": "0.001",
        "millisecond": "0.001", "milliseconds": "0.001",
        "s": "1", "sec": "1", "secs": "1", "second": "1", "seconds": "1", "Sekunden": "1",
        "min": "60", "mins": "60", "minute": "60", "minutes": "60", "Minuten": "60",
        "h": "3600", "hr": "3600", "hrs": "3600", "hour": "3600", "hours": "3600",
        "Stunden": "3600",
        "d": "86400", "day": "86400", "days": "86400", "Tage": "86400", "Tagen": "86400",
        "week": "604800", "weeks": "604800",
    },
    "working days": {"working day": "1", "working days": "1", "business days": "1"},
    "working hours": {"working hour": "1", "working hours": "1", "business hours": "1"},
    "months": {
        "month": "1", "months": "1", "Monate": "1", "year": "12", "years": "12", "Jahre": "12",
    },
    "mass": {
        "mg": "0.001", "g": "1", "gram": "1", "grams": "1", "kg": "1000", "kilogram": "1000",
        "kilograms": "1000", "kilos": "1000", "t": "1000000", "tonne": "1000000",
        "tonnes": "1000000", "lb": "453.59237", "lbs": "453.59237",
        "oz": "28.349523125", "pound": "453.59237", "pounds": "453.59237",
    },
    "length": {
        "nm": "0.000000001", "µm": "0.000001", "mm": "0.001", "millimetres": "0.001",
        "millimeters": "0.001", "cm": "0.01", "centimetres": "0.01", "centimeters": "0.01",
        "m": "1", "metre": "1", "metres": "1", "meter": "1", "meters": "1", "km": "1000",
        "kilometres": "1000", "kilometers": "1000", "inch": "0.0254", "inches": "0.0254",
        "ft": "0.3048", "feet": "0.3048", "mile": "1609.344", "miles": "1609.344",
    },
    "data": {
        "B": "1", "byte": "1", "bytes": "1", "kB": "1000", "KB": "1000", "MB": "1000000",
        "megabytes": "1000000", "GB": "1000000000", "gigabytes": "1000000000",
        "TB": "1000000000000", "KiB": "1024", "MiB": "1048576", "GiB": "1073741824",
        "TiB": "1099511627776", "bit": "0.125", "bits": "0.125",
    },
    "power": {
        "mW": "0.001", "W": "1", "watt": "1", "watts": "1", "Watt": "1", "kW": "1000",
        "MW": "1000000",
    },
    "voltage": {"mV": "0.001", "V": "1", "volt": "1", "volts": "1", "Volt": "1", "kV": "1000"},
    "current": {"mA": "0.001", "A": "1", "ampere": "1", "amperes": "1", "amps": "1"},
    "charge": {"mAh": "0.001", "Ah": "1"},
    "energy": {
        "J": "1", "kJ": "1000", "Wh": "3600", "kWh": "3600000", "MWh": "3600000000",
        "GWh": "3600000000000", "TWh": "3600000000000000",
    },
    "torque": {"Nm": "1", "N·m": "1", "newton metres": "1", "newton meters": "1"},
    "frequency": {"Hz": "1", "kHz": "1000", "MHz": "1000000", "GHz": "1000000000"},
    "celsius": {"°C": "1", "° C": "1", "degrees Celsius": "1", "degrees celsius": "1"},
    "fahrenheit": {"°F": "1", "° F": "1", "degrees Fahrenheit": "1"},
    "kelvin": {"K": "1"},
    "volume": {"ml": "0.001", "mL": "0.001", "l": "1", "L": "1", "litres": "1", "liters": "1"},
    "pressure": {"Pa": "1", "hPa": "100", "kPa": "1000", "bar": "100000", "mbar": "100"},
    "speed": {"km/h": "1", "mph": "1.609344", "m/s": "3.6"},
    "data rate": {"kbit/s": "1", "Mbit/s": "1000", "Gbit/s": "1000000", "MB/s": "8000"},
    "resolution": {"px": "1", "pixels": "1", "dpi": "1"},
}  # fmt: skip
UNITS = {
    spelling: (dimension, Decimal(factor))
    for dimension, spellings in _DIMENSIONS.items()
    for spelling, factor in spellings.items()
}
