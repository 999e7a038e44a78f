"""The table of `dgm text-vae evaluate`, from numbers that are given."""

from tfp_dgm_apps import _text_vae_table

REPORT = {
    "num_sentences": 500,
    "convention": "Tokens are counted.",
    "mutual_information": 5.97,
    "mutual_information_standard_error": 0.1,
    "mutual_information_upper_limit": 6.2146,
    "active_units": 3,
    "units": 32,
    "kl": 7.5,
    "refinement_steps": 4,
    "refinement_by": "training",
}


def shown(capsys, **more):
    _text_vae_table.show({**REPORT, **more})
    return " ".join(capsys.readouterr().out.split())


def test_information_stands_beside_its_limit(capsys):
    text = shown(capsys)
    assert "rate 7.50 mutual information 5.97 ± 0.10 of at most 6.21 active units 3 of 32" in text
    assert "refined for each sentence by 4 steps, those of training." in text


def test_what_one_sentence_does_not_show_is_left_out(capsys):
    text = shown(capsys, active_units=None, units=None, mutual_information_standard_error=None)
    assert "active units" not in text
    assert "mutual information 5.97 of at most 6.21" in text


def test_of_how_many_sentences_the_log_likelihood_is(capsys):
    found = {"log_likelihood": -9.0, "log_likelihood_of_all": -8.0}
    text = shown(capsys, **found, log_likelihood_num_examples=50)
    assert "log-likelihood of 50 -9.00 log-likelihood of all -8.00" in text
    text = shown(capsys, **found, log_likelihood_num_examples=500)
    assert "log-likelihood -9.00" in text
    assert "of all" not in text
