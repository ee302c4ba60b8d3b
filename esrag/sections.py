"""The sections of the settings: one frozen object each, with a sentence a field.

``settings.py`` finds their values and reads the environment; here stands what there is to set and
what is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from esrag.calling.addresses import service_address
from esrag.errors import UsageError
from esrag.languages import require_analyzer

_SET_NAME = re.compile(r"[a-z0-9]+(-[a-z1-9][a-z0-9]*)*")


def _service_url(url: str) -> str:
    """The address, if it can be read in one way only and leads to a place for a service."""
    if url:
        service_address(url)
    return url


ServiceUrl = Annotated[str, AfterValidator(_service_url)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ElasticsearchSettings(_Section):
    """How to reach the cluster."""

    url: ServiceUrl = Field("http://127.0.0.1:9200", description="Address of the cluster.")
    api_key: SecretStr | None = Field(None, description="Encoded API key; preferred over a login.")
    api_key_file: Path | None = Field(
        None, description="File that holds the encoded API key, as esrag keys writes it."
    )
    api_key_keyring: str | None = Field(
        None, description="Entry of the keyring that holds the encoded API key."
    )
    username: str | None = Field(None, description="User name, when there is no API key.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    ca_certs: Path | None = Field(
        None, description="PEM file of the authority that signed the cluster's certificate."
    )
    request_timeout: float = Field(30.0, gt=0, description="Seconds to wait for one answer.")

    @model_validator(mode="after")
    def _login_is_whole(self) -> ElasticsearchSettings:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        keys = (self.api_key, self.api_key_file, self.api_key_keyring)
        if sum(key is not None for key in keys) > 1:
            raise ValueError("of api_key, api_key_file and api_key_keyring give one")
        return self


class GeneratorSettings(_Section):
    """How to reach the endpoint that writes answers: TGI, or what speaks its messages API."""

    url: ServiceUrl = Field(
        "http://127.0.0.1:8080", description="Address of the endpoint, without /v1."
    )
    api_key: SecretStr | None = Field(
        None, description="Bearer token, when the endpoint wants one."
    )
    model: str = Field(
        "tgi", description="Model or LoRA adapter to ask for; 'tgi' is the base model."
    )
    ca_certs: Path | None = Field(
        None, description="PEM file of the authority that signed the endpoint's certificate."
    )
    max_new_tokens: int = Field(160, gt=0, description="Longest answer, in tokens.")
    context_tokens: int = Field(
        0, ge=0, description="Tokens that prompt and answer may have; 0 asks the endpoint."
    )
    passages: int = Field(5, ge=1, le=50, description="Passages the prompt may hold.")
    protocol: Literal["messages", "tgi", "elasticsearch"] = Field(
        "messages",
        description="messages: /v1/chat/completions; tgi: /generate_stream; elasticsearch: the "
        "cluster's own chat_completion endpoint.",
    )
    inference_id: str = Field(
        "",
        description="Inference endpoint to ask with protocol elasticsearch; empty: the set's own.",
    )
    connect_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a connection.")
    first_token_timeout: float = Field(
        60.0, gt=0, description="Seconds to wait for the first token."
    )
    token_timeout: float = Field(30.0, gt=0, description="Seconds to wait for each further token.")
    total_timeout: float = Field(
        180.0, gt=0, description="Seconds that one answer may take in all, retries included."
    )


class ModelSettings(_Section):
    """Which embedding model the cluster runs."""

    id: str = Field(
        "sentence-transformers__all-minilm-l6-v2", description="Trained model id in the cluster."
    )
    source: str = Field(
        "packaged",
        description="Where it is built from: 'packaged' (all-MiniLM-L6-v2), a folder, or a hub id.",
    )
    allocations: int = Field(1, ge=1, description="Copies of the deployment.")
    threads: int = Field(2, ge=1, le=32, description="Threads per allocation; a power of two.")
    queue_capacity: int = Field(
        1024, ge=1, lt=100_000, description="Requests the deployment lets wait."
    )
    adaptive_max: int = Field(
        0,
        ge=0,
        description="Lets the cluster choose by load between allocations and so many; 0 does not.",
    )
    search_allocations: int = Field(
        0,
        ge=0,
        description="Copies of a second deployment that embeds questions only; 0 makes none.",
    )
    search_threads: int = Field(
        1, ge=1, le=32, description="Threads per allocation of that one; a power of two."
    )
    sparse_id: str = Field(
        "",
        max_length=64,
        description="Trained model of type text_expansion in the cluster, for the search template "
        "sparse; empty: none.",
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> ModelSettings:
        for threads in (self.threads, self.search_threads):
            if threads & (threads - 1):
                raise ValueError(f"threads must be a power of two, not {threads}")
        if 0 < self.adaptive_max < self.allocations:
            raise ValueError("adaptive_max must be 0, or at least allocations")
        return self


class IndexSettings(_Section):
    """What the document set is called, and how text is analysed and vectors are stored."""

    set: str = Field(
        "default",
        max_length=41,
        description="Name of the document set, part of every object's name: small letters and "
        "digits, in parts joined by -; no part after the first begins with 0.",
    )
    language: str = Field(
        "english",
        description="Language analyzer of the text fields: a built-in one of Elasticsearch, "
        "'standard' where it has none.",
    )
    vectors: Literal["float", "int8", "bbq"] = Field(
        "int8",
        description="How vectors are held: as they are, a byte or a bit for each dimension.",
    )

    @field_validator("set")
    @classmethod
    def _names_one_set(cls, name: str) -> str:
        # "hr-0x" would lie within the generations of the set "hr": esrag-docs-hr-0*
        if not _SET_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a document set: small letters and digits, in parts joined "
                "by -; no part after the first begins with 0"
            )
        return name

    @field_validator("language")
    @classmethod
    def _has_analyzer(cls, language: str) -> str:
        try:
            return require_analyzer(language)
        except UsageError as error:
            raise ValueError(f"{error.message}. {error.hint}") from error


class EndpointSettings(_Section):
    """Inference endpoints, through which Kibana and other programs reach model and generator."""

    generator_url: ServiceUrl = Field(
        "",
        description="Address at which the CLUSTER reaches the generator; empty: no endpoint to it.",
    )
    api_key: SecretStr | None = Field(
        None, description="Bearer token of the generator, kept by the cluster."
    )
    model: str = Field("tgi", description="Model to ask for; 'tgi' is the base model of TGI.")
    adapters: tuple[str, ...] = Field(
        (), description="LoRA adapters of the generator that get endpoints of their own."
    )
    tasks: tuple[Literal["chat_completion", "completion"], ...] = Field(
        ("chat_completion", "completion"),
        description="Kinds of endpoints to the generator. The cluster tries a completion when it "
        "makes one, which takes long without a GPU.",
    )
    rerank_model: str = Field(
        "", description="Trained model of type text_similarity in the cluster; empty: no reranking."
    )


class ChunkSettings(_Section):
    """How documents are cut."""

    max_tokens: int = Field(
        160, ge=32, description="Longest chunk, in tokens of the embedding model, context included."
    )
    overlap_tokens: int = Field(
        30, ge=0, description="Tokens repeated where a long block had to be cut."
    )
    strategy: Literal["structure", "recursive", "sentence", "fixed"] = Field(
        "structure", description="What decides where a document is cut."
    )


class IngestSettings(_Section):
    """What ingest reads, and how."""

    processes: int = Field(
        0, ge=0, le=64, description="Processes that read and cut; 0 takes one a core, at most 4."
    )
    max_file_mib: int = Field(100, ge=1, le=2048, description="Largest file that is read, in MiB.")
    include: tuple[str, ...] = Field(
        (), description="Patterns of paths to take in folders, as in .gitignore; empty: all."
    )
    exclude: tuple[str, ...] = Field((), description="Patterns of paths to leave out in folders.")
    fields: dict[str, str] = Field(
        {},
        description="Where JSON records have what: text, title, id, url, published, author, acl as "
        "keys, dotted paths as values.",
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Origins from which pages may be fetched, such as https://docs.example.org."
    )
    retry_tries: int = Field(
        8,
        ge=1,
        le=100,
        description="How often a request is sent while the cluster does not take it; eight tries "
        "last between 90 and 120 seconds.",
    )
    retry_seconds: float = Field(
        600.0, ge=0, description="How long the cluster may take nothing before ingest ends."
    )
    allowed_networks: tuple[str, ...] = Field(
        (), description="Private networks in which these origins may lie, such as 10.1.0.0/16."
    )
    max_pages: int = Field(10_000, ge=1, description="Most pages of one sitemap or list of URLs.")
    requests_per_second: float = Field(
        5.0, gt=0, le=1000, description="Pages asked of one web origin in a second, at most."
    )
    from_url: ServiceUrl = Field(
        "", description="Cluster whose indices --from-index names; empty: the one written to."
    )
    from_api_key: SecretStr | None = Field(None, description="Its API key, encoded.")
    from_username: str | None = Field(None, description="User name there, without an API key.")
    from_password: SecretStr | None = Field(None, description="Password of that user.")
    from_ca_certs: Path | None = Field(
        None, description="PEM file of the authority that signed that cluster's certificate."
    )
    dlq_with_content: bool = Field(
        False, description="Dead letters keep the text of what was rejected."
    )


class EmbeddingSettings(_Section):
    """How this machine embeds, where the cluster does not."""

    runtime: Literal[
        "auto",
        "torch",
        "torch-bf16",
        "openvino",
        "openvino-bf16",
        "openvino-int8",
        "onnxruntime",
        "onnxruntime-int8",
    ] = Field("auto", description="What runs the model; auto measures what is installed.")
    min_cosine: float = Field(
        0.9999,
        gt=0,
        le=1,
        description="Least cosine with the vectors of the model in full precision.",
    )
    processes: int = Field(
        0, ge=0, le=64, description="Processes that embed; 0 takes one for four cores, at most 8."
    )
    threads: int = Field(
        0, ge=0, le=256, description="Threads of each of them; 0 takes four, or what there is."
    )


class RetrievalSettings(_Section):
    """What a question fetches."""

    template: Literal["hybrid", "linear", "lexical", "semantic", "sparse"] = Field(
        "hybrid", description="Search template to call; sparse needs model.sparse_id."
    )
    size: int = Field(5, ge=1, le=50, description="Hits that search shows.")
    per_source: int = Field(
        0, ge=0, le=50, description="Most hits of one document; 0 takes any number."
    )
    near_duplicates: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Share of common word sequences from which a passage repeats another one and "
        "is left out; 1 leaves out none but equal ones.",
    )
    neighbours: int = Field(
        0, ge=0, le=5, description="Chunks before and after a passage that are read with it."
    )
    rerank_endpoint: str = Field(
        "", description="Rerank inference endpoint of the cluster; empty: no reranking there."
    )
    rerank_url: ServiceUrl = Field(
        "", description="Address of a server with TEI's /rerank; empty: no reranking there."
    )
    rerank_window: int = Field(30, ge=1, le=100, description="Hits that are reranked.")


class AnswerSettings(_Section):
    """How an answer comes about: generate, verify, else quote, else refuse."""

    generate: bool = Field(True, description="Ask the generator for an answer.")
    verify: Literal["remove", "mark", "off"] = Field(
        "remove",
        description="What becomes of generated sentences that no passage supports: they are not "
        "shown, shown as unsupported, or nothing is checked.",
    )
    quote: bool = Field(True, description="Quote passages when nothing generated can be shown.")
    refuse: bool = Field(
        True, description="Refuse when the passages do not seem to answer the question."
    )
    speculate: bool = Field(
        True,
        description="Let the generator begin while the passages are still judged, when their "
        "words fit; what it writes to a question that is then refused is thrown away.",
    )
    rewrite: Literal["auto", "generator", "words", "off"] = Field(
        "auto",
        description="How a follow-up becomes a question of its own: by the generator, by words of "
        "the turns before, by what there is, or not at all.",
    )
    nli_model: str = Field(
        "",
        description="Trained model of the cluster that judges whether a passage entails a "
        "sentence; empty: none.",
    )
    judge_url: ServiceUrl = Field(
        "", description="Address of a messages API that judges support; empty: none."
    )
    judge_model: str = Field("", description="Model to ask for there.")
    log: bool = Field(
        False, description="Keep each answer, with its prompt and passages, in esrag-answers-<set>."
    )


class ServeSettings(_Section):
    """The HTTP API and the web page."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8600, ge=0, le=65535, description="Port; 0 takes a free one.")
    auth: Literal["shared-key", "pass-through"] = Field(
        "shared-key",
        description="shared-key: everybody sees what esrag's own key sees; pass-through: each "
        "caller's own Elasticsearch credentials are used.",
    )
    token: SecretStr | None = Field(
        None, description="Bearer token that callers need; required beyond loopback."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Names under which the server may be called, besides loopback."
    )
    allowed_origins: tuple[ServiceUrl, ...] = Field(
        (), description="Origins of other web pages that may call the API."
    )
    concurrent: int = Field(64, ge=1, le=1024, description="Answers at the same time.")
    queue: int = Field(128, ge=0, le=4096, description="Requests that may wait for their turn.")
    requests_per_minute: int = Field(
        120, ge=0, description="Requests of one caller in a minute; 0 does not limit."
    )
    max_body_kib: int = Field(1024, ge=1, description="Largest request body, in KiB.")
    deadline: float = Field(240.0, gt=0, description="Seconds that one request may take.")
    drain: float = Field(30.0, ge=0, description="Seconds that running answers get at the end.")
    feedback: bool = Field(
        False, description="Let readers rate answers; kept in esrag-answers-<set>."
    )


