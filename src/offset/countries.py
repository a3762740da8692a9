"""Countries: the ISO 3166-1 code of each spelling that registries and data sets write."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import iso3166

from offset.cells import LONGEST_WORD, NOTHING

# Names that registries, the World Bank, the United Nations and spreadsheets write, and the
# standard does not. Of each name the words count alone, in any order.
_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "AE": ("UAE", "Emirates"),
    "BA": ("Bosnia", "Bosnia Hercegovina"),
    "BN": ("Brunei",),
    "BO": ("Bolivia",),
    "BR": ("Brasil",),
    "CD": (
        *("Democratic Republic of Congo", "DR Congo", "D.R. Congo", "DRC", "DROC", "Congo DRC"),
        *("Congo-Kinshasa", "Congo, Dem. Rep.", "Congo, Democratic Rep.", "Zaire"),
    ),
    "CF": ("Central African Rep.",),
    "CG": ("Congo, Republic of the", "Congo, Rep.", "Congo-Brazzaville", "Congo Brazzaville"),
    "CI": ("Ivory Coast", "Cote d Ivoire"),
    "CN": ("PRC", "P.R. China", "PR China", "Mainland China", "Peoples Republic of China"),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic", "Czech Rep."),
    "DE": ("Deutschland",),
    "DO": ("Dominican Rep.",),
    "EG": ("Egypt, Arab Rep.",),
    "ES": ("España",),
    "FJ": ("Fiji Islands",),
    "FK": ("Falkland Islands",),
    "FM": ("Micronesia", "Micronesia, Fed. Sts."),
    "GB": (
        *("United Kingdom", "UK", "U.K.", "Great Britain", "Britain", "England", "Scotland"),
        *("Wales", "Northern Ireland", "United Kingdom of Great Britain"),
    ),
    "HK": ("Hong Kong SAR, China", "Hong Kong SAR", "Hong Kong S.A.R.", "Hong Kong, China"),
    "IR": ("Iran", "Iran, Islamic Rep."),
    "KG": ("Kyrgyz Republic", "Kyrgyz Rep.", "Kirghizia"),
    "KP": ("North Korea", "DPRK", "DPR Korea", "Korea, North", "Korea, Dem. Rep."),
    "KR": ("Korea", "South Korea", "Korea, Rep.", "ROK", "R.O. Korea"),
    "LA": ("Laos", "Lao", "Lao PDR", "Lao P.D.R.", "Lao People's Dem. Rep."),
    "LY": ("Libyan Arab Jamahiriya",),
    "MD": ("Moldova",),
    "MF": ("Saint Martin",),
    "MK": (
        *("Macedonia", "Macedonia, FYR", "FYROM", "FYR Macedonia"),
        "Macedonia, the former Yugoslav Republic of",
    ),
    "MM": ("Burma", "Myanmar Burma"),
    "MO": ("Macau", "Macao SAR, China", "Macau SAR", "Macao SAR"),
    "NL": ("Holland",),
    "NR": ("Nauru",),
    "PG": ("PNG",),
    "PS": (
        *("Palestinian Territory", "Palestinian Territories", "Palestinian Territory, Occupied"),
        *("Occupied Palestinian Territory", "West Bank and Gaza"),
    ),
    "RU": ("Russia",),
    "SH": ("Saint Helena",),
    "SK": ("Slovak Republic", "Slovak Rep."),
    "SX": ("Sint Maarten",),
    "SY": ("Syria",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey", "Turkiye"),
    "TW": (
        *("Taiwan", "Taiwan Province of China", "Taiwan, China", "Chinese Taipei", "Taiwan, ROC"),
        "Republic of China",
    ),
    "TZ": ("Tanzania", "Tanzania, United Rep."),
    "US": ("United States", "U.S.", "U.S.A.", "US of America", "America"),
    "VA": ("Vatican", "Vatican City"),
    "VE": ("Venezuela", "Venezuela, RB", "Venezuela, Bolivarian Rep."),
    "VG": ("British Virgin Islands", "Virgin Islands, UK"),
    "VI": ("US Virgin Islands", "United States Virgin Islands", "Virgin Islands, US"),
    "VN": ("Vietnam",),
    "YE": ("Yemen, Rep.",),
    "ZA": ("RSA",),
}
# A state is called by its form, too, which is no part of its name: "Republic of Kenya".
_FORMS: Final = frozenset(
    {
        *("republic", "rep", "kingdom", "state", "states", "union", "islamic", "federal"),
        *("federative", "federation", "democratic", "socialist", "peoples", "people", "arab"),
        *("commonwealth", "cooperative", "co", "operative", "plurinational", "bolivarian"),
        *("united", "sultanate", "principality", "grand", "duchy", "oriental", "hashemite"),
    }
)
# Two forms that are a country's whole name: beside another country's they name a second one.
_NAMES_OF_FORMS: Final = (frozenset({"united", "states"}), frozenset({"united", "kingdom"}))
_SMALL: Final = frozenset({"the", "of", "and", "de", "du", "la"})
_APOSTROPHES: Final = re.compile("['’‘`´ʼ′]")
_IN_BRACKETS: Final = re.compile(r"(?P<name>[^()]+)\((?P<other>[^()]+)\)")
# What stands where no country is, or more than one.
_NO_COUNTRY: Final = NOTHING - {"na"} | {
    *("not applicable", "unknown", "various", "multiple", "multiple countries", "several"),
    *("global", "international", "worldwide", "other", "?", "tbd"),
}


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name)).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c)).replace("ı", "i")
    letters = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", letters)  # U.S.A. is one word
    letters = re.sub(r"\bst\b\.?", "saint", letters)
    return re.findall("[a-z]+", letters)


def _key(name: str) -> tuple[str, ...]:
    """Reduce a country's name to its words: "Tanzania, United Republic of" in any order."""
    return tuple(sorted(word for word in _words(name) if word not in _SMALL))


