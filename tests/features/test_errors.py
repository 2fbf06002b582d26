"""No message shows a password, whatever address it quotes and wherever in it the password stands."""

import string
from urllib.parse import quote

import pytest
from deskcast.features.errors import InputError, Listed, mask_passwords, say_without_password
from hypothesis import assume, given, settings
from hypothesis import strategies as st

SCHEMES = ("postgresql", "postgresql+psycopg", "mysql", "mssql+pyodbc", "https", "HTTP", "databricks")
SIGNS = string.ascii_letters + string.digits + "!$%&*+-.:;=?@^_~/#"


@settings(max_examples=60)
@given(secret=st.text(SIGNS, min_size=4, max_size=20), scheme=st.sampled_from(SCHEMES), place=st.integers(0, 3))
def test_an_address_anywhere_in_a_message_hides_its_password(secret, scheme, place):
    assume(secret not in "no store column got wanted one at desk.example tickets" and secret.strip("*."))
    uri = f"{scheme}://ann:{secret}@desk.example/tickets"
    parts = [{}, {"where": uri}, {"got": uri}, {"hint": f"try {uri}, then another"}][place]
    said = str(InputError(f"no store at {uri}" if place == 0 else "no store", **parts))
    assert secret not in said.replace("desk.example", "")
    assert "@desk.example/tickets" in said


@settings(max_examples=40)
@given(secret=st.text(string.ascii_letters + string.digits + "-._~+*", min_size=4, max_size=20))
def test_settings_of_an_address_hide_it_too(secret):
    for text in (f"postgresql://h/x?password={secret}&port=1", f"host=h password='{secret}'", f"PWD={secret};UID=ann"):
        masked = mask_passwords(f"no connection: {text}")
        assert f"={secret}" not in masked
        assert f"'{secret}'" not in masked
        assert "***" in masked


@settings(max_examples=40)
@given(secret=st.text(SIGNS, min_size=5, max_size=20))
def test_what_a_driver_says_holds_no_part_of_it(secret):
    uri = f"postgresql://ann:{secret}@desk.example/tickets"
    for piece in (secret, quote(secret, safe=""), *secret.replace("@", "/").split("/")):
        assume(len(piece) > 3 and piece not in "invalid port for connection option; the address cannot be read")
        assert piece not in say_without_password(f"invalid port <{piece}>", uri)


@given(st.text("abcdefghijk0123456789", min_size=3, max_size=60), st.integers(0, 150))
def test_a_value_that_is_cut_shows_no_half_of_it(secret, more):
    error = InputError(
        "p" * more, where="deskcast.toml [results]", got=f"postgresql://u:{secret}S3@127.0.0.1/h", hint="h"
    )
    assert f"u:{secret[:2]}" not in str(error)


@settings(max_examples=25)
@given(st.lists(st.text("abcdefghij (:)", min_size=1, max_size=90).filter(str.strip), min_size=1, max_size=9))
def test_names_are_listed_whole_however_long_the_line(names):
    said = str(InputError("missing opening time", where="a.csv", got=Listed(names), hint="h" * 150))
    shown = next(k for k in (3, 2, 1) if f"; got {', '.join(names[:k])}" in said and k <= len(names))
    assert said.endswith(f"{f' and {len(names) - shown} more' if len(names) > shown else ''} ({'h' * 150})")
    assert str(InputError("no sheet", got=Listed())) == "no sheet"


def test_a_name_without_a_password_stays():
    assert mask_passwords("postgresql://ann@desk/x") == "postgresql://ann@desk/x"
    assert mask_passwords("mail to ann@desk, or password: none") == "mail to ann@desk, or password: none"


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://ann:SECRET@127.0.0.1:9/x",
        "https://ann:SECRET@127.0.0.1:9",
        "mysql+pymysql://ann:SECRET@nowhere.invalid/x",
        "odd://ann:SECRET@h",
    ],
)
def test_a_tracking_store_that_is_away_is_named_without_it(uri, tmp_path):
    from deskcast.pipelines.store.tracking import check_store, record_run

    def use():
        check_store(uri, tmp_path)
        record_run([], uri=uri, experiment="desk", folder=tmp_path)

    with pytest.raises(InputError) as caught:
        use()
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in str(caught.value.__cause__)


@settings(max_examples=40)
@given(got=st.text(max_size=2000) | st.binary(max_size=500), problem=st.text(max_size=40))
def test_a_message_is_one_line_that_can_be_read_whatever_came(got, problem):
    said = str(InputError(problem, where="cases.csv", row=7, got=got, wanted="a date"))
    assert len(said.splitlines()) <= 1
    assert len(said) < 300
