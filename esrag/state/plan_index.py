"""Plans the index behind the alias: keep it, extend it, or begin the next generation.  Pure."""

from __future__ import annotations

from esrag.names import generation_of
from esrag.state.actions import Action, ObjectKind, shown
from esrag.state.canonical import field_differences, setting_differences
from esrag.state.desired import DesiredState
from esrag.state.observed import ObservedState
from esrag.state.plan_models import model_replaced
from esrag.templating import OWNER

_STATIC_SETTINGS = ("index.analysis.", "index.similarity.", "index.number_of_shards")


def plan_index(desired: DesiredState, observed: ObservedState) -> Action:
    """The step for the index; ``desired`` is of the generation that ``generation_to_plan`` says."""
    alias, names, current = observed.alias, desired.names, observed.index
    if current is None:
        return Action("create", "index", desired.index, f"first generation, behind {names.alias}")
    if not alias.indices:
        return Action("update", "index", current, f"the alias {names.alias} is gone; set it again")
    reasons = reasons_to_replace(desired, observed)
    if reasons:
        return Action(
            "replace",
            "index",
            desired.index,
            f"{current} cannot be changed to it; an empty generation takes over the alias and "
            "all documents have to be ingested again",
            destructive=True,
            details=reasons,
        )
    fields = field_differences(desired.mapping, observed.mapping or {})
    settings = setting_differences(desired.index_settings, observed.settings or {})
    differences = (*fields.missing, *fields.changeable, *settings)
    if differences:
        return Action(
            "update", "index", current, "change fields or settings", details=shown(differences)
        )
    if len(alias.indices) > 1:
        return Action("update", "index", current, f"let {names.alias} lead to this index alone")
    return Action("none", "index", current, f"behind {names.alias}")


def generation_to_plan(observed: ObservedState, *, can_stay: bool) -> int:
    """The generation that is there if it can stay, else the one after the newest."""
    numbers = [number for name in observed.generations if (number := generation_of(name))]
    current = generation_of(observed.index) if observed.index else None
    if can_stay and current is not None:
        return current
    return max(numbers, default=0) + 1


def reasons_to_replace(desired: DesiredState, observed: ObservedState) -> tuple[str, ...]:
    """What an existing index cannot be changed to; () when it can stay."""
    if observed.index is None or not observed.alias.indices:
        return ()
    mapping, settings = observed.mapping or {}, observed.settings or {}
    reasons: list[str] = []
    embedded = ((mapping.get("_meta") or {}).get("esrag") or {}).get("model_id")
    if model_replaced(desired, observed):
        reasons.append("its vectors are of the model that is replaced")
    elif embedded != desired.choices.model_id:
        reasons.append(f"its vectors are of {embedded}, not of {desired.choices.model_id}")
    reasons += [f"field {item}" for item in field_differences(desired.mapping, mapping).fixed]
    reasons += [
        f"setting {item}"
        for item in setting_differences(desired.index_settings, settings)
        if item.path.startswith(_STATIC_SETTINGS)
    ]
    return tuple(reasons)


def foreign_indices(
    desired: DesiredState, observed: ObservedState
) -> tuple[tuple[ObjectKind, str], ...]:
    """An index under our alias, or named like one of our generations, that is not ours."""
    if observed.alias.is_index:
        return (("index", desired.names.alias),)
    if observed.index is None:
        return ()
    owner = ((observed.mapping or {}).get("_meta") or {}).get("esrag") or {}
    if owner.get("owner") == OWNER:
        return ()
    return (("index", ", ".join(observed.alias.indices) or observed.index),)
