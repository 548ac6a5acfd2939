//! Constants of the elementary functions, each rounded down and off by less than one unit.
//!
//! Written by `scripts/elementary_tables.py`; the tests recompute every entry.

use crate::number::ball::Ball;

/// `ln 2` in units of `2^-112`.
pub(super) const LN_2_FIXED: i128 = 0xb17217f7d1cf79abc9e3b39803f2;
/// `pi / 2` in units of `2^-192`, least significant limb first.
pub(super) const HALF_PI_LIMBS: [u64; 4] =
    [0x52049c1114cf98e8, 0x898cc51701b839a2, 0x921fb54442d18469, 0x1];
/// `2 / pi` in units of `2^-64`.
pub(super) const TWO_OVER_PI_64: u64 = 0xa2f9836e4e441529;
/// `ln 2`.
pub(super) const LN_2: Ball = Ball { mid: 0x58b90bfbe8e7bcd5, err: 1, exp: -63 };
/// `pi / 2`.
pub(super) const HALF_PI: Ball = Ball { mid: 0x6487ed5110b4611a, err: 1, exp: -62 };
/// `2 / sqrt(pi)`.
pub(super) const TWO_OVER_SQRT_PI: Ball = Ball { mid: 0x48375d410a6db446, err: 1, exp: -62 };
/// `1 / sqrt(2)`.
pub(super) const SQRT_HALF: Ball = Ball { mid: 0x5a827999fcef3242, err: 1, exp: -63 };
/// `sqrt(2 / pi)`.
pub(super) const SQRT_TWO_OVER_PI: Ball = Ball { mid: 0x662114cf50d94234, err: 1, exp: -63 };

/// `atan(i / 16)` for `i` from 1 to 16, as mantissa and exponent.
pub(super) const ATAN: [(i64, i32); 16] = [
    (0x7fd56edcb3f7a71b, -67),
    (0x7f56ea6ab0bdb719, -66),
    (0x5ee5ed2f396c089a, -65),
    (0x7d6dd7e4b203758a, -65),
    (0x4d89dcdc1faf2f34, -64),
    (0x5bd86507937bc239, -64),
    (0x6993bb0f308ff2db, -64),
    (0x76b19c1586ed3da2, -64),
    (0x4195fa536cc33f15, -63),
    (0x47802eaf7bfacfcd, -63),
    (0x4d17c07338deed10, -63),
    (0x525e3e8c9a7b8492, -63),
    (0x5756261c5a6c6040, -63),
    (0x5c029f15e118cf39, -63),
    (0x606742dc56293320, -63),
    (0x6487ed5110b4611a, -63),
];

/// For `c = i / 8`, `i` from 4 to 48: `2 / sqrt(pi) * exp(-c^2)`, the negated slope of erfc at `c`, and
/// the quotient of `erfc(c)` and that; each as mantissa and exponent.
pub(super) const ERFC: [[(i64, i32); 2]; 45] = [
    [(0x707bf2926940454c, -63), (0x45d7937bea5821e1, -63)],
    [(0x61ba5a504d2e76c4, -63), (0x7e539ef3650e55d8, -64)],
    [(0x524b90b5e34b1274, -63), (0x7302d22dcb01636c, -64)],
    [(0x432ad87c212e4c84, -63), (0x69571be308234403, -64)],
    [(0x6a447c25bef096f7, -64), (0x6101f46e96853c7f, -64)],
    [(0x517a66f2ede4557b, -64), (0x59c60d757d338fc2, -64)],
    [(0x79194beb72dac7e1, -65), (0x537311cf9ba2fd6d, -64)],
    [(0x57396571156c2870, -65), (0x4de28baa29ea5634, -64)],
    [(0x79c8dc9ae092a36e, -66), (0x48f59b3735ac9ee3, -64)],
    [(0x526751e2f29cd44c, -66), (0x449342c71c5c4bd5, -64)],
    [(0x6c154c0c884055cb, -67), (0x40a71f0837bbbe87, -64)],
    [(0x44b3acdffe6f0da3, -67), (0x7a40dca880cb44b4, -65)],
    [(0x54a6e7a33e6878da, -68), (0x73e2a4a551a393a9, -65)],
    [(0x6518939e383ebabe, -69), (0x6e1c7a12e393fb19, -65)],
    [(0x75050ea77fa59348, -70), (0x68dafd183a7cb794, -65)],
    [(0x41a462d8d5589121, -70), (0x640dd6bb726708d6, -65)],
    [(0x4760c5c3efdbedea, -71), (0x5fa72b5a346268da, -65)],
    [(0x4b3a262024913909, -72), (0x5b9b2a2185ed546b, -65)],
    [(0x4cd833348f6ce813, -73), (0x57dfb2fc45889496, -65)],
    [(0x4c14e3eeddfb3431, -74), (0x546c0e07a296bf94, -65)],
    [(0x49023a6e8cc9fa81, -75), (0x5138b0ca6447cf5a, -65)],
    [(0x43e786d374db7bd8, -76), (0x4e3f0e4c573413e2, -65)],
    [(0x7a6d7a340339da34, -78), (0x4b796fd39b81ccf7, -65)],
    [(0x6af827a4512d7930, -79), (0x48e2d48cb774c893, -65)],
    [(0x5a965c866a4f6634, -80), (0x4676d6c2ffd50075, -65)],
    [(0x4a5a9c3d05014c81, -81), (0x44319598e103546a, -65)],
    [(0x764dc78bfdf0d50a, -83), (0x420fa26887b4f9d2, -65)],
    [(0x5b386a8ff5ef741b, -84), (0x400df12184d2bc9c, -65)],
    [(0x442c5222bac8d3e3, -85), (0x7c539634c91e8c61, -66)],
    [(0x62c33f3815e77e17, -87), (0x78c187d036406b2c, -66)],
    [(0x455682419753db41, -88), (0x75615fc4b72b0fe2, -66)],
    [(0x5e5d39d0f7a8f249, -90), (0x722f38196890ca37, -66)],
    [(0x7c78d48ed075f28c, -92), (0x6f278e5349e83fc2, -66)],
    [(0x4f913914c06e491a, -93), (0x6c47378f1ae1c71e, -66)],
    [(0x62985d17b1f474ce, -95), (0x698b563fc9e1bb70, -66)],
    [(0x766a203cc1af5ff0, -97), (0x66f1515024d0b838, -66)],
    [(0x44ebd3c13e665efa, -98), (0x6476cc71af3e65c1, -66)],
    [(0x4dc2ae0c9ebd76e3, -100), (0x6219a16b9be4df08, -66)],
    [(0x5508bbd76252747f, -102), (0x5fd7da44576fd957, -66)],
    [(0x5a208f94a5c2f849, -104), (0x5dafac262b5e4d98, -66)],
    [(0x5c961842cec8cbd3, -106), (0x5b9f72e48478fea5, -66)],
    [(0x5c2fabe71ffed7c9, -108), (0x59a5ad0b8d6e1f6a, -66)],
    [(0x58f6be2d2c78303e, -110), (0x57c0f8673da7a59d, -66)],
    [(0x5336701056335d53, -112), (0x55f00ef1d7f3d90d, -66)],
    [(0x4b70464255ca7aea, -114), (0x5431c41c3700dfe8, -66)],
];
