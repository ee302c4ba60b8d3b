"""The list of all checks, in the order in which they are run: causes before their effects."""

from __future__ import annotations

from esrag.doctor import cluster, connection, credentials, generator, licence, machine
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
    Check("generator", "generator", generator.answers),
    Check("token budget", "generator", generator.budget, needs=("generator",)),
    Check("settings", "machine", machine.settings),
    Check("data folder", "machine", machine.data_folder),
    Check("bundle", "machine", machine.bundle),
    Check("packages", "machine", machine.packages),
    Check("calibration", "machine", machine.calibration),
    Check("files with secrets", "machine", machine.secrets),
)
