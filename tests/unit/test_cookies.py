"""Cookies: the sections of RFC 6265 one by one, and nothing that a server sends can break or leak."""

from __future__ import annotations

import calendar
import tracemalloc
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.wire.cookies import MAX_BYTES, MAX_PER_DOMAIN, CookieJar, parse_date
from wireswarm.wire.http1 import field_line

HOST = "app.shop.example"
NOW = 1_700_000_000.0
PAST = "Tue, 14 Nov 2023 22:13:19 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"


def _jar(*lines: str, host: str = HOST, path: str = "/orders/7?page=2", now: float = NOW) -> CookieJar:
    jar = CookieJar()
    jar.store(host, path, lines, now)
    return jar


def _sent(jar: CookieJar, *, host: str = HOST, path: str = "/orders/7", secure: bool = False, now: float = NOW) -> str:
    return jar.header(host, path, secure, now) or ""


def test_the_examples_of_the_rfc() -> None:
    # RFC 6265, 3.1.
    jar = _jar("SID=31d4d96e407aad42; Path=/; Secure; HttpOnly", "lang=en-US; Path=/; Domain=shop.example")
    assert _sent(jar, secure=True) == "SID=31d4d96e407aad42; lang=en-US"
    jar.store(HOST, "/", ["lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Domain=shop.example"], NOW)
    assert _sent(jar, secure=True) == "SID=31d4d96e407aad42"


def test_an_empty_jar_sends_nothing() -> None:
    assert CookieJar().header(HOST, "/", True, NOW) is None
    assert _jar("a=1; Path=/elsewhere").header(HOST, "/", True, NOW) is None


class TestParsing:
    """Section 5.2."""

    @pytest.mark.parametrize(
        ("line", "sent"),
        [
            ("a=1", "a=1"),
            ("a=", "a="),
            (" \ta \t= \t1 2\t ; Path=/", "a=1 2"),
            ("a=b=c", "a=b=c"),
            ('a="quo ted"', 'a="quo ted"'),
            ("a=1,b=2", "a=1,b=2"),
            ("a=caf\xe9", "a=caf\xe9"),
            ("a=1;", "a=1"),
            ("a=1;;;=;unknown;other=x", "a=1"),
            ("a=1; SameSite=None; Partitioned; HttpOnly", "a=1"),
            ("a", ""),
            ("", ""),
            ("=1", ""),
            (" \t=1", ""),
            ("; a=1", ""),
            ("a; b=1", ""),
            ("a=\x00", ""),
            ("a=1\r\nX-Injected: 1", ""),
            ("a\x7f=1", ""),
            ("a=\u20ac", ""),
        ],
    )
    def test_name_and_value(self, line: str, sent: str) -> None:
        assert _sent(_jar(line)) == sent

    @pytest.mark.parametrize(
        ("line", "plain", "encrypted"),
        [
            ("a=1; Secure", "", "a=1"),
            ("a=1; sEcUrE=no", "", "a=1"),
            ("a=1; Secured", "a=1", "a=1"),
            ("a=Secure", "a=Secure", "a=Secure"),
        ],
    )
    def test_secure(self, line: str, plain: str, encrypted: str) -> None:
        jar = _jar(line)
        assert (_sent(jar), _sent(jar, secure=True)) == (plain, encrypted)

    def test_of_an_attribute_given_twice_the_last_counts(self) -> None:
        assert _sent(_jar("a=1; Path=/elsewhere; Path=/")) == "a=1"
        assert _sent(_jar("a=1; Path=/; Path=/elsewhere")) == ""
        assert _sent(_jar("a=1; Max-Age=0; Max-Age=5")) == "a=1"
        assert _sent(_jar(f"a=1; Expires={PAST}; Expires={LATER}")) == "a=1"
        assert _sent(_jar("a=1; Domain=other.example; Domain=shop.example")) == "a=1"

    def test_an_attribute_that_says_nothing_is_not_there(self) -> None:
        assert _sent(_jar("a=1; Max-Age=0; Max-Age=soon")) == ""
        assert _sent(_jar(f"a=1; Expires={PAST}; Expires=soon")) == ""
        assert _sent(_jar("a=1; Domain=other.example; Domain=")) == ""
        # 5.2.4: an empty path is the default path, even behind another one.
        assert _sent(_jar("a=1; Path=/elsewhere; Path=")) == "a=1"


