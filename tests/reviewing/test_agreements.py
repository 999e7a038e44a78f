import pytest
from sklearn.metrics import cohen_kappa_score

from tests.reviewing.made_review import CLASSES, made_model
from tfp_dgm.reviewing import Review
from tfp_dgm.reviewing.agreements import agreement_of
from tfp_dgm.reviewing.row_queue import DISPUTED, Search


def test_people_are_compared_on_the_rows_that_they_share(tmp_path):
    said = {
        "ann": ["billing", "login", "other", "login", "login", None],
        "bob": ["billing", "other", "other", "login", None, "login"],
        "cy": ["billing", "none", "other", "other", "login", None],
    }
    with Review(made_model(tmp_path)) as review:
        for who, labels in said.items():
            for row, label in enumerate(labels, start=20):
                if label == "none":
                    review.answer(who, "none", rows=[row])
                elif label is not None:
                    review.answer(who, "label", rows=[row], label=label)
        review.answer("dee", "skip", rows=[20])
        found = agreement_of(review.state.verdicts())
        assert found.people == ("ann", "bob", "cy")
        assert (found.rows, found.by_all, found.disputed) == (5, 4, (21, 23))
        pairs = {(pair.first, pair.second): pair for pair in found.pairs}
        assert set(pairs) == {("ann", "bob"), ("ann", "cy"), ("bob", "cy")}
        assert (pairs["ann", "bob"].rows, pairs["ann", "bob"].same) == (4, 3)
        for (one, two), pair in pairs.items():
            both = [(a, b) for a, b in zip(said[one], said[two], strict=True) if a and b]
            expected = cohen_kappa_score(*zip(*both, strict=True))
            assert pair.kappa == pytest.approx(expected)
        # 12 answers to four rows: 12 + 12 agreeing ordered pairs of rows 20 and 22, two of row 23.
        shares = [3 / 12, 3 / 12, 5 / 12, 1 / 12]  # billing, login, other, none.
        chance = sum(share**2 for share in shares)
        observed = (6 + 0 + 6 + 2) / 6 / 4
        assert found.fleiss == pytest.approx((observed - chance) / (1 - chance))
        assert -1 < found.krippendorff < 1
        left = review.left(DISPUTED, Search(), review.state.done("eve")).tolist()
        assert left == [21, 23]
        review.answer("eve", "label", rows=[21], label="login")
        assert review.left(DISPUTED, Search(), review.state.done("eve")).tolist() == [23]
        assert review.left(DISPUTED, Search("row 21"), review.state.done("eve")).tolist() == []


@pytest.mark.parametrize("people", [[], ["ann"]])
def test_fewer_than_two_people_cannot_agree(tmp_path, people):
    with Review(made_model(tmp_path)) as review:
        for who in people:
            review.answer(who, "label", rows=[20], label=CLASSES[0])
        found = agreement_of(review.state.verdicts())
    assert (found.rows, found.pairs, found.disputed) == (0, (), ())
    assert found.fleiss is found.krippendorff is None
