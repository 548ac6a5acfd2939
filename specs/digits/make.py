"""Write the robustness queries of this folder from held-out images of the digits data.

Usage: python make.py

The images and radii below were chosen so that each answer is clear: a single backward bound proves
the ones that hold, and gradient steps find a counterexample to the others at once.
"""

import pathlib
import sys
from fractions import Fraction

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "digits"))

import train  # noqa: E402

# Place among the held-out images, radius, expected verdict.
QUERIES = [
    (0, "0.02", "holds"),
    (1, "0.03", "holds"),
    (10, "0.05", "holds"),
    (11, "0.05", "holds"),
    (24, "0.1", "violated"),
    (32, "0.06", "violated"),
]
SHADES = " .:-=+*#%@"


def decimal(value):
    """The exact decimal of a fraction whose denominator divides a power of ten."""
    digits = value * 10**6
    assert digits.denominator == 1
    text = f"{digits.numerator // 10**6}.{digits.numerator % 10**6:06d}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def text(place, radius, expected):
    images, labels, order = train.data()
    image, label = images[train.TRAINED_ON + place], labels[train.TRAINED_ON + place]
    index = order[train.TRAINED_ON + place]
    grey = [int(v * 16) for v in image]
    lines = [
        f"; Robustness of digits.onnx around a held-out image of the digit {label}.",
        f"; Property: if every grey value differs by at most {radius} from the image's and stays in",
        f"; 0 .. 1, the classifier says {label}: Y_{label} is larger than every other output.",
        ";",
        f"; Image {index} (from 0) of sklearn.datasets.load_digits; model input = grey value / 16, row by row.",
        f"; Bounds are max(0, grey/16 - {radius}) and min(1, grey/16 + {radius}), exact decimals.",
        f"; Outputs Y_0 .. Y_9 are the scores of the digits; the largest wins. Expected: {expected}.",
        ";",
    ]
    for row in range(8):
        lines.append(f";   |{''.join(SHADES[v * 9 // 16] * 2 for v in grey[8 * row : 8 * row + 8])}|")
    lines.append("")
    lines += [f"(declare-const X_{i} Real)" for i in range(64)] + [""]
    lines += [f"(declare-const Y_{j} Real)" for j in range(10)] + [""]
    for i, v in enumerate(grey):
        low = max(Fraction(0), Fraction(v, 16) - Fraction(radius))
        high = min(Fraction(1), Fraction(v, 16) + Fraction(radius))
        lines += [f"(assert (>= X_{i} {decimal(low)}))", f"(assert (<= X_{i} {decimal(high)}))"]
    lines += ["", f"; Unwanted: another digit scores at least as much as {label}.", "(assert (or"]
    lines += [f"    (and (>= Y_{j} Y_{label}))" for j in range(10) if j != label] + ["))"]
    return f"image{index}_is_{label}_eps{radius}.vnnlib", "\n".join(lines) + "\n"


if __name__ == "__main__":
    for query in QUERIES:
        name, content = text(*query)
        (HERE / name).write_text(content)
        print(name, query[2])
