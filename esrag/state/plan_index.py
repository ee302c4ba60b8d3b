"""Plans the index behind the alias: keep it, extend it, or begin the next generation.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esrag.cluster.profile import FIELD
from esrag.errors import ConflictError
from esrag.names import generation_of
from esrag.state.actions import Action, ObjectKind, shown
from esrag.state.canonical import Difference, field_differences, setting_differences
from esrag.state.desired import DesiredState
from esrag.state.expansion import expansion_note, expansion_of_other_model
from esrag.state.observed import ObservedState
from esrag.state.plan_models import model_replaced
from esrag.templating import OWNER

_STATIC_SETTINGS = ("index.analysis.", "index.similarity.", "index.number_of_shards")


def plan_index(desired: DesiredState, observed: ObservedState) -> Action:
    """The step for the index; ``desired`` is of the generation that ``generation_to_plan`` says."""
    alias, names, current = observed.alias, desired.names, observed.index
    if foreign_indices(desired, observed):
        return _adopt(desired, observed)
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
    differences = _changes(desired, observed)
    if differences:
        return Action(
            "update",
            "index",
            current,
            "change fields or settings",
            details=(*shown(differences), *expansion_note(desired.mapping, observed.mapping or {})),
        )
    if len(alias.indices) > 1:
        return Action("update", "index", current, f"let {names.alias} lead to this index alone")
    return Action("none", "index", current, f"behind {names.alias}")


def _adopt(desired: DesiredState, observed: ObservedState) -> Action:
    """Take over an index of somebody else, when it can become ours without losing anything."""
    index = observed.index
    obstacles: list[str] = []
    if observed.alias.is_index:
        obstacles.append(f"an index is named {desired.names.alias}, as our alias would be")
    elif index is None or index != desired.index or len(observed.alias.indices) > 1:
        behind = ", ".join(observed.alias.indices)
        obstacles.append(f"{behind} is not named like a generation ({desired.names.index(1)})")
    else:
        obstacles += unchangeable(desired, observed)
    if index is None or obstacles:
        raise ConflictError(
            f"the index under {desired.names.alias} cannot be taken over:\n"
            + "\n".join(f"  {line}" for line in obstacles),
            hint="It is left alone. Use another document set (--set) and ingest anew.",
        )
    model = desired.choices.model_id
    return Action(
        "adopt",
        "index",
        index,
        f"its mapping fits; that its vectors are of {model} is taken on your word",
        details=shown(_changes(desired, observed)),
    )


def generation_to_plan(observed: ObservedState, *, can_stay: bool) -> int:
    """The generation that is there if it can stay, else the one after the newest."""
    numbers = [number for name in observed.generations if (number := generation_of(name))]
    current = generation_of(observed.index) if observed.index else None
    if can_stay and current is not None:
        return current
    return max(numbers, default=0) + 1


def _changes(desired: DesiredState, observed: ObservedState) -> tuple[Difference, ...]:
    """What the index can be given in place."""
    fields = field_differences(desired.mapping, observed.mapping or {})
    settings = setting_differences(desired.index_settings, observed.settings or {})
    return (*fields.missing, *fields.changeable, *settings)


def reasons_to_replace(desired: DesiredState, observed: ObservedState) -> tuple[str, ...]:
    """What an existing index cannot be changed to; () when it can stay."""
    if observed.index is None or not observed.alias.indices:
        return ()
    if foreign_indices(desired, observed):
        return ()
    mapping = observed.mapping or {}
    reasons: list[str] = []
    embedded = ((mapping.get("_meta") or {}).get("esrag") or {}).get("model_id")
    if model_replaced(desired, observed):
        reasons.append("its vectors are of the model that is replaced")
    elif embedded != desired.choices.model_id:
        reasons.append(f"its vectors are of {embedded}, not of {desired.choices.model_id}")
    elif not _same_model(desired, observed):
        reasons.append(f"its vectors are of another {embedded} than the bundle here")
    expanded = expansion_of_other_model(desired.mapping, mapping)
    if expanded:
        reasons.append(expanded)
    return (*reasons, *unchangeable(desired, observed))


def unchangeable(desired: DesiredState, observed: ObservedState) -> tuple[str, ...]:
    """Fields and settings that an index has for ever."""
    fields = field_differences(desired.mapping, observed.mapping or {}).fixed
    settings = setting_differences(desired.index_settings, observed.settings or {})
    return (
        *(f"field {item}" for item in fields),
        *(f"setting {item}" for item in settings if item.path.startswith(_STATIC_SETTINGS)),
    )


def known_fingerprint(observed: ObservedState) -> str:
    """The beginning of the fingerprint that the vectors of the index are marked with."""
    return str(_vector_field(observed.mapping).get("meta", {}).get("model", ""))


def known_dims(observed: ObservedState) -> int | None:
    """The length of the vectors of the index."""
    dims = _vector_field(observed.mapping).get("dims")
    return int(dims) if dims is not None else None


def _vector_field(mapping: Mapping[str, Any] | None) -> Mapping[str, Any]:
    field: Mapping[str, Any] = ((mapping or {}).get("properties") or {}).get(FIELD) or {}
    return field


def _same_model(desired: DesiredState, observed: ObservedState) -> bool:
    wanted = _vector_field(desired.mapping).get("meta", {}).get("model", "")
    found = known_fingerprint(observed)
    return not wanted or not found or wanted == found


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
