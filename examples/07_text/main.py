"""Search real text: the 79 help topics that come with Python, indexed over two nodes of two processes each."""

import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from pyrpc import Client

STAGES = Path(__file__).with_name("stages.py")
QUESTIONS = [
    "how do I leave the innermost loop early",
    "which names are bound when a module is imported",
    "catch an exception and run a clean up handler",
    "generator expression that gives a value and suspends execution",
]


def start_node():
    command = [sys.executable, "-m", "pyrpc", "serve", str(STAGES), "--port", "0", "--workers", "2"]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return node, node.stdout.readline().split()[-1]


# Text of any length travels as NumPy's StringDType; no row is padded to the longest.
names = sorted(topics)
texts = np.array([topics[name] for name in names], dtype=np.dtypes.StringDType())

nodes = [start_node() for _ in range(2)]
try:
    # Four chunks in flight on each node, as each has two processes.
    with Client([endpoint for _, endpoint in nodes], window=4) as client:
        counts = client.map("stages.count_words", texts, chunk_rows=2)
        occurrences = client.reduce("stages.texts_with_word", counts, op="sum")
        index = client.map("stages.weigh", counts, document_counts=occurrences, documents=len(texts))
        print("indexed:", len(texts) > 70, index.dtype, index.shape[1])

        asked = client.call("stages.count_words", np.array(QUESTIONS, dtype=np.dtypes.StringDType()))
        asked = client.call("stages.weigh", asked, document_counts=occurrences, documents=len(texts))
        for question, scores in zip(QUESTIONS, asked @ index.T, strict=True):
            print(f"{question}? see {names[scores.argmax()]!r}")
finally:
    for node, _ in nodes:
        node.terminate()
        node.wait()
        node.stdout.close()
