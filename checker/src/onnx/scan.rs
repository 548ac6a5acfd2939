//! A walk over the protobuf wire format of a model, before anything is decoded.
//!
//! A decoder turns an empty sub-message of two bytes into a record of hundreds, so a small file can
//! ask for a hundred times its size; and a decoder that skips unknown groups by recursion can be made
//! to overflow its stack. The scan follows the complete schema of ONNX (fields that our own decoder
//! skips included, because it guards every decoder), allocates nothing, and refuses groups, deep
//! nesting, lengths beyond the end, and messages whose decoded form would be out of proportion.
//!
//! What is charged is the size in two decoders together, our own and one that keeps every field, known
//! or not: a model may be decoded by both before either record is dropped.

use crate::error::{Error, Kind};

/// Deepest nesting of messages.
pub const MAX_DEPTH: usize = 32;

/// Bytes that decoded messages, strings and integers may take in two decoders together, by an estimate
/// that is right within a factor of two; bytes and packed floats are as large as in the file and do
/// not count.
pub const MAX_DECODED: u64 = 1 << 29;

/// A decoded string without its bytes: the handle in a growing list, and the least that is allocated.
const STRING_COST: u64 = 100;
/// An integer or a float of a list, four to eight bytes in each decoder.
const NUMBER_COST: u64 = 16;
/// A field that is not in the schema: an entry of a hash map with four lists.
const UNKNOWN_COST: u64 = 300;

/// Refuses bytes that no decoder should be given.
pub fn scan(bytes: &[u8]) -> Result<(), Error> {
    Scan { cost: Cost(0) }.message(bytes, 0, Message::Model, 1)
}

/// The messages of `onnx.proto`, as far as they hold others.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    ValueInfo,
    Type,
    TypeElement,
    TypeMap,
    TypeTensor,
    Shape,
    Tensor,
    SparseTensor,
    Annotation,
    NodeConfiguration,
    ShardingSpec,
    ShardedDim,
    /// Holds no other message; its strings count.
    Leaf,
}

impl Message {
    /// The size of a decoded message, half of it again for lists that grow ahead of their need.
    fn cost(self) -> u64 {
        match self {
            Message::Attribute | Message::Tensor | Message::SparseTensor => 1100,
            Message::Model | Message::Function | Message::Graph | Message::Node => 600,
            Message::Training | Message::ValueInfo | Message::Type => 400,
            _ => 170,
        }
    }

    /// Whether the schema has a number in this field, stored by this wire type.
    fn has_number(self, field: u64, wire: u64) -> bool {
        use Message as M;
        match (self, wire) {
            (M::Model, 0) => matches!(field, 1 | 5),
            (M::Attribute, 0) => matches!(field, 3 | 8 | 20),
            (M::Attribute, 5) => matches!(field, 2 | 7),
            (M::Tensor, 0) => matches!(field, 1 | 2 | 5 | 7 | 11 | 14),
            (M::Tensor, 1) => field == 10,
            (M::Tensor, 5) => field == 4,
            (M::TypeTensor | M::TypeMap | M::ShardedDim, 0) => field == 1,
            (M::ShardingSpec, 0) => field == 2,
            (M::SparseTensor | M::NodeConfiguration, 0) => field == 3,
            (M::Leaf, 0) => matches!(field, 1 | 2),
            _ => false,
        }
    }
}

/// What a length-delimited field holds.
enum Content {
    Message(Message),
    /// A string or byte string.
    Text,
    /// Packed varints, up to eight decoded bytes for one in the file.
    Varints,
    /// One string, or bytes or packed floats, as large decoded as in the file.
    Flat,
    /// No field of the schema; a decoder may keep its bytes.
    Unknown,
}