class TestExpiry:
    """Sections 5.2.1, 5.2.2 and 5.3."""

    @pytest.mark.parametrize(
        ("attributes", "seconds"),
        [
            ("", None),
            ("; Max-Age=60", 60),
            ("; Max-Age=060", 60),
            (f"; Max-Age=60; Expires={PAST}", 60),
            (f"; Expires={PAST}; max-age=60", 60),
            (f"; Expires={LATER}", 1),
            (f"; Max-Age=1h; Expires={LATER}", 1),
            ("; Max-Age=+60", None),
            ("; Max-Age=6.0", None),
            ("; Max-Age=\u0666", None),
            ("; Max-Age=" + "9" * 5000, None),
            ("; Expires=0", None),
            ("; Expires=Thu, 01 Jan 9999 00:00:00 GMT", None),
        ],
    )
    def test_a_cookie_lives_until(self, attributes: str, seconds: float | None) -> None:
        jar = _jar(f"a=1{attributes}")
        if seconds is None:
            assert _sent(jar, now=NOW + 1e9) == "a=1"
        else:
            assert _sent(jar, now=NOW + seconds - 0.001) == "a=1"
            assert _sent(jar, now=NOW + seconds) == ""

    @pytest.mark.parametrize(
        "attributes", ["Max-Age=0", "Max-Age=-1", "Max-Age=-0", f"Expires={PAST}", "Expires=1-Jan-70 0:0:0"]
    )
    def test_one_from_the_past_deletes_its_namesake(self, attributes: str) -> None:
        jar = _jar("a=1; Path=/", "b=2; Path=/")
        jar.store(HOST, "/", [f"a=gone; Path=/; {attributes}"], NOW)
        assert _sent(jar) == "b=2"
        jar.store(HOST, "/", [f"never-there=1; Path=/; {attributes}"], NOW)
        assert _sent(jar) == "b=2"

    def test_only_name_domain_and_path_together_are_its_namesake(self) -> None:
        jar = _jar("a=1; Path=/", "a=2; Path=/orders", "a=3; Path=/; Domain=shop.example")
        jar.store(HOST, "/", ["a=; Path=/orders; Max-Age=0"], NOW)
        assert _sent(jar) == "a=1; a=3"
        jar.store(HOST, "/", ["a=; Path=/; Domain=.SHOP.example; Max-Age=0"], NOW)
        assert _sent(jar) == "a=1"


