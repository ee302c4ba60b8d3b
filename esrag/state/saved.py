"""A plan on disk: what was shown, and by what one sees later that it still holds.  No secrets.

    esrag plan --out FILE ──► reviewed by somebody ──► esrag setup --plan FILE

The file names the cluster and carries a hash of each object as it was found and as it was wanted.
If one of either differs when the plan is to be carried out, it is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from esrag import __version__
from esrag.errors import ConflictError, UsageError
from esrag.state.render import plan_as_json
from esrag.state.survey import Survey

FORMAT = 1
_VOLATILE = ("inference_count", "error_count", "rejected_count", "pending_requests", "reason")


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file says; the hashes are by object."""

    cluster_uuid: str
    set: str
    adopt: bool
    version: str
    observed: Mapping[str, str]
    desired: Mapping[str, str]


def save_plan(survey: Survey, file: Path, *, adopt: bool) -> None:
    """Write the plan of a survey; an existing file is replaced."""
    body = {
        "format": FORMAT,
        "esrag": __version__,
        "cluster": survey.capabilities.cluster_uuid,
        "cluster_name": survey.capabilities.cluster_name,
        "set": survey.desired.choices.set,
        "adopt": adopt,
        "plan": plan_as_json(survey.plan),
        "observed": observed_hashes(survey),
        "desired": desired_hashes(survey),
    }
    try:
        file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the plan cannot be written to {file}: {error.strerror}") from error


def load_plan(file: Path) -> SavedPlan:
    """Read a plan file; raises UsageError when it is none, or of another format."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the plan {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file} is not a saved plan: {error}") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise UsageError(
            f"{file} is not a saved plan of this version of esrag",
            hint="Save one: esrag plan --out FILE",
        )
    try:
        return SavedPlan(
            cluster_uuid=str(body["cluster"]),
            set=str(body["set"]),
            adopt=bool(body["adopt"]),
            version=str(body["esrag"]),
            observed=dict(body["observed"]),
            desired=dict(body["desired"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the saved plan {file} lacks {error}") from error


def require_unmoved(saved: SavedPlan, survey: Survey) -> None:
    """Raise ConflictError naming what is no longer as it was when the plan was saved."""
    found = survey.capabilities.cluster_uuid
    if saved.cluster_uuid != found:
        raise ConflictError(
            f"the plan was made for another cluster ({saved.cluster_uuid}, this one is {found})",
            hint="Nothing was changed. Save a plan for this one: esrag plan --out FILE",
        )
    lines = [
        *_moved("in the cluster", saved.observed, observed_hashes(survey)),
        *_moved("in files or settings", saved.desired, desired_hashes(survey)),
    ]
    if saved.version != __version__:
        lines.append(f"  esrag {saved.version} -> {__version__}")
    if lines:
        raise ConflictError(
            "the plan no longer holds; since it was saved these changed:\n" + "\n".join(lines),
            hint="Nothing was changed. Look at it again: esrag plan --out FILE",
        )


def observed_hashes(survey: Survey) -> dict[str, str]:
    """A hash of every object as it was found; what the cluster counts does not count."""
    observed = survey.observed
    found: dict[str, Any] = {
        f"{kind} {name}": body for (kind, name), body in observed.bodies.items()
    }
    model_id = survey.desired.choices.model_id
    if survey.desired.tier.embedding == "cluster":
        found[f"trained model {model_id}"] = observed.model and asdict(observed.model)
        deployment = observed.deployment and asdict(observed.deployment)
        if deployment:
            deployment = {k: v for k, v in deployment.items() if k not in _VOLATILE}
        found[f"deployment {survey.desired.choices.deployment_id}"] = deployment
    found[f"alias {survey.desired.names.alias}"] = [observed.alias.indices, observed.generations]
    if observed.index is not None:
        found[f"index {observed.index}"] = [observed.mapping, observed.settings]
    for record in observed.records.values():
        found[f"note of {record.kind} {record.name}"] = record.as_body()
    return {name: _hash(value) for name, value in sorted(found.items())}


def desired_hashes(survey: Survey) -> dict[str, str]:
    """A hash of every object as it is wanted, and of the settings behind them."""
    desired = survey.desired
    wanted: dict[str, Any] = {f"{item.kind} {item.name}": item.body for item in desired.bodies}
    choices = asdict(desired.choices)
    del choices["project_dir"]  # what its files say is in the bodies
    wanted["settings"] = {**choices, "generation": desired.generation}
    if desired.bundle is not None:
        wanted[f"bundle {desired.choices.model_id}"] = desired.bundle.fingerprint
    return {name: _hash(value) for name, value in sorted(wanted.items())}


def _moved(where: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"  {name} ({where})"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
