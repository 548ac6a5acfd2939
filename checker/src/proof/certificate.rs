//! What a certificate says, and its bytes (`proofs/FORMAT.md`).

use crate::error::{Error, Kind};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::io::{Read, Write};

/// The first bytes of a certificate.
const MAGIC: &[u8; 8] = b"PLIMCERT";

/// The version of the layout.
const VERSION: u8 = 1;

/// Most bytes of a certificate, decompressed.
const MAX_BYTES: u64 = 1 << 31;

/// Deepest tree; deeper ones are refused.
pub const MAX_DEPTH: usize = 1000;

/// A proof that no input of a query's regions satisfies any of its disjuncts.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// SHA-256 of the model's bytes.
    pub model: [u8; 32],
    /// SHA-256 of the query's text.
    pub query: [u8; 32],
    /// One tree for each region of the query, in order.
    pub trees: Vec<Node>,
}

/// What is concluded on a box for the disjuncts that are open on it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// How variables are bounded here.
    pub bounding: Bounding,
    /// Conclusions, in order.
    pub steps: Vec<Step>,
    /// What becomes of the rest.
    pub rest: Rest,
}

/// How variables are bounded at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bounding {
    /// By intervals, cut by what holds at the node above.
    #[default]
    Interval,
    /// So, and open pre-activations by backward sweeps.
    Tighten,
    /// As at the node above.
    Keep,
}

/// What becomes of the disjuncts that are open after the conclusions.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Rest {
    /// There are none.
    #[default]
    Nothing,
    /// The box is cut in two.
    Split(Box<Split>),
    /// The sign of a pre-activation is assumed, one way and the other.
    Sign(Box<Signs>),
    /// What clipping has left is bounded anew.
    Again(Box<Node>),
    /// Each open disjunct has a node of its own.
    Cases(Vec<(u32, Node)>),
}

/// Two halves of a box.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The input that is cut.
    pub input: u32,
    /// Where.
    pub at: f64,
    /// What is concluded where the input is at most that.
    pub below: Node,
    /// What is concluded where it is at least that.
    pub above: Node,
}

/// The two signs of a pre-activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Signs {
    /// The place of the relu that reads it.
    pub relu: u32,
    /// What is concluded where it is not negative.
    pub active: Node,
    /// What is concluded where it is not positive.
    pub inactive: Node,
}

/// A conclusion about one disjunct.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The disjunct, by its place in the query.
    pub disjunct: u32,
    /// Multipliers of its rows.
    pub multipliers: Vec<u16>,
    /// Slopes below unstable relus that are not the default ones: place of the relu, and a code.
    pub slopes: Vec<(u32, u8)>,
    /// Multipliers of assumed signs: the place of the assumption on the way from the root, and a number that is
    /// not negative.
    pub signs: Vec<(u32, f32)>,
    /// What follows.
    pub conclusion: Conclusion,
}

/// What a bound of a combination of rows is used for.
#[derive(Debug, Clone, PartialEq)]
pub enum Conclusion {
    /// The disjunct holds nowhere on the box.
    Close,
    /// It holds nowhere on the box by exact arithmetic, slopes apart.
    CloseExactly,
    /// It holds nowhere outside of these faces.
    Clip(Vec<Face>),
}

/// A face that a box is cut to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The input.
    pub input: u32,
    /// Whether it is the upper face.
    pub upper: bool,
    /// Where it is.
    pub at: f64,
}

/// The slope that a code stands for: 0 to 1 in steps of 1/255, both ends exact.
pub fn slope(code: u8) -> f64 {
    f64::from(code) / 255.0
}

impl Certificate {
    /// The bytes: a header, then one gzip stream. The same certificate has the same bytes.
    ///
    /// # Errors
    /// If the sink fails.
    pub fn write(&self, sink: impl Write) -> std::io::Result<()> {
        let mut sink = sink;
        sink.write_all(MAGIC)?;
        sink.write_all(&[VERSION])?;
        sink.write_all(&self.model)?;
        sink.write_all(&self.query)?;
        let mut body = GzBuilder::new().write(sink, Compression::default());
        put(&mut body, self.trees.len() as u64)?;
        for tree in &self.trees {
            write_node(&mut body, tree)?;
        }
        body.finish()?.flush()
    }