class TestDates:
    """Section 5.1.1."""

    @pytest.mark.parametrize(
        "text",
        [
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "Tuesday, 14-Nov-23 22:13:20 GMT",
            "Tue Nov 14 22:13:20 2023",
            "Tue, 14-Nov-2023 22:13:20",
            "14 november 2023 22:13:20",
            "2023 14 NOV 22:13:20 +0200",
            "22:13:20 14 Nov 23",
            "Tue Nov 14 2023 22:13:20 GMT-0500 (EST)",
            "\t14/Nov/2023;22:13:20.999",
            "Tue, 14th Nov 2023 22:13:20 GMT",
            "14x november 2023x 22:13:20z",
        ],
    )
    def test_one_moment_in_the_ways_that_servers_write_it(self, text: str) -> None:
        assert parse_date(text) == NOW

    def test_months(self) -> None:
        for number, name in enumerate(calendar.month_name[1:], 1):
            moment = datetime(2023, number, 14, 22, 13, 20, tzinfo=UTC).timestamp()
            assert parse_date(f"14 {name} 2023 22:13:20") == parse_date(f"14-{name[:3]}-23 22:13:20") == moment

    @pytest.mark.parametrize(
        ("text", "year"),
        [("69", 2069), ("70", 1970), ("99", 1999), ("00", 2000), ("1601", 1601), ("9999", 9999), ("023", 2023)],
    )
    def test_years(self, text: str, year: int) -> None:
        assert parse_date(f"01 Jan {text} 00:00:00") == datetime(year, 1, 1, tzinfo=UTC).timestamp()

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "0",
            "-1",
            "tomorrow",
            "14 Nov 22:13:20",
            "Nov 2023 22:13:20",
            "14 2023 22:13:20",
            "14 Nov 2023",
            "14 Nov 2023 22:13",
            "31 Feb 2023 00:00:00",
            "00 Nov 2023 00:00:00",
            "32 Nov 2023 00:00:00",
            "14 Nov 2023 24:00:00",
            "14 Nov 2023 00:60:00",
            "14 Nov 2023 00:00:60",
            "14 Nov 1600 00:00:00",
            "14 Nov 20231 00:00:00",
            "114 Nov 2023 00:00:00",
            "14 Nov 2023 22:13:200",
            "14 Nov 2 22:13:20",
            "\u0661\u0664 Nov 2023 22:13:20",
        ],
    )
    def test_what_is_no_date(self, text: str) -> None:
        assert parse_date(text) is None

    @given(
        moment=st.integers(0, 253_402_300_799).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        form=st.sampled_from(["%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]),
    )
    def test_reads_what_the_standard_library_writes(self, moment: datetime, form: str) -> None:
        assert parse_date(format_datetime(moment, usegmt=True)) == moment.timestamp()
        assert parse_date(moment.strftime(form)) == moment.timestamp()

    @given(st.text())
    def test_any_text_is_a_date_or_none(self, text: str) -> None:
        found = parse_date(text)
        assert found is None or found >= datetime(1601, 1, 1, tzinfo=UTC).timestamp()


class TestDomains:
    """Sections 5.1.3 and 5.3."""

    @pytest.mark.parametrize(
        ("domain", "hosts"),
        [
            (None, {HOST}),
            ("", {HOST}),
            (".", {HOST}),
            (HOST, {HOST, "x." + HOST}),
            ("." + HOST, {HOST, "x." + HOST}),
            ("shop.example", {HOST, "x." + HOST, "shop.example", "other.shop.example"}),
            (".SHOP.Example", {HOST, "x." + HOST, "shop.example", "other.shop.example"}),
            ("example", set()),
            (".example", set()),
            ("example.", set()),
            ("..example", set()),
            ("hop.example", set()),
            ("x." + HOST, set()),
            ("other.shop.example", set()),
            ("other.example", set()),
        ],
    )
    def test_which_hosts_get_it(self, domain: str | None, hosts: set[str]) -> None:
        jar = _jar("a=1" if domain is None else f"a=1; Domain={domain}")
        everywhere = [HOST, "x." + HOST, "shop.example", "other.shop.example", "example", "myshop.example", "x.example"]
        assert {host for host in everywhere if _sent(jar, host=host)} == hosts

    @pytest.mark.parametrize("domain", ["", "; Domain=localhost", "; Domain=.localhost"])
    def test_a_host_of_one_label_may_name_itself(self, domain: str) -> None:
        jar = _jar(f"a=1{domain}", host="localhost")
        assert _sent(jar, host="localhost") == "a=1"
        assert _sent(jar, host="x.localhost") == ""

    @pytest.mark.parametrize("host", ["10.0.0.1", "::1", "2001:db8::1"])
    def test_an_address_has_no_subdomains(self, host: str) -> None:
        assert _sent(_jar("a=1", host=host), host=host) == "a=1"
        assert _sent(_jar(f"a=1; Domain={host}", host=host), host=host) == "a=1"

    def test_an_address_gives_and_takes_no_cookie_of_its_end(self) -> None:
        assert _sent(_jar("a=1; Domain=0.0.1", host="10.0.0.1"), host="10.0.0.1") == ""
        named = _jar("a=1; Domain=0.0.1", host="0.0.1")
        assert _sent(named, host="0.0.1") == "a=1"
        assert _sent(named, host="10.0.0.1") == ""

    def test_case_makes_no_difference(self) -> None:
        jar = _jar("a=1", host="App.Shop.Example")
        assert _sent(jar, host="APP.shop.example") == "a=1"

    def test_many_hosts_do_not_fill_the_memory(self) -> None:
        jar = _jar("a=1; Domain=shop.example")
        tracemalloc.start()
        try:
            for number in range(5000):
                assert _sent(jar, host=f"tenant{number}.shop.example") == "a=1"
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert kept < 100_000

    @given(line=st.text() | st.from_regex(r"a=b; ?[Dd]omain=[a-z.]{0,12}", fullmatch=True))
    def test_no_line_of_one_site_reaches_another(self, line: str) -> None:
        jar = _jar(line)
        for host in ("shop.test", "app.shop.test", "example", "evilshop.example", "10.0.0.1", "localhost"):
            assert jar.header(host, "/orders/7", True, NOW) is None


class TestPaths:
    """Section 5.1.4."""

    @pytest.mark.parametrize(
        ("asked", "default"),
        [
            ("/", "/"),
            ("/orders", "/"),
            ("/orders/", "/orders"),
            ("/orders/7", "/orders"),
            ("/a/b/c?d=/e/f", "/a/b"),
            ("/?next=/a/b", "/"),
            ("", "/"),
            ("*", "/"),
        ],
    )
    def test_without_one_it_is_the_directory_of_what_was_asked(self, asked: str, default: str) -> None:
        for attribute in ("", "; Path=", "; Path", "; Path=relative"):
            jar = _jar(f"a=1{attribute}", path=asked)
            assert _sent(jar, path=default) == "a=1"
            assert _sent(jar, path=default.rstrip("/") + "/below?x=1") == "a=1"
            if default != "/":
                assert _sent(jar, path="/") == ""

    @pytest.mark.parametrize(
        ("path", "asked", "matches"),
        [
            ("/orders", "/orders", True),
            ("/orders", "/orders?x=1", True),
            ("/orders", "/orders/", True),
            ("/orders", "/orders/7", True),
            ("/orders", "/orders2", False),
            ("/orders", "/order", False),
            ("/orders", "/Orders", False),
            ("/orders", "/?x=/orders", False),
            ("/orders/", "/orders/7", True),
            ("/orders/", "/orders/", True),
            ("/orders/", "/orders", False),
            ("/orders/7?x", "/orders/7?x", False),
            ("/", "/anything", True),
        ],
    )
    def test_which_paths_get_it(self, path: str, asked: str, matches: bool) -> None:
        assert _sent(_jar(f"a=1; Path={path}"), path=asked) == ("a=1" if matches else "")


class TestOrder:
    """Sections 5.3 and 5.4."""

    def test_longer_paths_first_then_the_older_ones(self) -> None:
        jar = _jar("a=1; Path=/", "b=2; Path=/orders", "c=3; Path=/", "d=4; Path=/orders/7", "e=5; Path=/orders")
        assert _sent(jar) == "d=4; b=2; e=5; a=1; c=3"

    def test_one_that_is_set_again_keeps_its_place(self) -> None:
        jar = _jar("a=1; Path=/", "b=2; Path=/")
        assert _sent(jar) == "a=1; b=2"
        jar.store(HOST, "/", ["a=new; Path=/"], NOW + 1)
        assert _sent(jar) == "a=new; b=2"

    def test_one_that_was_deleted_in_between_does_not(self) -> None:
        jar = _jar("a=1; Path=/", "b=2; Path=/", "a=; Path=/; Max-Age=0", "a=3; Path=/")
        assert _sent(jar) == "b=2; a=3"

    def test_attributes_of_the_newer_one_count(self) -> None:
        jar = _jar("a=1; Path=/; Max-Age=60")
        jar.store(HOST, "/", ["a=1; Path=/; Secure"], NOW)
        assert (_sent(jar), _sent(jar, secure=True, now=NOW + 100)) == ("", "a=1")


class TestLimits:
    """Section 6.1."""

    def test_a_cookie_is_as_large_as_allowed_or_ignored(self) -> None:
        assert MAX_BYTES == 4096
        value = "x" * (MAX_BYTES - 1)
        assert _sent(_jar(f"a={value}")) == f"a={value}"
        assert _sent(_jar(f"a={value}x")) == ""
        assert _sent(_jar(f"a=1; Path=/; Comment={value * 2}")) == "a=1"

    def test_the_oldest_go_where_there_are_too_many(self) -> None:
        assert MAX_PER_DOMAIN == 50
        jar = _jar(*(f"n{number}=1; Path=/" for number in range(MAX_PER_DOMAIN + 3)))
        assert _sent(jar) == "; ".join(f"n{number}=1" for number in range(3, MAX_PER_DOMAIN + 3))

    def test_the_expired_go_before_them(self) -> None:
        jar = _jar("old=1; Path=/", "brief=1; Path=/; Max-Age=5")
        jar.store(HOST, "/", [f"n{number}=1; Path=/" for number in range(MAX_PER_DOMAIN - 1)], NOW + 10)
        assert _sent(jar, now=NOW + 10).startswith("old=1; n0=1; ")
        assert _sent(jar, now=NOW + 10).count(";") == MAX_PER_DOMAIN - 1

    def test_domains_are_counted_apart(self) -> None:
        jar = _jar(*(f"n{number}=1" for number in range(MAX_PER_DOMAIN)))
        jar.store("other.example", "/", [f"n{number}=1" for number in range(MAX_PER_DOMAIN)], NOW)
        assert _sent(jar).count("=") == MAX_PER_DOMAIN
        assert _sent(jar, host="other.example").count("=") == MAX_PER_DOMAIN


PIECES = (
    "a=1|b=2|a|=|;|; |Path=/|Path=/orders|Domain=shop.example|Domain=.|Secure|"
    f"Max-Age=0|Max-Age=9|Max-Age=-|Expires=|Expires={PAST}|Expires={LATER}|\xe9|\t|\0"
).split("|")
LINES = st.lists(
    st.text(st.characters(max_codepoint=0xFF)) | st.text() | st.lists(st.sampled_from(PIECES)).map("".join)
)


@given(first=LINES, second=LINES, path=st.text(), secure=st.booleans())
def test_any_lines_give_a_field_that_can_be_sent(first: list[str], second: list[str], path: str, secure: bool) -> None:
    jar = CookieJar()
    for lines in (first, second):
        jar.store(HOST, path, lines, NOW)
        value = jar.header(HOST, path, secure, NOW)
        if value is not None:
            assert field_line("Cookie", value)
            assert all("=" in pair for pair in value.split("; "))


@given(lines=LINES)
def test_the_same_answer_again_changes_nothing(lines: list[str]) -> None:
    jar = _jar(*lines, *lines)
    sent = _sent(jar, secure=True)
    jar.store(HOST, "/orders/7", lines, NOW)
    assert _sent(jar, secure=True) == sent
