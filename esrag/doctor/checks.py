"""The list of all checks, in the order in which they are run: causes before their effects."""

from __future__ import annotations

from esrag.doctor import (
    cluster,
    connection,
    credentials,
    documents,
    endpoints,
    generator,
    licence,
    machine,
    model,
    notes,
    objects,
)
from esrag.doctor.examination import Check

_IN = ("address", "login")

CHECKS: tuple[Check, ...] = (
    Check("address", "connection", connection.address),
    Check("login", "credentials", credentials.login, needs=("address",)),
    Check("key expiry", "credentials", credentials.expiry, needs=_IN),
    Check("privileges", "credentials", credentials.privileges, needs=_IN),
    Check("licence", "licence", licence.licence, needs=_IN),
    Check("tier", "licence", licence.tier, needs=_IN),
    Check("index health", "cluster", cluster.health, needs=_IN),
    Check("blocks", "cluster", cluster.blocks, needs=_IN),
    Check("disk", "cluster", cluster.disk, needs=_IN),
    Check("room for models", "cluster", cluster.room_for_models, needs=_IN),
    Check("clock", "cluster", cluster.clock, needs=_IN),
    Check("trained model", "model", model.trained_model, needs=_IN),
    Check("deployments", "model", model.deployments, needs=_IN),
    Check("vectors", "model", model.vectors, needs=(*_IN, "trained model", "deployments")),
    Check("room for the model", "model", model.room, needs=_IN),
    Check("model on this machine", "model", model.local_model, needs=_IN),
    Check("objects", "objects", objects.bodies, needs=_IN),
    Check("index and alias", "objects", objects.index, needs=_IN),
    Check("fields", "objects", objects.mapping, needs=_IN),
    Check("search templates", "objects", objects.search_templates, needs=_IN),
    Check("ingest pipeline", "objects", objects.pipeline, needs=(*_IN, "vectors")),
    Check("old generations", "objects", objects.old_generations, needs=_IN),
    Check("lock", "objects", notes.lock, needs=_IN),
    Check("re-embedding", "objects", notes.reembedding, needs=_IN),
    Check("chunks", "documents", documents.chunks, needs=_IN),
    Check("dead letters", "documents", documents.dead_letters, needs=_IN),
    Check(
        "a question",
        "documents",
        documents.search,
        needs=(*_IN, "vectors", "index and alias", "search templates"),
    ),
    Check("endpoints", "endpoints", endpoints.calls, needs=_IN),
    Check("generator", "generator", generator.answers),
    Check("token budget", "generator", generator.budget, needs=("generator",)),
    Check("settings", "machine", machine.settings),
    Check("data folder", "machine", machine.data_folder),
    Check("bundle", "machine", machine.bundle),
    Check("packages", "machine", machine.packages),
    Check("calibration", "machine", machine.calibration),
    Check("files with secrets", "machine", machine.secrets),
)
