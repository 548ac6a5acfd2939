//! A tiny encoder of ONNX models, for those that should not stand in the repository.

/// Appends a number in base 128.
fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 128 {
        into.push((value as u8 & 127) | 128);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A field that is a number.
fn number(tag: u64, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(tag << 3, &mut bytes);
    varint(value, &mut bytes);
    bytes
}

/// A field that is a string, bytes or a message.
fn message(tag: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(tag << 3 | 2, &mut bytes);
    varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// A float tensor with a name.
pub fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for dimension in shape {
        bytes.extend(number(1, *dimension as u64));
    }
    bytes.extend(number(2, 1));
    bytes.extend(message(8, name.as_bytes()));
    bytes.extend(message(9, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()));
    bytes
}

/// A node without attributes.
pub fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for input in inputs {
        bytes.extend(message(1, input.as_bytes()));
    }
    bytes.extend(message(2, output.as_bytes()));
    bytes.extend(message(4, operator.as_bytes()));
    bytes
}

/// A float tensor's name and shape, for inputs and outputs.
fn value(name: &str, shape: &[usize]) -> Vec<u8> {
    let dimensions: Vec<u8> =
        shape.iter().flat_map(|dimension| message(1, &number(1, *dimension as u64))).collect();
    let tensor = [number(1, 1), message(2, &dimensions)].concat();
    [message(1, name.as_bytes()), message(2, &message(1, &tensor))].concat()
}

/// A model from `x` to `y`.
pub fn model(
    opset: u64,
    nodes: &[Vec<u8>],
    tensors: &[Vec<u8>],
    input: &[usize],
    output: &[usize],
) -> Vec<u8> {
    let mut graph = Vec::new();
    nodes.iter().for_each(|node| graph.extend(message(1, node)));
    tensors.iter().for_each(|tensor| graph.extend(message(5, tensor)));
    graph.extend(message(11, &value("x", input)));
    graph.extend(message(12, &value("y", output)));
    [number(1, 8), message(7, &graph), message(8, &number(2, opset))].concat()
}

/// `y = x W` with a single weight.
pub fn product(weight: f32) -> Vec<u8> {
    model(
        13,
        &[node("MatMul", &["x", "w"], "y")],
        &[tensor("w", &[1, 1], &[weight])],
        &[1, 1],
        &[1, 1],
    )
}

/// A deep network of random weights from 30 inputs to one output, whose range nobody knows how to bound
/// within seconds.
pub fn tangle() -> Vec<u8> {
    const WIDTH: usize = 60;
    const LAYERS: usize = 8;
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 0.5
    };
    let (mut nodes, mut tensors) = (Vec::new(), Vec::new());
    let (mut from, mut rows) = ("x".to_string(), 30);
    for layer in 0..LAYERS {
        let columns = if layer + 1 == LAYERS { 1 } else { WIDTH };
        let (weight, product) = (format!("w{layer}"), format!("z{layer}"));
        let values: Vec<f32> = (0..rows * columns).map(|_| random()).collect();
        tensors.push(tensor(&weight, &[rows, columns], &values));
        let last = layer + 1 == LAYERS;
        let to = if last { "y" } else { product.as_str() };
        nodes.push(node("MatMul", &[&from, &weight], to));
        if !last {
            nodes.push(node("Relu", &[&product], &format!("h{layer}")));
        }
        (from, rows) = (format!("h{layer}"), WIDTH);
    }
    model(13, &nodes, &tensors, &[1, 30], &[1, 1])
}

/// A question about [`tangle`] between what sampling reaches and what bounds reach.
pub fn tangled_question() -> String {
    let mut text = String::new();
    for input in 0..30 {
        text += &format!("(declare-const X_{input} Real)\n");
        text += &format!("(assert (and (>= X_{input} -1) (<= X_{input} 1)))\n");
    }
    text + "(declare-const Y_0 Real)\n(assert (>= Y_0 200))\n"
}
