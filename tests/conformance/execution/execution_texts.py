"""The texts of the check: six scripts, and lengths from one token to five thousand."""

from __future__ import annotations

import random

SCRIPTS = {
    "latin": "The backup failed because the disk was full; naïve retries made it worse.",
    "cyrillic": "Резервное копирование не удалось, потому что диск был заполнен.",
    "greek": "Το αντίγραφο ασφαλείας απέτυχε επειδή ο δίσκος ήταν γεμάτος.",
    "arabic": "فشل النسخ الاحتياطي لأن القرص كان ممتلئًا.",
    "han": "备份失败,因为磁盘已满。請先閱讀操作手冊。",
    "devanagari": "बैकअप विफल हो गया क्योंकि डिस्क भर गई थी।",
}
MIXED = {
    "one word": "backup",
    "marks": "don't e-mail ops@example.com - costs $5.30 (50%)! #42",
    "emoji and controls": "disk 🙂 full\t\u200b now\u00a0or\u2028never 👩‍🚒",
    "decomposed": "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",
    "one unknown run": "x" * 300,
}
# Around the window of 256 and of 512 tokens, and far beyond.
WORDS = (1, 2, 10, 50, 120, 200, 252, 253, 254, 255, 256, 300, 509, 510, 511, 600, 1500, 5000)
VOCABULARY = "the release repairs a backup that failed when disks were full in may".split()


def texts() -> dict[str, str]:
    """All of them by name; those of so many words have as many tokens and the two special ones."""
    seeded = random.Random(17)
    long = {f"{count} words": " ".join(seeded.choices(VOCABULARY, k=count)) for count in WORDS}
    return {**SCRIPTS, **MIXED, **long}