fn content(message: Message, field: u64) -> Content {
    use Content::{Flat, Message as Of, Text, Unknown, Varints};
    use Message as M;
    match (message, field) {
        (M::Model, 7) => Of(M::Graph),
        (M::Model, 8 | 14 | 26) => Of(M::Leaf),
        (M::Model, 20) => Of(M::Training),
        (M::Model, 25) => Of(M::Function),
        (M::Training, 1 | 2) => Of(M::Graph),
        (M::Training, 3 | 4) => Of(M::Leaf),
        (M::Function, 4..=6) => Text,
        (M::Function, 7) => Of(M::Node),
        (M::Function, 9 | 14) => Of(M::Leaf),
        (M::Function, 11) => Of(M::Attribute),
        (M::Function, 12) => Of(M::ValueInfo),
        (M::Graph, 1) => Of(M::Node),
        (M::Graph, 5) => Of(M::Tensor),
        (M::Graph, 11..=13) => Of(M::ValueInfo),
        (M::Graph, 14) => Of(M::Annotation),
        (M::Graph, 15) => Of(M::SparseTensor),
        (M::Graph, 16) => Of(M::Leaf),
        (M::Node, 1 | 2) => Text,
        (M::Node, 5) => Of(M::Attribute),
        (M::Node, 9) => Of(M::Leaf),
        (M::Node, 10) => Of(M::NodeConfiguration),
        (M::NodeConfiguration, 2) => Of(M::ShardingSpec),
        (M::ShardingSpec, 2) => Varints,
        (M::ShardingSpec, 3) => Of(M::Leaf),
        (M::ShardingSpec, 4) => Of(M::ShardedDim),
        (M::ShardedDim, 2) => Of(M::Leaf),
        (M::Attribute, 5 | 10) => Of(M::Tensor),
        (M::Attribute, 6 | 11) => Of(M::Graph),
        (M::Attribute, 8) => Varints,
        (M::Attribute, 9) => Text,
        (M::Attribute, 14 | 15) => Of(M::Type),
        (M::Attribute, 22 | 23) => Of(M::SparseTensor),
        (M::ValueInfo, 2) => Of(M::Type),
        (M::ValueInfo, 4) => Of(M::Leaf),
        (M::Type, 1 | 8) => Of(M::TypeTensor),
        (M::Type, 4 | 9) => Of(M::TypeElement),
        (M::Type, 5) => Of(M::TypeMap),
        (M::Type, 7) => Of(M::Leaf),
        (M::TypeElement, 1) => Of(M::Type),
        (M::TypeMap, 2) => Of(M::Type),
        (M::TypeTensor, 2) => Of(M::Shape),
        (M::Shape, 1) => Of(M::Leaf),
        (M::Tensor, 1 | 5 | 7 | 11) => Varints,
        (M::Tensor, 3 | 13 | 16) => Of(M::Leaf),
        (M::Tensor, 6) => Text,
        (M::SparseTensor, 1 | 2) => Of(M::Tensor),
        (M::SparseTensor, 3) => Varints,
        (M::Annotation, 2) => Of(M::Leaf),
        (M::Leaf, 1..=3) => Text,
        (M::Model, 2..=4 | 6) => Flat,
        (M::Function, 1 | 8 | 10 | 13) => Flat,
        (M::Graph, 2 | 10) => Flat,
        (M::Node, 3 | 4 | 6..=8) => Flat,
        (M::Attribute, 1 | 4 | 7 | 13 | 21) => Flat,
        (M::ValueInfo, 1 | 3) => Flat,
        (M::Type, 6) => Flat,
        (M::Tensor, 4 | 8..=10 | 12) => Flat,
        (M::Annotation | M::NodeConfiguration | M::ShardingSpec, 1) => Flat,
        _ => Unknown,
    }
}

/// Estimated decoded bytes so far.
struct Cost(u64);

impl Cost {
    fn charge(&mut self, bytes: u64) -> Result<(), Error> {
        self.0 = self.0.saturating_add(bytes);
        if self.0 > MAX_DECODED {
            return Err(Error::new(
                Kind::TooLarge,
                format!("the model would decode to more than {} MiB of records", MAX_DECODED >> 20),
            )
            .help("weights do not count here unless they are stored as varints; millions of nodes, names or attributes do"));
        }
        Ok(())
    }
}

struct Scan {
    cost: Cost,
}

impl Scan {
    /// Walks over one message that starts `offset` bytes into the file.
    fn message(
        &mut self,
        bytes: &[u8],
        offset: usize,
        message: Message,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(malformed(offset, &format!("messages nest more than {MAX_DEPTH} deep")));
        }
        self.cost.charge(message.cost())?;
        let mut at = 0;
        while at < bytes.len() {
            let key_at = offset + at;
            let key = varint(bytes, &mut at, offset)?;
            let (field, wire) = (key >> 3, key & 7);
            if field == 0 {
                return Err(malformed(key_at, "a field has number zero"));
            }
            // A decoder that cuts a longer key to 32 bits would see another field than the scan does.
            if key > u64::from(u32::MAX) {
                return Err(malformed(key_at, "a field's number is too large"));
            }
            match wire {
                0 | 1 | 5 => {
                    match wire {
                        0 => _ = varint(bytes, &mut at, offset)?,
                        1 => skip(bytes, &mut at, 8, offset)?,
                        _ => skip(bytes, &mut at, 4, offset)?,
                    }
                    let known = message.has_number(field, wire);
                    self.cost.charge(if known { NUMBER_COST } else { UNKNOWN_COST })?;
                }
                2 => {
                    let length = varint(bytes, &mut at, offset)?;
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    let start = at;
                    skip(bytes, &mut at, length, offset)?;
                    match content(message, field) {
                        Content::Message(inner) => {
                            self.message(&bytes[start..at], offset + start, inner, depth + 1)?;
                        }
                        Content::Text => self.cost.charge(STRING_COST)?,
                        Content::Varints => self.cost.charge(NUMBER_COST * length as u64)?,
                        Content::Flat => {}
                        Content::Unknown => self.cost.charge(UNKNOWN_COST)?,
                    }
                }
                3 | 4 => {
                    return Err(malformed(key_at, "a protobuf group, which ONNX does not use"));
                }
                _ => return Err(malformed(key_at, &format!("wire type {wire} does not exist"))),
            }
        }
        Ok(())
    }
}

