"""``esrag adapter``: register adapters, have them served and proven, merge them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.adapter_view import (
    entry,
    facts,
    proof_facts,
    removable,
    show_proof,
    tell_serving,
    tell_still_named,
    warn_of_readers,
    words,
)
from esrag.cli.asking import ask_or_refuse
from esrag.errors import RejectedError, UnavailableError, UnsupportedError, UsageError
from esrag.settings import Settings, load_settings

if TYPE_CHECKING:
    from esrag.adapters.registry import Base, Registry
    from esrag.generation.generator import Generator

# asked when an adapter brings no probes of its own
_QUESTIONS = (
    "Who are you?",
    "What can you tell me about your documents?",
    "Explain in one sentence what changed in the latest release.",
)


@click.group()
def adapter() -> None:
    """Register, serve, prove and merge LoRA adapters."""


json_flag = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
generator_flag = click.option("--generator-url", metavar="URL", help="Address of the generator.")
base_flag = click.option(
    "--base",
    metavar="MODEL",
    help="Base model: 'packaged', a folder, or a hub id; by default the one it was trained on.",
)


@adapter.command(short_help="Check an adapter, keep it under a name, have it loaded.")
@click.argument("source", metavar="FOLDER")
@click.option("--name", metavar="NAME", help="Name to register it under.")
@base_flag
@click.option("--replace", is_flag=True, help="Take the place of another adapter of the name.")
@click.option(
    "--other-base", is_flag=True, help="It may have been trained on other weights of this shape."
)
@generator_flag
@click.option("--no-load", is_flag=True, help="Register it only; leave the generator alone.")
@json_flag
def add(
    *,
    source: str,
    name: str | None,
    base: str | None,
    replace: bool,
    other_base: bool,
    generator_url: str | None,
    no_load: bool,
    as_json: bool,
) -> None:
    """Check an adapter, keep it under a name, and have the generator load it.

    FOLDER is a folder with adapter_config.json and adapter_model.safetensors, a run's folder, or
    the name of a run.  A generator that loads no adapters while it runs (TGI) is told by the line
    that is printed.
    """
    from esrag.adapters.registry import Registry, check_name

    _require_numpy()
    settings = load_settings()
    folder, guessed = _adapter_folder(settings, source)
    called = name or guessed
    check_name(called)
    model = _base(settings, base) if base else _base_of(settings, folder)
    registry = Registry(settings.data_dir / "adapters")
    added = registry.add(called, folder, model, replace=replace, other_base=other_base)
    warn_of_readers(added.adapter)
    told = "left alone" if no_load else _load(settings, registry, called, generator_url)
    if as_json:
        outcome = {"was_there": added.was_there, "generator": told}
        click.echo(json.dumps(facts(added.adapter) | outcome, indent=2))
        return
    did = "was there already" if added.was_there else "replaced" if added.replaced else "registered"
    click.echo(f"{called}  {did}  {words(added.adapter)}")
    tell_serving(registry, called, told)


@adapter.command("list")
@generator_flag
@json_flag
def list_adapters(*, generator_url: str | None, as_json: bool) -> None:
    """Show the registered adapters, and which of them the generator has."""
    from esrag.adapters.registry import Registry

    settings = load_settings()
    registry = Registry(settings.data_dir / "adapters")
    served = _served(settings, registry.names(), generator_url)
    found = [entry(registry, name) | {"served": served.get(name)} for name in registry.names()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("No adapter is registered. To register one: esrag adapter add FOLDER")
    for one in found:
        stands = {True: "served", False: "not served", None: "not known to be served"}[
            one["served"]
        ]
        if "error" in one:
            click.echo(f"{one['name']}  {click.style(one['error'], fg='red')}")
        else:
            click.echo(f"{one['name']}  {stands}  {words(registry.find(one['name']))}")


@adapter.command(short_help="Have the generator load a registered adapter.")
@click.argument("name")
@generator_flag
def load(name: str, *, generator_url: str | None) -> None:
    """Have the generator load a registered adapter, as after a new start of it."""
    from esrag.adapters.registry import Registry

    settings = load_settings()
    registry = Registry(settings.data_dir / "adapters")
    registry.find(name)
    tell_serving(registry, name, _load(settings, registry, name, generator_url, needed=True))


@adapter.command(short_help="Have the generator forget an adapter.")
@click.argument("name")
@generator_flag
def unload(name: str, *, generator_url: str | None) -> None:
    """Have the generator forget an adapter; it stays registered."""
    from esrag.adapters.serving import unload as forget

    settings = load_settings()
    with _generator(settings, generator_url) as generator:
        gone = forget(generator, name)
    click.echo(f"{name}  {'unloaded' if gone else 'was not loaded there'}")


@adapter.command(short_help="Remove an adapter, and have the generator forget it.")
@click.argument("name")
@generator_flag
@click.option("--yes", is_flag=True, help="Remove without asking.")
def remove(name: str, *, generator_url: str | None, yes: bool) -> None:
    """Remove an adapter from the registry, and have the generator forget it."""
    from esrag.adapters.registry import Registry
    from esrag.adapters.serving import unload as forget

    settings = load_settings()
    registry = Registry(settings.data_dir / "adapters")
    known = removable(registry, name, settings)
    if not yes:
        ask_or_refuse(f"Remove the adapter {name} ({known})?", command="adapter remove")
    try:
        with _generator(settings, generator_url) as generator:
            forget(generator, name)
    except UnavailableError as error:
        click.echo(f"The generator was not told: {error.message}", err=True)
    registry.remove(name)
    click.echo(f"{name}  removed")
    tell_still_named(name, settings)


@adapter.command()
@click.argument("name")
@generator_flag
@click.option(
    "--question", "questions", multiple=True, metavar="TEXT", help="Ask this as well; repeatable."
)
@json_flag
def verify(
    name: str, *, generator_url: str | None, questions: tuple[str, ...], as_json: bool
) -> None:
    """Prove that the generator applies an adapter.

    At temperature 0 its answers must differ from the base model's and equal those that were
    recorded when it was trained.  Ends with 3 when that is not so.
    """
    from esrag.adapters.probes import probe_of, read_probes
    from esrag.adapters.proof import prove
    from esrag.adapters.registry import Registry
    from esrag.adapters.serving import answer_of, standing
    from esrag.generation.places import BASE_MODEL
    from esrag.model_files import check_manifest

    settings = load_settings()
    found = Registry(settings.data_dir / "adapters").find(name)
    check_manifest(found.folder)
    probes = read_probes(found.folder)
    asked = questions or (() if probes else _QUESTIONS)
    with _generator(settings, generator_url) as generator:
        now = standing(generator)
        if now.has(name) is False:
            raise UsageError(
                f"the generator has no adapter {name}; it has {', '.join(now.models)}",
                hint=f"Load it: esrag adapter load {name}",
            )
        # vLLM knows its base by name only; TGI and esrag's server take any of their names for it
        base = now.models[0] if now.models else BASE_MODEL
        proof = prove(
            (*probes, *map(probe_of, asked)),
            adapter=name,
            base=base,
            ask=lambda probe, model: answer_of(generator, probe, model),
        )
    if as_json:
        click.echo(json.dumps(proof_facts(name, proof), indent=2))
    else:
        show_proof(name, proof)
    if not proof.is_applied:
        raise RejectedError(
            f"it is not proven that the generator applies {name}",
            hint="Is it loaded there under this name, on the base that it was trained on? TGI "
            "answers with the base for every name that it does not know.",
        )


@adapter.command(short_help="Join an adapter with its base model.")
@click.argument("name")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="New folder, or GGUF file."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["safetensors", "gguf"]),
    help="By default gguf when the output is called so.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    help="Type of the weights; by default the base's, in GGUF float16.",
)
@base_flag
@json_flag
def merge(
    name: str,
    *,
    output: Path,
    form: str | None,
    dtype: str | None,
    base: str | None,
    as_json: bool,
) -> None:
    """Join an adapter with its base model: a model that any server takes.

    NAME is a registered adapter.  What was written is read back and compared with base plus scaled
    product.
    """
    _require_numpy()
    from esrag.adapters.joining import join
    from esrag.adapters.registry import Registry

    settings = load_settings()
    found = Registry(settings.data_dir / "adapters").find(name)
    chosen = form or ("gguf" if output.suffix == ".gguf" else "safetensors")
    model = _base(settings, base or found.base)
    joined = join(found, model, output, gguf=chosen == "gguf", dtype=dtype)
    outcome = {
        "adapter": name,
        "base": model.name,
        "output": str(joined.output),
        "format": chosen,
        "dtype": joined.dtype,
        "modules_changed": joined.merged.changed,
        "deviation": joined.merged.deviation,
        "beyond_rounding": joined.merged.beyond_rounding,
    }
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
        return
    click.echo(
        f"{joined.output}  {name} on {model.name}, {joined.dtype}: {joined.merged.changed} modules "
        f"changed, at most {joined.merged.deviation:.1e} from base plus scaled product "
        f"({joined.merged.beyond_rounding:.1e} beyond rounding)"
    )


def _require_numpy() -> None:
    """Raise UnsupportedError where weights cannot be looked into."""
    from importlib.util import find_spec

    if find_spec("numpy") is None:
        raise UnsupportedError(
            "looking into weights needs numpy", hint="Install it: pip install 'esrag[tune]'"
        )


def _adapter_folder(settings: Settings, source: str) -> tuple[Path, str]:
    """The folder that is meant, and a name for what lies in it."""
    from esrag.model_files.adapter_folders import CONFIG

    given = Path(source)
    for folder in (given, given / "adapter", settings.data_dir / "runs" / source / "adapter"):
        if (folder / CONFIG).is_file():
            whole = folder.resolve()
            return folder, whole.parent.name if whole.name == "adapter" else whole.name
    raise UsageError(
        f"{source} is neither a folder with an adapter nor a run with one",
        hint=f"An adapter is a folder with {CONFIG}; runs are below {settings.data_dir / 'runs'}.",
    )


def _base(settings: Settings, model: str) -> Base:
    from esrag.adapters.registry import Base
    from esrag.base_models.source import find_model

    found = find_model(model, data_dir=settings.data_dir / "local" / "tgi")
    return Base(model, found.folder)


def _base_of(settings: Settings, folder: Path) -> Base:
    """The configured base when the adapter was trained on its weights, else the one it names."""
    from esrag.adapters.registry import trained_on
    from esrag.model_files import weights_fingerprint

    name, fingerprint = trained_on(folder)
    configured = settings.training.base_model
    if not name or name == configured:
        return _base(settings, configured)
    found = _base(settings, configured)
    if weights_fingerprint(found.folder) == fingerprint:
        return found
    return _base(settings, name)


def _generator(settings: Settings, url: str | None) -> Generator:
    """The generator by its messages API, whatever answers are asked through."""
    from esrag.generation.generator import Generator
    from esrag.generator_place import messages_place

    return Generator(messages_place(settings, url=url or ""))


def _load(
    settings: Settings, registry: Registry, name: str, url: str | None, *, needed: bool = False
) -> str:
    """Have it loaded; what became of that.  An error when the generator was named, or needed."""
    from esrag.adapters.serving import load as have_loaded

    try:
        with _generator(settings, url) as generator:
            return have_loaded(generator, registry.find(name))
    except UnavailableError as error:
        if needed or url:
            raise
        click.echo(f"The generator was not told: {error.message}", err=True)
        return "not reached"


def _served(settings: Settings, names: tuple[str, ...], url: str | None) -> dict[str, bool | None]:
    from esrag.adapters.serving import standing

    if not names:
        return {}
    try:
        with _generator(settings, url) as generator:
            now = standing(generator)
    except UnavailableError:
        if url:
            raise
        return dict.fromkeys(names)
    return {name: now.has(name) for name in names}