class ObserveSettings(_Section):
    """Traces and costs."""

    otlp_endpoint: ServiceUrl = Field(
        "", description="OTLP/HTTP address to which spans are sent; empty: none are."
    )
    otlp_authorization: SecretStr | None = Field(
        None, description="Value of the Authorization header for that address, if it wants one."
    )
    content: bool = Field(
        False, description="Whether spans hold questions, prompts and answers, not only figures."
    )
    prompt_token_cost: float = Field(
        0.0, ge=0, description="Cost of a million prompt tokens, in a currency of your choice."
    )
    generated_token_cost: float = Field(
        0.0, ge=0, description="Cost of a million generated tokens."
    )


class DatasetSettings(_Section):
    """Data sets for training, made from the index; a teacher is any server with a messages API."""

    teacher_url: ServiceUrl = Field(
        "", description="Server whose model writes questions and answers; empty: none does."
    )
    teacher_model: str = Field("tgi", description="Model to ask for there.")
    teacher_api_key: SecretStr | None = Field(None, description="Key of that server.")
    teacher_ca_certs: Path | None = Field(
        None, description="CA certificate, where that server has one of its own."
    )
    teacher_concurrent: int = Field(4, ge=1, le=64, description="Requests to it at the same time.")
    acl: tuple[str, ...] = Field(
        (),
        description="Names whose documents may be used; documents that name nobody always may.",
    )


