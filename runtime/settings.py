"""Settings: ``graphwright.toml`` of the project, then ``GRAPHWRIGHT_*`` of the environment, then what was typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .budgets import BudgetSettings
from .guardrails.settings import GuardrailSettings
from .mcp_settings import McpSettings, checked_servers
from .policy.settings import PolicySettings
from .prices import Price

CONFIG_FILE = "graphwright.toml"


@dataclass(frozen=True, slots=True)
class ReportsFolder:
    """Where a graph leaves files that are meant for people; a resource that every run has."""

    path: Path


class SettingsError(ValueError):
    """A setting is wrong. For the operator; lists every wrong one and where it came from."""


class Settings(BaseSettings):
    """Everything that can be set. Each field is also ``GRAPHWRIGHT_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="GRAPHWRIGHT_", extra="forbid")

    project_dir: Path = Field(
        default_factory=Path.cwd, description="The project: its agents/, graphs/, tools/, prompts/."
    )
    state_dir: Path = Field(
        default=Path(".graphwright"), description="Database, index and reports; relative to the project."
    )
    model: str | None = Field(default=None, description="The default model, e.g. openai:gpt-5-mini or offline.")
    knowledge: str = Field(default="default", description="The knowledge base that search_knowledge reads.")
    embedder: str = Field(default="lsa", description="The embedder of a new knowledge base.")
    user: str = Field(default="local", description="Who asks and decides where nobody is named.")
    roles: list[str] = Field(default_factory=list, description="What that user is, for approvals that ask for a role.")
    tenant: str = Field(default="local", description="Whose data this is.")
    durability: Literal["process", "power"] = Field(
        default="process", description="What a recorded step survives: a killed process, or a power cut as well."
    )
    redact: Literal["all", "own"] = Field(
        default="all", description="Which secrets are replaced by marks: whatever looks like one, or only our own."
    )
    seal: bool = Field(
        default=False, description="Whether what runs hold is encrypted in the database; keys: GRAPHWRIGHT_SEAL_KEYS."
    )
    max_concurrency: int = Field(default=8, ge=1, description="Tasks of one step that run side by side.")
    recursion_limit: int = Field(default=500, ge=1, description="Steps of one run before it is stopped.")
    tools: list[Path] = Field(default_factory=list, description="Further tool files to load.")
    fetch_hosts: list[str] | None = Field(
        default=None,
        description="The hosts that fetch_url may reach (*.example.org: all below); none named: public ones.",
    )
    mcp: dict[str, McpSettings] = Field(default_factory=dict, description="MCP servers whose tools are used, by name.")
    keep_checkpoints: int | None = Field(
        default=None, ge=1, description="How many of a thread's checkpoints `threads prune` leaves."
    )
    retention_days: float | None = Field(
        default=None, gt=0, description="How old a checkpoint must be for `threads prune` to remove it."
    )
    budgets: BudgetSettings = Field(default_factory=BudgetSettings, description="What may be spent, and where.")
    policy: PolicySettings = Field(default_factory=PolicySettings, description="Which tool calls are asked or denied.")
    guardrails: tuple[GuardrailSettings, ...] = Field(
        default=(), description="What may not pass at input, tool calls, their results and the final answer."
    )
    prices: dict[str, Price] = Field(
        default_factory=dict, description="What models cost per 1 million tokens, by name pattern."
    )
    unknown_price: Literal["allow", "refuse"] = Field(
        default="allow",
        description="Where money has a limit: whether models without a price may be called, counted as free of charge.",
    )

    _servers_are_whole = field_validator("mcp")(checked_servers)

    @property
    def state(self) -> Path:
        """The state folder as an absolute path."""
        return (self.project_dir / self.state_dir.expanduser()).resolve()

    @property
    def database(self) -> Path:
        """The one database file."""
        return self.state / "graphwright.db"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was typed wins over the environment, which wins over the file."""
        project = Path(init_settings().get("project_dir", Path.cwd()))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, project / CONFIG_FILE)


def load_settings(**typed: object) -> Settings:
    """The settings in force; ``typed`` are those given on the command line (None counts as not given).

    Raises:
        SettingsError: naming every wrong setting, or the place where ``graphwright.toml`` is not TOML.
    """
    given = {name: value for name, value in typed.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SettingsError(f"Wrong settings ({CONFIG_FILE}, GRAPHWRIGHT_*, options): {problems}.") from error
    except ValueError as error:
        raise SettingsError(f"{CONFIG_FILE} cannot be read: {error}.") from error