fn skip(bytes: &[u8], at: &mut usize, length: usize, offset: usize) -> Result<(), Error> {
    match at.checked_add(length).filter(|end| *end <= bytes.len()) {
        Some(end) => {
            *at = end;
            Ok(())
        }
        None => Err(malformed(offset + *at, "a field reaches beyond the end of its message")
            .help("the file may have been cut off, or it is no ONNX model")),
    }
}

fn varint(bytes: &[u8], at: &mut usize, offset: usize) -> Result<u64, Error> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let Some(&byte) = bytes.get(*at) else {
            return Err(malformed(offset + *at, "the bytes end inside a number")
                .help("the file may have been cut off, or it is no ONNX model"));
        };
        *at += 1;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed(offset + *at, "a number is longer than 64 bits"))
}

fn malformed(offset: usize, what: &str) -> Error {
    Error::new(Kind::Model, format!("the bytes are no ONNX model: at byte {offset}, {what}"))
        .help("export the model again; `onnx.checker.check_model` tells whether a file is sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_refused() {
        let error = scan(&[0x0b, 0x0c]).unwrap_err();
        assert_eq!(error.kind, Kind::Model);
        assert!(error.message.contains("group"), "{error}");
    }

    #[test]
    fn ten_megabytes_of_empty_nodes_are_refused() {
        let nodes = [0x0a, 0x00].repeat(5_000_000);
        let mut model = vec![0x3a];
        let mut length = nodes.len();
        while length >= 0x80 {
            model.push(length as u8 | 0x80);
            length >>= 7;
        }
        model.push(length as u8);
        model.extend(nodes);
        assert_eq!(scan(&model).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn deep_nesting_is_refused() {
        // TypeProto.sequence_type.elem_type, wrapped again and again, inside graph.input.type.
        let mut inner = Vec::new();
        for _ in 0..20 {
            inner = [&[0x0a, inner.len() as u8][..], &inner].concat();
            inner = [&[0x22, inner.len() as u8][..], &inner].concat();
        }
        for tag in [0x12, 0x5a, 0x3a] {
            inner = [&[tag, inner.len() as u8][..], &inner].concat();
        }
        assert!(inner.len() < 128);
        let error = scan(&inner).unwrap_err();
        assert!(error.message.contains("32 deep"), "{error}");
    }

    #[test]
    fn unknown_fields_are_charged() {
        // Varints under ever new field numbers: seven bytes each, a map entry in a decoder that keeps them.
        let mut model = Vec::new();
        for field in 100u32..2_000_000 {
            let mut key = field << 3;
            while key >= 0x80 {
                model.push(key as u8 | 0x80);
                key >>= 7;
            }
            model.extend([key as u8, 1]);
        }
        assert_eq!(scan(&model).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn numbers_that_decoders_might_cut_are_refused() {
        // A key and a length beyond their 32 and 64 bits.
        for bytes in [
            &[0x82, 0x80, 0x80, 0x80, 0x10, 0x00][..],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        ] {
            let error = scan(bytes).unwrap_err();
            assert!(
                error.message.contains("large") || error.message.contains("64 bits"),
                "{error}"
            );
        }
        assert!(scan(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_ok());
    }

    #[test]
    fn ends_are_checked() {
        for bytes in [&[0x08][..], &[0x3a, 0x05, 0x00], &[0x08, 0xff], &[0x0d, 1, 2]] {
            assert_eq!(scan(bytes).unwrap_err().kind, Kind::Model, "{bytes:?}");
        }
        assert!(scan(&[]).is_ok());
    }
}