    /// Reads what [`Certificate::write`] wrote.
    ///
    /// # Errors
    /// If the bytes are no certificate, one of another version, cut short, or too large.
    pub fn read(bytes: &[u8]) -> Result<Certificate, Error> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(malformed("it does not begin as a certificate does"));
        };
        let Some((header, body)) = rest.split_at_checked(65) else {
            return Err(malformed("its header is cut short"));
        };
        if header[0] != VERSION {
            return Err(Error::new(
                Kind::UnsupportedVersion,
                format!("the certificate has version {}, and {VERSION} is supported", header[0]),
            )
            .help("check it with the release that made it, or prove again"));
        }
        let mut plain = Vec::new();
        GzDecoder::new(body)
            .take(MAX_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| malformed(format!("its body cannot be decompressed: {error}")))?;
        if plain.len() as u64 > MAX_BYTES {
            return Err(Error::new(Kind::TooLarge, "the certificate has more than 2 GiB"));
        }
        let mut reader = Reader { bytes: &plain };
        let count = reader.count(1)?;
        let trees = (0..count).map(|_| reader.node(0)).collect::<Result<Vec<Node>, Error>>()?;
        if !reader.bytes.is_empty() {
            return Err(malformed("there is more behind its end"));
        }
        let digest = |from: usize| {
            let mut digest = [0; 32];
            digest.copy_from_slice(&header[from..from + 32]);
            digest
        };
        Ok(Certificate { model: digest(1), query: digest(33), trees })
    }
}

impl Node {
    /// Number of nodes behind which there is none.
    pub fn leaves(&self) -> usize {
        match &self.rest {
            Rest::Nothing => 1,
            Rest::Split(split) => split.below.leaves() + split.above.leaves(),
            Rest::Sign(signs) => signs.active.leaves() + signs.inactive.leaves(),
            Rest::Again(node) => node.leaves(),
            Rest::Cases(cases) => cases.iter().map(|(_, node)| node.leaves()).sum(),
        }
    }
}

fn malformed(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Certificate, format!("the certificate is damaged: {why}"))
}

/// Seven bits a byte, the lowest first.
fn put(sink: &mut impl Write, mut value: u64) -> std::io::Result<()> {
    while value >= 128 {
        sink.write_all(&[value as u8 | 128])?;
        value >>= 7;
    }
    sink.write_all(&[value as u8])
}

