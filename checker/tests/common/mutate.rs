//! Seeded mutations of bytes, of protobuf messages and of S-expressions.
//!
//! Everything follows from the seed, so that a failure is repeated by its number.
#![allow(dead_code)]

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound; 0 below 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A stretch of some bytes, most often a short one.
    fn stretch(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(longest + 1)
    }
}

/// One to three mutations of one of the seeds, in which stretches of the others may turn up.
pub fn mutate(random: &mut Random, seeds: &[Vec<u8>], kind: Kind) -> Vec<u8> {
    let mut bytes = random.pick(seeds).clone();
    for _ in 0..1 + random.below(3) {
        let special = random.below(2) == 0;
        match kind {
            Kind::Protobuf if special => length_field(random, &mut bytes),
            Kind::Text if special => token(random, &mut bytes),
            _ => plain(random, seeds, &mut bytes),
        }
    }
    bytes
}

/// What the bytes are.
#[derive(Clone, Copy)]
pub enum Kind {
    Protobuf,
    Text,
}

/// A mutation that knows nothing of the format.
fn plain(random: &mut Random, seeds: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match random.below(7) {
        0 | 1 if length > 0 => {
            for _ in 0..1 + random.below(4) {
                let at = random.below(length);
                bytes[at] ^= 1 << random.below(8);
            }
        }
        2 => bytes.truncate(random.below(length + 1)),
        3 => drop(bytes.drain(random.stretch(length))),
        4 => {
            let again = bytes[random.stretch(length)].to_vec();
            let at = random.below(length + 1);
            bytes.splice(at..at, again);
        }
        5 => {
            let other = random.pick(seeds);
            let stretch = other[random.stretch(other.len())].to_vec();
            bytes.splice(random.stretch(length), stretch);
        }
        _ if length > 0 => {
            let at = random.below(length);
            bytes[at] = *random.pick(&[0x00, 0x01, 0x7f, 0x80, 0xff, b'(', b')', b'"', b';']);
        }
        _ => {}
    }
}

/// Rewrites a varint that a walk over the fields finds: a length, an integer, a key.
fn length_field(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut varints = Vec::new();
    walk(bytes, 0, bytes.len(), 0, &mut varints);
    if varints.is_empty() {
        return;
    }
    let (start, end, value) = *random.pick(&varints);
    let (small, bit) = (random.below(300) as u64, random.below(64));
    let new = *random.pick(&[
        0,
        value.wrapping_sub(1),
        value.wrapping_add(1),
        value ^ 1 << bit,
        small,
        0x7fff_ffff,
        1 << 31,
        u64::from(u32::MAX),
        1 << 40,
        i64::MAX as u64,
        u64::MAX,
    ]);
    let mut encoded = Vec::new();
    let mut rest = new;
    while rest >= 0x80 {
        encoded.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    encoded.push(rest as u8);
    bytes.splice(start..end, encoded);
}

/// Start, end and value of the varints between two places; what could be a message is walked into.
fn walk(
    bytes: &[u8],
    from: usize,
    to: usize,
    depth: usize,
    found: &mut Vec<(usize, usize, u64)>,
) -> bool {
    let read = |at: &mut usize| -> Option<(usize, usize, u64)> {
        let (start, mut value) = (*at, 0u64);
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(*at).filter(|_| *at < to)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((start, *at, value));
            }
        }
        None
    };
    let mut at = from;
    let before = found.len();
    while at < to {
        let complete = (|| {
            let key = read(&mut at)?;
            found.push(key);
            match key.2 & 7 {
                0 => found.push(read(&mut at)?),
                1 => at += 8,
                2 => {
                    let length = read(&mut at)?;
                    found.push(length);
                    let end = at.checked_add(usize::try_from(length.2).ok()?)?;
                    if end > to {
                        return None;
                    }
                    if depth < 8 {
                        walk(bytes, at, end, depth + 1, found);
                    }
                    at = end;
                }
                5 => at += 4,
                _ => return None,
            }
            (key.2 >> 3 > 0 && at <= to).then_some(())
        })();
        if complete.is_none() {
            // No message; what was found in it is noise.
            found.truncate(before);
            return false;
        }
    }
    true
}

/// Numbers that readers stumble over.
const NUMBERS: [&str; 26] = [
    "0",
    "-0",
    "-0.0",
    "1e400",
    "-1e-400",
    "1e5000",
    "1e-5000",
    "1e99999",
    "1e-9223372036854775808",
    "1e9223372036854775807",
    "1e99999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "0.1234567890123456789012345678901234567890",
    "1.7976931348623157e308",
    "4.9e-324",
    ".5",
    "5.",
    ".",
    "-",
    "1e",
    "nan",
    "inf",
    "0x10",
];

/// Words of both languages, some out of place.
const WORDS: [&str; 30] = [
    "X_0",
    "Y_0",
    "X_4194304",
    "Y_999999999999",
    "X_-1",
    "X[0,0]",
    "Y[0,1]",
    "X",
    "X[99999999999999999999]",
    "[1,4194304]",
    "[4294967296,4294967296]",
    "[]",
    "and",
    "or",
    "not",
    "assert",
    "<=",
    ">=",
    "<",
    "==",
    "!=",
    "=",
    "+",
    "-",
    "*",
    "declare-const",
    "declare-input",
    "(vnnlib-version <2.0>)",
    "\u{e9}\u{4e2d}",
    ";",
];

/// A mutation of a text by words and parentheses.
fn token(random: &mut Random, bytes: &mut Vec<u8>) {
    let delimiter = |byte: &u8| byte.is_ascii_whitespace() || b"()[],".contains(byte);
    // Where words start and end.
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + bytes[at..].iter().take_while(|byte| !delimiter(byte)).count();
        if end > at {
            words.push(at..end);
        }
        at = end + 1;
    }
    let number =
        |bytes: &[u8]| bytes.first().is_some_and(|b| b.is_ascii_digit() || b"-.".contains(b));
    match random.below(6) {
        0 | 1 => {
            let numbers: Vec<_> =
                words.iter().filter(|word| number(&bytes[(*word).clone()])).collect();
            if !numbers.is_empty() {
                let place = (*random.pick(&numbers)).clone();
                bytes.splice(place, random.pick(&NUMBERS).bytes());
            }
        }
        2 | 3 if !words.is_empty() => {
            let place = random.pick(&words).clone();
            bytes.splice(place, random.pick(&WORDS).bytes());
        }
        4 => {
            let marks: Vec<usize> =
                (0..bytes.len()).filter(|at| b"()[]".contains(&bytes[*at])).collect();
            if !marks.is_empty() {
                let at = *random.pick(&marks);
                match random.below(3) {
                    0 => drop(bytes.remove(at)),
                    1 => bytes.insert(at, bytes[at]),
                    _ => bytes[at] = *random.pick(b"()[],"),
                }
            }
        }
        _ => {
            let nest = *random.pick(&["(", "(and ", "(or ", "(- ", "(+ ", "(* 2.0 ", ")", "["]);
            let count = *random.pick(&[2, 50, 2_000, 20_000]);
            let opens: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'(').collect();
            let at = if opens.is_empty() { 0 } else { *random.pick(&opens) };
            bytes.splice(at..at, nest.repeat(count).bytes());
        }
    }
}
