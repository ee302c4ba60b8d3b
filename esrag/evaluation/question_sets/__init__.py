"""Sets of questions to compare systems by: built from the index, brought along, reviewed, checked.

    index ─ candidates, near misses ─► chosen ─► DATA_DIR/questions/NAME/questions.jsonl, card.json
    BEIR folder, CSV, TSV, list ─ importing ─┘          │        ▲
                                              page, TSV ▼        │ review
                                                     a person ───┘
    set + index ─ checking ─► findings

The file is the one that ``esrag.questions`` reads; who asks the questions knows nothing of how
they came about.
"""
