#!/usr/bin/env python3
"""Writes src/text/tables/html_entities.txt from Python's html.entities. Run from the repository root."""
import html.entities

with open("src/text/tables/html_entities.txt", "w") as out:
    for name, text in sorted(html.entities.html5.items()):
        out.write(f"{name} {' '.join(f'{ord(c):x}' for c in text)}\n")
