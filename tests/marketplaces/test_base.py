from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from monitor.errors import InputError
from monitor.marketplaces.registry import account_key, create, known_types, options_model
from monitor.marketplaces.testing import make_outside


def test_the_guides_type_is_known() -> None:
    assert "guide_1688" in known_types()


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'guide_1689'.*guide_1688"):
        options_model("guide_1689")


class Other(BaseModel):
    """Some other type's options."""


def test_options_of_another_type_are_refused() -> None:
    with pytest.raises(InputError, match="options"):
        create("guide_1688", "alibaba", Other(), make_outside())


def test_a_misspelt_option_is_refused_and_the_secret_not_shown() -> None:
    model = options_model("guide_1688")
    with pytest.raises(ValidationError, match="serch_type"):
        model.model_validate({"app_key": "k", "app_secret": "geheim", "serch_type": 1})
    assert "geheim" not in repr(model.model_validate({"app_key": "k", "app_secret": "geheim"}))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"app_key": ""}, {"app_key": "a\nb"}, {"app_secret": ""}, {"search_type": 3}),
        *({"search_type": "2"}, {"sort_type": ""}, {"base_url": "api.1688.com/x"}),
        *({"base_url": "ftp://h/x"}, {"base_url": "https://u:p@h/x"}, {"base_url": "https://[x"}),
    ],
)
def test_an_option_that_cant_work_is_refused(wrong: dict[str, object]) -> None:
    given = {"app_key": "k", "app_secret": "s", **wrong}
    with pytest.raises(ValidationError):
        options_model("guide_1688").model_validate(given)


def test_marketplaces_of_one_account_share_a_key_that_tells_nothing() -> None:
    model = options_model("guide_1688")
    one = model.model_validate({"app_key": "12345678", "app_secret": "s"})
    wide = model.model_validate({"app_key": "12345678", "app_secret": "s", "search_type": "both"})
    other = model.model_validate({"app_key": "87654321", "app_secret": "s"})
    key = account_key("guide_1688", "a", one)
    assert key == account_key("guide_1688", "b", wide)
    assert key != account_key("guide_1688", "a", other)
    assert "12345678" not in key