class TrainingSettings(_Section):
    """Fine-tuning and pre-training on this machine."""

    base_model: str = Field(
        "packaged",
        description="Base model: 'packaged' (SmolLM2-135M-Instruct), a folder, or a hub id.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="What trains.")
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0 chooses.")
    seed: int = Field(7, ge=0, description="Seed of data sets and training runs.")
    gpu_hour_price: float = Field(
        0.0, ge=0, description="Price of a GPU hour, in a currency of your choice; for estimates."
    )


class LocalSettings(_Section):
    """The local stack; 0 as a port takes a free one."""

    elasticsearch_port: int = Field(0, ge=0, le=65535, description="HTTP port of Elasticsearch.")
    mlnode_port: int = Field(0, ge=0, le=65535, description="Port of the ML node process.")
    tgi_port: int = Field(0, ge=0, le=65535, description="Port of the TGI-compatible server.")
    heap: str = Field(
        "768m", pattern=r"^[0-9]+[mg]$", description="Heap of Elasticsearch (-Xms and -Xmx)."
    )
    tls: bool = Field(False, description="Serve HTTPS with a certificate made for this stack.")
    tgi_model: str = Field(
        "packaged",
        description="Base model: 'packaged' (SmolLM2-135M-Instruct), a folder, or a hub id.",
    )
    adapters: tuple[str, ...] = Field(
        ("*",),
        description="Registered adapters that the TGI-compatible server serves after `local up`; "
        "`*` is all of them.",
    )
