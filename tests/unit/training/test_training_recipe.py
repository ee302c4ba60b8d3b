"""Recipes: what they refuse, and the learning rate that they make."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.errors import UsageError
from esrag.training.recipe import Recipe, fingerprint, rate_at


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"epochs": float("nan")}, {"learning_rate": -1.0}, {"warmup": 2.0}, {"clip": 0}],
)
def test_a_recipe_that_cannot_train_is_refused(wrong: dict[str, Any]) -> None:
    """Numbers without sense are refused when the recipe is made."""
    with pytest.raises(UsageError):
        Recipe(**wrong)


def test_a_recipe_survives_run_json() -> None:
    """What is written is read back equal; a field of another version is told of."""
    recipe = Recipe(method="dora", target_modules=("q_proj",), seed=3)
    assert Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(UsageError, match="another version"):
        Recipe.from_json({**recipe.to_json(), "from_the_future": 1})


def test_fingerprints_tell_recipes_apart() -> None:
    """Equal content has an equal fingerprint, whatever the order of its keys."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(Recipe().to_json()) != fingerprint(Recipe(seed=8).to_json())


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_and_falls(schedule: Any) -> None:
    """It rises over the warm-up to its highest, and ends at a tenth of it or stays."""
    recipe = Recipe(schedule=schedule, warmup=0.1, learning_rate=1e-3)
    rates = [rate_at(step, recipe=recipe, total=100) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1e-3 if schedule == "constant" else 1e-4, rel=0.1)
