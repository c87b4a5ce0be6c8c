"""Words of a text: counted, sorted, as JSON and back, with objects that refer to each other."""

import collections
import json
import re


class Word:
    def __init__(self, text, count):
        self.text, self.count, self.near = text, count, []


def main():
    text = " ".join(f"word{i * 7919 % 4001} and {'x' * (i % 23)} the {i % 97}" for i in range(20_000))
    counts = collections.Counter(re.findall(r"\w+", text))
    words = [Word(text, count) for text, count in sorted(counts.items(), key=lambda item: -item[1])]
    for one, other in zip(words, words[1:]):
        one.near.append(other)
        other.near.append(one)
    for turn in range(6):
        back = json.loads(json.dumps({word.text: [word.count, turn, {"near": len(word.near)}] for word in words}))
        assert len(back) == len(words)
    by_length = collections.defaultdict(list)
    for word in words:
        by_length[len(word.text)].append(word.text.upper())
    print({length: len(found) for length, found in by_length.items()})


main()