def _names() -> Iterator[tuple[str, str]]:
    for country in iso3166.countries:
        yield country.alpha2, country.name
        yield country.alpha2, country.apolitical_name
    for code, names in _OTHER_NAMES.items():
        for name in names:
            yield code, name


_COUNTRIES: Final[Mapping[tuple[str, ...], str]] = {_key(name): code for code, name in _names()}


def _short_names() -> Mapping[tuple[str, ...], str]:
    """Map names without the form of the state to countries; none that two countries share."""
    codes: dict[tuple[str, ...], set[str]] = {}
    for key, code in _COUNTRIES.items():
        words = tuple(word for word in key if word not in _FORMS)
        if words:
            codes.setdefault(words, set()).add(code)
    return {words: next(iter(some)) for words, some in codes.items() if len(some) == 1}


_SHORT: Final = _short_names()
_CODES: Final[Mapping[str, str]] = {
    code: country.alpha2
    for country in iso3166.countries
    for code in (country.alpha2, country.alpha3)
}


@lru_cache(maxsize=1_000)
def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 code of a country; None where the text does not name exactly one."""
    text = text.strip()
    if len(text) > LONGEST_WORD:
        return None
    if (code := _CODES.get(text.upper()) or _named(text)) is not None:
        return code
    # "Kenya (KE)", "Côte d'Ivoire (Ivory Coast)", "Iran (Islamic Republic)": both say one country.
    if (both := _IN_BRACKETS.fullmatch(text)) is not None:
        name, other = both["name"].strip(), both["other"].strip()
        codes = {_CODES.get(one.upper()) or _named(one) for one in (name, other)}
        return codes.pop() if len(codes) == 1 else None
    return None


def names_no_country(text: str) -> bool:
    """Check whether a cell says that there is no one country, or says nothing."""
    return len(text) <= LONGEST_WORD and text.strip().casefold() in _NO_COUNTRY


def _named(text: str) -> str | None:
    key = _key(text)
    if (code := _COUNTRIES.get(key)) is not None:
        return code
    words = tuple(word for word in key if word not in _FORMS)
    if not words or any(name <= set(key) for name in _NAMES_OF_FORMS):
        return None
    return _SHORT.get(words)
