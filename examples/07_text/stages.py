"""Text search by TF-IDF. Counting words is pure Python and holds the GIL, so a node runs it in several processes."""

import re
import zlib

import numpy as np

COLUMNS = 4096


def count_words(texts):
    """How often each word occurs in each text; words are hashed to columns. float32[n,4096]"""
    counts = np.zeros((len(texts), COLUMNS), np.float32)
    for row, text in zip(counts, texts.tolist(), strict=True):
        for word in re.findall(r"[a-z_]{2,}", text.lower()):
            row[zlib.crc32(word.encode()) % COLUMNS] += 1
    return counts


def texts_with_word(counts):
    """In how many of these texts each word occurs; to be summed by reduce. float64[4096]"""
    return (counts > 0).sum(axis=0).astype(np.float64)


def weigh(counts, document_counts, documents):
    """Rare words weigh more; every text gets length 1. float32[n,4096]"""
    weights = np.log1p(counts) * np.log((1 + documents) / (1 + document_counts))
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    return (weights / np.maximum(lengths, 1e-12)).astype(np.float32)