fn write_node(sink: &mut impl Write, node: &Node) -> std::io::Result<()> {
    let rest = match &node.rest {
        Rest::Nothing => 0,
        Rest::Split(_) => 1,
        Rest::Again(_) => 2,
        Rest::Sign(_) => 3,
        Rest::Cases(_) => 4,
    };
    let bounding = match node.bounding {
        Bounding::Interval => 0,
        Bounding::Tighten => 1,
        Bounding::Keep => 2,
    };
    let flags = bounding | rest << 2;
    sink.write_all(&[flags])?;
    put(sink, node.steps.len() as u64)?;
    for step in &node.steps {
        put(sink, u64::from(step.disjunct))?;
        put(sink, step.multipliers.len() as u64)?;
        for multiplier in &step.multipliers {
            put(sink, u64::from(*multiplier))?;
        }
        put(sink, step.slopes.len() as u64)?;
        let mut last = 0;
        for (place, code) in &step.slopes {
            put(sink, u64::from(place - last) << 8 | u64::from(*code))?;
            last = *place;
        }
        put(sink, step.signs.len() as u64)?;
        for (place, multiplier) in &step.signs {
            put(sink, u64::from(*place))?;
            sink.write_all(&multiplier.to_le_bytes())?;
        }
        match &step.conclusion {
            Conclusion::Close => sink.write_all(&[0])?,
            Conclusion::CloseExactly => sink.write_all(&[1])?,
            Conclusion::Clip(faces) => {
                sink.write_all(&[2])?;
                put(sink, faces.len() as u64)?;
                for face in faces {
                    put(sink, u64::from(face.input) << 1 | u64::from(face.upper))?;
                    sink.write_all(&face.at.to_le_bytes())?;
                }
            }
        }
    }
    match &node.rest {
        Rest::Nothing => Ok(()),
        Rest::Split(split) => {
            put(sink, u64::from(split.input))?;
            sink.write_all(&split.at.to_le_bytes())?;
            write_node(sink, &split.below)?;
            write_node(sink, &split.above)
        }
        Rest::Again(node) => write_node(sink, node),
        Rest::Sign(signs) => {
            put(sink, u64::from(signs.relu))?;
            write_node(sink, &signs.active)?;
            write_node(sink, &signs.inactive)
        }
        Rest::Cases(cases) => {
            put(sink, cases.len() as u64)?;
            for (disjunct, node) in cases {
                put(sink, u64::from(*disjunct))?;
                write_node(sink, node)?;
            }
            Ok(())
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.bytes.split_first().ok_or_else(|| malformed("it is cut short"))?;
        self.bytes = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                // One way of writing a number, so that equal certificates have equal bytes.
                return match byte == 0 && shift > 0 {
                    true => Err(malformed("a number has leading zeros")),
                    false => Ok(value),
                };
            }
        }
        Err(malformed("a number is too large"))
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Error> {
        T::try_from(self.number()?).map_err(|_| malformed("a number is too large"))
    }

    /// A number of things that take at least so many bytes each.
    fn count(&mut self, each: usize) -> Result<usize, Error> {
        let count: usize = self.small()?;
        match count <= self.bytes.len() / each {
            true => Ok(count),
            false => Err(malformed("it is cut short")),
        }
    }

    fn float(&mut self) -> Result<f64, Error> {
        let Some((eight, rest)) = self.bytes.split_first_chunk::<8>() else {
            return Err(malformed("it is cut short"));
        };
        self.bytes = rest;
        let value = f64::from_le_bytes(*eight);
        if value.is_finite() { Ok(value) } else { Err(malformed("a number is not finite")) }
    }

    fn node(&mut self, depth: usize) -> Result<Node, Error> {
        if depth > MAX_DEPTH {
            return Err(malformed(format!("its tree is deeper than {MAX_DEPTH}")));
        }
        let flags = self.byte()?;
        let bounding = match flags & 3 {
            0 => Bounding::Interval,
            1 => Bounding::Tighten,
            2 => Bounding::Keep,
            _ => return Err(malformed("a node has unknown flags")),
        };
        let count = self.count(5)?;
        let steps = (0..count).map(|_| self.step()).collect::<Result<Vec<Step>, Error>>()?;
        let rest = match flags >> 2 {
            0 => Rest::Nothing,
            1 => Rest::Split(Box::new(Split {
                input: self.small()?,
                at: self.float()?,
                below: self.node(depth + 1)?,
                above: self.node(depth + 1)?,
            })),
            2 => Rest::Again(Box::new(self.node(depth + 1)?)),
            3 => Rest::Sign(Box::new(Signs {
                relu: self.small()?,
                active: self.node(depth + 1)?,
                inactive: self.node(depth + 1)?,
            })),
            4 => {
                let count = self.count(3)?;
                let case = |reader: &mut Self| Ok((reader.small()?, reader.node(depth + 1)?));
                Rest::Cases((0..count).map(|_| case(self)).collect::<Result<_, Error>>()?)
            }
            _ => return Err(malformed("a node has unknown flags")),
        };
        Ok(Node { bounding, steps, rest })
    }

    fn step(&mut self) -> Result<Step, Error> {
        let disjunct = self.small()?;
        let count = self.count(1)?;
        let multipliers = (0..count).map(|_| self.small()).collect::<Result<Vec<u16>, Error>>()?;
        let count = self.count(1)?;
        let mut slopes: Vec<(u32, u8)> = Vec::with_capacity(count);
        for k in 0..count {
            let packed = self.number()?;
            let gap = u32::try_from(packed >> 8).map_err(|_| malformed("a number is too large"))?;
            let last = slopes.last().map_or(0, |slope| slope.0);
            let place = last.checked_add(gap).ok_or_else(|| malformed("a number is too large"))?;
            if k > 0 && gap == 0 {
                return Err(malformed("a slope is given twice"));
            }
            slopes.push((place, (packed & 255) as u8));
        }
        let count = self.count(5)?;
        let mut signs = Vec::with_capacity(count);
        for _ in 0..count {
            let place = self.small()?;
            let Some((four, rest)) = self.bytes.split_first_chunk::<4>() else {
                return Err(malformed("it is cut short"));
            };
            self.bytes = rest;
            let multiplier = f32::from_le_bytes(*four);
            if !(multiplier.is_finite() && multiplier >= 0.0) {
                return Err(malformed("a multiplier is negative or no number"));
            }
            signs.push((place, multiplier));
        }
        let conclusion = match self.byte()? {
            0 => Conclusion::Close,
            1 => Conclusion::CloseExactly,
            2 => {
                let count = self.count(9)?;
                let face = |reader: &mut Self| {
                    let packed: u64 = reader.number()?;
                    let input = u32::try_from(packed >> 1)
                        .map_err(|_| malformed("a number is too large"))?;
                    Ok(Face { input, upper: packed & 1 == 1, at: reader.float()? })
                };
                Conclusion::Clip((0..count).map(|_| face(self)).collect::<Result<_, Error>>()?)
            }
            _ => return Err(malformed("a conclusion is of no known kind")),
        };
        Ok(Step { disjunct, multipliers, slopes, signs, conclusion })
    }
}
