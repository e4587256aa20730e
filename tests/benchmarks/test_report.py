"""Rounds, medians and tables."""

from benchmarks.report import interleave, ratio, table


def test_contenders_take_turns():
    order = []

    def measure(key):
        order.append(key)
        return {"rate": 1.0}

    interleave("ab", 3, measure)
    assert order == list("ababab")


def test_the_median_of_the_rounds_drops_the_odd_one_out():
    rounds = iter([3.0, 900.0, 2.0])
    assert interleave("a", 3, lambda key: {"rate": next(rounds)}) == {"a": {"rate": 3.0}}


def test_a_table_is_text_in_columns():
    rows = [("cogen", "50,000"), ("waitress", "9,000")]
    assert table("hello", ("server", "req/s"), rows).splitlines() == [
        "hello",
        "",
        "========  ======",
        "server     req/s",
        "========  ======",
        "cogen     50,000",
        "waitress   9,000",
        "========  ======",
    ]


def test_a_ratio_to_nothing_is_a_dash():
    assert ratio(3.0, 2.0) == "1.50 x"
    assert ratio(3.0, 0.0) == "-"
