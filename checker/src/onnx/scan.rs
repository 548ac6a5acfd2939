//! A walk over the protobuf wire format of a model, before anything is decoded.
//!
//! A decoder turns an empty sub-message of two bytes into a record of two hundred, so a small file can
//! ask for a hundred times its size; and a decoder that skips unknown groups by recursion can be made
//! to overflow its stack. The scan follows the complete schema of ONNX (fields that our own decoder
//! skips included, because it guards every decoder), allocates nothing, and refuses groups, deep
//! nesting, lengths beyond the end, and messages whose decoded form would be out of proportion.

use crate::error::{Error, Kind};

/// Deepest nesting of messages.
pub const MAX_DEPTH: usize = 32;

/// Bytes that decoded messages, strings and packed integers may take by `Cost`'s estimate.
pub const MAX_DECODED: u64 = 1 << 29;

/// Estimated size of a decoded message.
const MESSAGE_COST: u64 = 200;
/// Estimated size of a decoded string, without its bytes.
const STRING_COST: u64 = 24;

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

/// What a length-delimited field holds.
enum Content {
    Message(Message),
    /// A string or byte string.
    Text,
    /// Packed varints, up to eight decoded bytes for one in the file.
    Varints,
    /// Bytes or packed floats, as large decoded as in the file; unknown fields, which are kept as they are.
    Flat,
}

fn content(message: Message, field: u64) -> Content {
    use Content::{Flat, Message as Of, Text, Varints};
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
        (M::Leaf, _) => Text,
        _ => Flat,
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
        self.cost.charge(MESSAGE_COST)?;
        let mut at = 0;
        while at < bytes.len() {
            let key_at = offset + at;
            let key = varint(bytes, &mut at, offset)?;
            let (field, wire) = (key >> 3, key & 7);
            if field == 0 {
                return Err(malformed(key_at, "a field has number zero"));
            }
            match wire {
                0 => {
                    varint(bytes, &mut at, offset)?;
                    // An unpacked element of a repeated field costs what a packed one does.
                    self.cost.charge(8)?;
                }
                1 => skip(bytes, &mut at, 8, offset)?,
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
                        Content::Varints => self.cost.charge(8 * length as u64)?,
                        Content::Flat => {}
                    }
                }
                3 | 4 => {
                    return Err(malformed(key_at, "a protobuf group, which ONNX does not use"));
                }
                5 => skip(bytes, &mut at, 4, offset)?,
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
    for shift in (0..70).step_by(7) {
        let Some(&byte) = bytes.get(*at) else {
            return Err(malformed(offset + *at, "the bytes end inside a number")
                .help("the file may have been cut off, or it is no ONNX model"));
        };
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed(offset + *at, "a number is longer than ten bytes"))
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
    fn ends_are_checked() {
        for bytes in [&[0x08][..], &[0x3a, 0x05, 0x00], &[0x08, 0xff], &[0x0d, 1, 2]] {
            assert_eq!(scan(bytes).unwrap_err().kind, Kind::Model, "{bytes:?}");
        }
        assert!(scan(&[]).is_ok());
    }
}
