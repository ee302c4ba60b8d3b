"""Texts that runtimes are measured with: a bundle's reference texts and others of many lengths.

Prose, tables, code and several scripts, made of few sentences by a seeded choice: the same on
every machine, so that figures can be compared.
"""

from __future__ import annotations

import random

from esrag.bundle import ModelBundle

_SENTENCES = (
    "The backup of Monday was restored within forty minutes, and nothing was missing.",
    "Patients who received the higher dose reported fewer symptoms after twelve weeks.",
    "Set the heap to half of the memory, but never above thirty-one gigabytes.",
    "She asked whether the invoice of 14 March had been paid twice.",
    "Error 4031 means that the queue was full when the request arrived.",
    "In mice, loss of the receptor reduced the growth of tumours by 38% (p < 0.01).",
    "The contract ends on 31 December unless one side renews it in writing.",
    "def retry(call, tries=3): return next(filter(None, (call() for _ in range(tries))), None)",
    "| region | 2024 | 2025 |\n| north | 1,204 | 1,377 |\n| south | 988 | 1,015 |",
    "Wer das Gerät öffnet, verliert die Garantie; das gilt auch für den Akku.",
    "Les résultats du troisième trimestre dépassent légèrement les prévisions.",
    "La puerta del almacén se cierra automáticamente a las ocho y media.",
    "Температура воды не должна превышать сорока градусов.",
    "この装置は直射日光の当たらない場所に保管してください。",
    "Why does indexing slow down when replicas are added?",
    "Yes.",
    "Ships of this class carry 24 containers of 40 feet and a crew of eleven.",
    "https://example.org/guides/setup?lang=en#step-3 describes the same in pictures.",
)
COUNT = 40
PROBE, CALIBRATION = 20260301, 20260302  # seeds: measured with other texts than rounded by
_LENGTHS = (1, 1, 2, 3, 5, 8, 12, 20)  # sentences; the longest are cut off by most models


def probe_texts(bundle: ModelBundle, *, seed: int = PROBE) -> list[str]:
    """The texts, those of the bundle first."""
    chance = random.Random(seed)  # noqa: S311 - the same texts everywhere are the point
    made = [
        " ".join(chance.choices(_SENTENCES, k=_LENGTHS[number % len(_LENGTHS)]))
        for number in range(COUNT)
    ]
    return [*(reference.text for reference in bundle.references), *made]
