"""Countries, by every spelling that registries, data sets and spreadsheets write."""

import iso3166
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.countries import country_code, names_no_country


@pytest.mark.parametrize(
    "text, code",
    [
        ("US", "US"),
        ("us", "US"),
        ("NA", "NA"),
        ("USA", "US"),
        ("GUYANA", "GY"),
        ("COTE D'IVOIRE", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("Gabon ", "GA"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("Tanzania United Republic of", "TZ"),
        ("Tanzania, United Republic of", "TZ"),
        ("Tanzania", "TZ"),
        ("Congo the Democratic Republic of the", "CD"),
        ("Congo", "CG"),
        ("Taiwan Province of China", "TW"),
        ("Lao People's Democratic Republic", "LA"),
        ("Korea, Republic of", "KR"),
        ("Korea, Democratic People's Republic of", "KP"),
        ("Korea (the Republic of)", "KR"),
        ("Korea, Rep.", "KR"),
        ("Democratic Korea", None),
        ("Congo, DR", "CD"),
        ("Congo (DRC)", "CD"),
        ("Congo - Kinshasa", "CD"),
        ("Congo, Dem. Rep.", "CD"),
        ("Congo (Republic of the)", "CG"),
        ("Bolivia (Plurinational State of)", "BO"),
        ("Iran (Islamic Republic of)", "IR"),
        ("Lao PDR", "LA"),
        ("Republic of Kenya", "KE"),
        ("Kingdom of Cambodia", "KH"),
        ("kenya (KE)", "KE"),
        ("Côte d´Ivoire (Ivory Coast)", "CI"),
        ("Kenya (Uganda)", None),
        ("United States; Canada", None),
        ("Georgia, United States", None),
        ("United Kingdom and Ireland", None),
        ("Republic of China", "TW"),
        ("People's Republic of China", "CN"),
        ("St. Lucia", "LC"),
        ("Bosnia & Herzegovina", "BA"),
        ("UK", "GB"),
        ("U.K.", "GB"),
        ("U.S.A.", "US"),
        ("United States (US)", "US"),
        ("UAE", "AE"),
        ("Hong Kong SAR, China", "HK"),
        ("Taiwan, China", "TW"),
        ("Sudan", "SD"),
        ("South Sudan", "SS"),
        ("Guinea", "GN"),
        ("Republic", None),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("International", None),
        ("US; CA", None),
        ("Brazil, Peru", None),
        ("and", "AD"),  # the code AND, not the word
        ("of", None),
        ("", None),
        ("??", None),
    ],
)
def test_a_country_is_known_by_its_names_or_not_at_all(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_country_is_known_by_the_standards_names_and_codes() -> None:
    wrong = {
        (name, country.alpha2)
        for country in iso3166.countries
        for name in (country.name, country.apolitical_name, country.alpha2, country.alpha3)
        if country_code(name) != country.alpha2
    }
    assert wrong == set()


def test_a_text_longer_than_any_name_is_no_country() -> None:
    assert country_code(" " * 201 + "Chile") == "CL"
    assert (country_code("the Chile"), country_code("the " * 50 + "Chile")) == ("CL", None)


def test_a_cell_may_say_that_there_is_no_one_country() -> None:
    assert [text for text in ("", " n/a", "Global", "NA", "Chile") if names_no_country(text)] == [
        "",
        " n/a",
        "Global",
    ]


@given(text=st.text())
def test_whatever_stands_in_a_cell_is_a_country_or_none(text: str) -> None:
    code = country_code(text)
    assert code is None or (len(code) == 2 and country_code(code) == code)
