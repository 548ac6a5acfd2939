"""Writes checker/src/number/elementary/tables.rs: constants of the elementary functions.

Every constant is the floor of a real number times a power of two, so it is off by less than one unit.
The tests in elementary/tables.rs recompute all of them in exact integer arithmetic.
Needs mpmath; run from the repository root.
"""

from mpmath import mp, mpf, floor, log, pi, sqrt, atan, exp, erfc, ceil

mp.prec = 400


def mantissa(value):
    """`(mid, exp)` with value = mid * 2^exp, mid in [2^62, 2^63), rounded down."""
    exponent = int(floor(log(value, 2))) - 62
    mid = int(floor(value * mpf(2) ** -exponent))
    assert 1 << 62 <= mid < 1 << 63
    return mid, exponent


def ball(value):
    mid, exponent = mantissa(value)
    return f"Ball {{ mid: {mid:#x}, err: 1, exp: {exponent} }}"


lines = [
    "//! Constants of the elementary functions, each rounded down and off by less than one unit.",
    "//!",
    "//! Written by `scripts/elementary_tables.py`; the tests recompute every entry.",
    "",
    "use crate::number::ball::Ball;",
    "",
    "/// `ln 2` in units of `2^-112`.",
    f"pub(super) const LN_2_FIXED: i128 = {int(floor(log(2) * mpf(2) ** 112)):#x};",
    "/// `pi / 2` in units of `2^-192`, least significant limb first.",
]
half_pi = int(floor(pi / 2 * mpf(2) ** 192))
limbs = ", ".join(f"{(half_pi >> (64 * k)) & (2**64 - 1):#x}" for k in range(4))
lines += [
    f"pub(super) const HALF_PI_LIMBS: [u64; 4] = [{limbs}];",
    "/// `2 / pi` in units of `2^-64`.",
    f"pub(super) const TWO_OVER_PI_64: u64 = {int(floor(2 / pi * mpf(2) ** 64)):#x};",
    "/// `ln 2`.",
    f"pub(super) const LN_2: Ball = {ball(log(2))};",
    "/// `pi / 2`.",
    f"pub(super) const HALF_PI: Ball = {ball(pi / 2)};",
    "/// `2 / sqrt(pi)`.",
    f"pub(super) const TWO_OVER_SQRT_PI: Ball = {ball(2 / sqrt(pi))};",
    "/// `1 / sqrt(2)`.",
    f"pub(super) const SQRT_HALF: Ball = {ball(1 / sqrt(mpf(2)))};",
    "/// `sqrt(2 / pi)`.",
    f"pub(super) const SQRT_TWO_OVER_PI: Ball = {ball(sqrt(2 / pi))};",
    "",
    "/// `atan(i / 16)` for `i` from 1 to 16, as mantissa and exponent.",
    "pub(super) const ATAN: [(i64, i32); 16] = [",
]
for i in range(1, 17):
    mid, exponent = mantissa(atan(mpf(i) / 16))
    lines.append(f"    ({mid:#x}, {exponent}),")
lines += [
    "];",
    "",
    "/// For `c = i / 8`, `i` from 4 to 48: `2 / sqrt(pi) * exp(-c^2)`, the negated slope of erfc at `c`, and",
    "/// the quotient of `erfc(c)` and that; each as mantissa and exponent.",
    "pub(super) const ERFC: [[(i64, i32); 2]; 45] = [",
]
for i in range(4, 49):
    c = mpf(i) / 8
    slope = 2 / sqrt(pi) * exp(-c * c)
    a, b = mantissa(slope), mantissa(erfc(c) / slope)
    lines.append(f"    [({a[0]:#x}, {a[1]}), ({b[0]:#x}, {b[1]})],")
lines += ["];", ""]

path = "checker/src/number/elementary/tables.rs"
with open(path, encoding="utf-8") as file:
    old = file.read()
tests = old[old.index("#[cfg(test)]"):] if "#[cfg(test)]" in old else ""
with open(path, "w", encoding="utf-8") as file:
    file.write("\n".join(lines) + ("\n" + tests if tests else ""))
