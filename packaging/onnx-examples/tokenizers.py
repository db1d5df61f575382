"""Stands in for Hugging Face's package: the numbers that prompts.js has written for the prompts of one run."""

import json
import types


class Tokenizer:
    @staticmethod
    def from_file(path):
        json.load(open(path, encoding="utf-8"))
        return Tokenizer()

    def __init__(self):
        self.ids = json.load(open("prompts.json", encoding="utf-8"))

    def encode(self, text):
        return types.SimpleNamespace(ids=self.ids[text])
