from unstuck.schedules import FixedLR


def test_every_group_keeps_its_rate(optimizer, rates_of):
    assert rates_of(FixedLR(optimizer), 20) == [[0.8, 0.05]] * 20
