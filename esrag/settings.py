"""Flags, environment, file, running local stack and defaults become one frozen object here.

    flags  >  ESRAG_* environment  >  esrag.toml  >  a running local stack  >  defaults

Nothing else in the package reads the environment.  ``[elasticsearch] api_key`` in esrag.toml,
``ESRAG_ELASTICSEARCH_API_KEY`` in the environment and ``elasticsearch={"api_key": …}`` from
the command line are the same setting.  Below the flows plain values are passed, not this object.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from esrag.errors import UsageError
from esrag.sections import (
    AnswerSettings,
    ChunkSettings,
    DatasetSettings,
    ElasticsearchSettings,
    EmbeddingSettings,
    EndpointSettings,
    GeneratorSettings,
    IndexSettings,
    IngestSettings,
    LocalSettings,
    ModelSettings,
    ObserveSettings,
    RetrievalSettings,
    ServeSettings,
    TrainingSettings,
)

CONNECTION_FILE = "local/connection.json"


def default_data_dir() -> Path:
    """``/var/lib/esrag`` for root (root's home is closed to others), else the XDG data folder."""
    if os.environ.get("ESRAG_DATA_DIR"):
        return Path(os.environ["ESRAG_DATA_DIR"])
    if os.geteuid() == 0:
        return Path("/var/lib/esrag")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "esrag"


class Settings(BaseSettings):
    """All settings of one command, checked and frozen."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="ESRAG_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        toml_file="esrag.toml",
    )

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for downloads, bundles, ledgers and the local stack.",
    )
    project_dir: Path = Field(
        Path(), description="Folder whose mappings/ and pipelines/ override the shipped ones."
    )
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    generator: GeneratorSettings = GeneratorSettings()
    model: ModelSettings = ModelSettings()
    index: IndexSettings = IndexSettings()
    endpoints: EndpointSettings = EndpointSettings()
    chunk: ChunkSettings = ChunkSettings()
    ingest: IngestSettings = IngestSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answer: AnswerSettings = AnswerSettings()
    serve: ServeSettings = ServeSettings()
    observe: ObserveSettings = ObserveSettings()
    dataset: DatasetSettings = DatasetSettings()
    training: TrainingSettings = TrainingSettings()
    local: LocalSettings = LocalSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, strongest first; dotenv and secret folders are not used."""
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls)
        data_dir = Path(
            init_settings().get("data_dir")
            or env_settings().get("data_dir")
            or toml().get("data_dir")
            or default_data_dir()
        )
        explicit: set[str] = {
            name
            for source in (init_settings(), env_settings(), toml())
            for name in ("elasticsearch", "generator")
            if "url" in (source.get(name) or {})
        }
        stack = InitSettingsSource(settings_cls, _local_stack(data_dir, except_for=explicit))
        return init_settings, env_settings, toml, stack


def _local_stack(data_dir: Path, *, except_for: set[str]) -> dict[str, Any]:
    """The addresses that ``esrag local up`` left, unless the user named another server.

    A password of the local stack must never be sent to an address that the user configured, and no
    other cluster reaches the local generator.
    """
    try:
        found = json.loads((data_dir / CONNECTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    foreign = {*except_for, *(("endpoints",) if except_for else ())}
    return {
        name: found[name]
        for name in ("elasticsearch", "generator", "endpoints")
        if name not in foreign and isinstance(found.get(name), dict)
    }


def load_settings(**flags: Any) -> Settings:
    """Read every source once; ``flags`` are sections as dicts, e.g. ``index={"set": "hr"}``.

    Raises UsageError that names each wrong setting, where it was looked for, and why it is wrong.
    """
    given = {name: value for name, value in flags.items() if value not in (None, {})}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise UsageError(
            f"these settings cannot be used:\n{_problems(error)}",
            hint="They come from flags, ESRAG_* variables or esrag.toml.",
        ) from error
    except (OSError, ValueError) as error:  # esrag.toml may not be read, or is not TOML
        raise UsageError(f"esrag.toml cannot be read: {error}") from error


def with_overrides(settings: Settings, overrides: Mapping[str, object]) -> Settings:
    """The settings with other values for some ``section.name``, checked as if they stood there.

    Raises UsageError that names each wrong setting and why it is wrong.
    """
    by_section: dict[str, dict[str, object]] = {}
    for path, value in overrides.items():
        section, _, name = path.partition(".")
        if not name or not isinstance(getattr(settings, section, None), BaseModel):
            raise UsageError(f"there is no setting {path}", hint="docs/settings.md lists them.")
        by_section.setdefault(section, {})[name] = value
    changed = {}
    for section, values in by_section.items():
        before: BaseModel = getattr(settings, section)
        given = {name: getattr(before, name) for name in before.model_fields_set}
        try:
            changed[section] = type(before).model_validate({**given, **values})
        except ValidationError as error:
            raise UsageError(
                f"these settings cannot be used:\n{_problems(error, within=f'{section}.')}"
            ) from error
    return settings.model_copy(update=changed)


def _problems(error: ValidationError, *, within: str = "") -> str:
    """A line for each wrong setting."""
    return "\n".join(
        f"  {within}{'.'.join(str(part) for part in problem['loc'])}: "
        + problem["msg"].removeprefix("Value error, ")  # how pydantic begins what we wrote
        for problem in error.errors(include_url=False, include_context=False)
    )


def environment() -> dict[str, str]:
    """A copy of the process environment: for child processes, and to find a JDK through it."""
    return dict(os.environ)
