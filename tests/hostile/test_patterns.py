"""No text makes a regular expression of the product run for ever (T51)."""

from concurrent.futures import ThreadPoolExecutor

from tests.hostile.patterns import SECONDS, cost, patterns


def test_every_pattern_takes_fifty_thousand_hostile_characters() -> None:
    found = patterns()
    assert len(found) >= 30
    with ThreadPoolExecutor(2) as pool:
        costs = list(pool.map(lambda one: cost(*one[0], one[1][1]), found.items()))
    slow = {
        found[key][0]: (key[0], round(spent, 2)) for key, spent in zip(found, costs, strict=True) if spent > SECONDS
    }
    assert not slow


def test_a_careless_pattern_is_seen() -> None:
    assert cost(r"(a+)+b", 32, False, False) > SECONDS
    assert cost(r"\s+$", 32, False, True) > SECONDS
