"""The language analyzers that Elasticsearch has built in.  Pure; the lowest layer.

A language that is not here is analysed by ``standard``: cut into words and put into lower case,
without stems and stop words.
"""

from __future__ import annotations

import difflib

from esrag.errors import UsageError

NO_LANGUAGE = "standard"

# analyzer: language code, by which people ask for it as well
ANALYZERS = {
    "arabic": "ar",
    "armenian": "hy",
    "basque": "eu",
    "bengali": "bn",
    "brazilian": "pt-br",
    "bulgarian": "bg",
    "catalan": "ca",
    "cjk": "zh ja ko",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "estonian": "et",
    "finnish": "fi",
    "french": "fr",
    "galician": "gl",
    "german": "de",
    "greek": "el",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "irish": "ga",
    "italian": "it",
    "latvian": "lv",
    "lithuanian": "lt",
    "norwegian": "no nb nn",
    "persian": "fa",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "sorani": "ckb",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
}
_OTHER_NAMES = {"chinese": "cjk", "japanese": "cjk", "korean": "cjk", "farsi": "persian"}


def require_analyzer(language: str) -> str:
    """``language`` when an analyzer of Elasticsearch bears this name; raises UsageError else."""
    if language in ANALYZERS or language == NO_LANGUAGE:
        return language
    likely = _meant(language.lower())
    if likely:
        raise UsageError(
            f"there is no language analyzer {language!r} in Elasticsearch", hint=f"Write {likely}."
        )
    raise UsageError(
        f"there is no language analyzer {language!r} in Elasticsearch",
        hint=f"There are {', '.join(ANALYZERS)}, and {NO_LANGUAGE} for all other languages.",
    )


def _meant(language: str) -> str:
    """The analyzer that a code, another name or a slip of the pen most likely asks for."""
    for analyzer, codes in ANALYZERS.items():
        if language in codes.split():
            return analyzer
    close = difflib.get_close_matches(language, [*ANALYZERS, *_OTHER_NAMES], n=1, cutoff=0.75)
    return _OTHER_NAMES.get(close[0], close[0]) if close else ""
