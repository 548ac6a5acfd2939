//! Pictures: the argument as a diagram, and images beside their counterexamples. Inline SVG, no script.

use super::{Case, Kind, Node, Relation, Status};
use crate::gate::formats::xml;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Width and height of a node, and the gaps between columns and rows.
const WIDTH: f64 = 220.0;
const HEIGHT: f64 = 74.0;
const GAP: f64 = 46.0;
const LANE: f64 = 16.0;

/// The supports of the argument, from left to right; contexts stand in the text beside it.
pub(super) fn argument(case: &Case) -> String {
    let mut placed: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let mut next = 0.0;
    let mut deepest = 0;
    place(case, &case.root, 0, &mut next, &mut deepest, &mut placed, &mut BTreeSet::new());
    // Counter-evidence below what it speaks against.
    for edge in case.edges.iter().filter(|edge| edge.kind == Relation::Challenges) {
        if let Some((x, y)) = placed.get(edge.to.as_str()).copied() {
            placed.insert(&edge.from, (x + WIDTH + GAP, y));
            deepest = deepest.max(((x + WIDTH + GAP) / (WIDTH + GAP)) as usize);
        }
    }
    let width = (deepest as f64 + 1.0) * (WIDTH + GAP) - GAP + 20.0;
    let height = next.max(HEIGHT + LANE) + 14.0;
    let mut svg = format!(
        "<svg class=\"argument\" viewBox=\"-10 -10 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"The argument as a goal structure; the list below says the same\">\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" class=\"head\"/></marker></defs>\n"
    );
    for edge in &case.edges {
        let (Some(from), Some(to)) = (placed.get(edge.from.as_str()), placed.get(edge.to.as_str()))
        else {
            continue;
        };
        let class = match edge.kind {
            Relation::SupportedBy => "link",
            Relation::Challenges => "link challenge",
            Relation::InContextOf => continue,
        };
        let (start, end) = match edge.kind {
            Relation::Challenges => (from.0, to.0 + WIDTH),
            _ => (from.0 + WIDTH, to.0),
        };
        let (a, b) = (from.1 + HEIGHT / 2.0, to.1 + HEIGHT / 2.0);
        let middle = (start + end) / 2.0;
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"M{start:.0} {a:.0}C{middle:.0} {a:.0} {middle:.0} {b:.0} \
             {end:.0} {b:.0}\" marker-end=\"url(#arrow)\"/>"
        );
    }
    for node in &case.nodes {
        if let Some((x, y)) = placed.get(node.id.as_str()) {
            draw(node, *x, *y, &mut svg);
        }
    }
    svg + "</svg>\n"
}

fn place<'c>(
    case: &'c Case,
    id: &'c str,
    depth: usize,
    next: &mut f64,
    deepest: &mut usize,
    placed: &mut BTreeMap<&'c str, (f64, f64)>,
    path: &mut BTreeSet<&'c str>,
) -> f64 {
    if let Some((_, y)) = placed.get(id) {
        return *y;
    }
    *deepest = (*deepest).max(depth);
    let mut rows = Vec::new();
    if path.insert(id) {
        for child in case.targets(id, Relation::SupportedBy) {
            rows.push(place(case, &child.id, depth + 1, next, deepest, placed, path));
        }
    }
    let y = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => (first + last) / 2.0,
        _ => {
            let y = *next;
            *next += HEIGHT + LANE;
            y
        }
    };
    placed.insert(id, (depth as f64 * (WIDTH + GAP), y));
    y
}

fn draw(node: &Node, x: f64, y: f64, svg: &mut String) {
    let status = node.status.map_or("plain", Status::name);
    let (right, bottom) = (x + WIDTH, y + HEIGHT);
    let _ = write!(svg, "<g class=\"node {status}\"><title>{}</title>", xml(&node.text));
    let _ = match node.kind {
        Kind::Strategy => write!(
            svg,
            "<path d=\"M{:.0} {y:.0}H{right:.0}L{:.0} {bottom:.0}H{x:.0}z\"/>",
            x + 14.0,
            right - 14.0
        ),
        Kind::Solution | Kind::CounterSolution => write!(
            svg,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{}\"/>",
            HEIGHT / 2.0
        ),
        _ => write!(svg, "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"),
    };
    let head = match node.status {
        Some(status) => format!("{} · {}", node.id, status.name()),
        None => node.id.clone(),
    };
    let centre = x + WIDTH / 2.0;
    let _ = write!(
        svg,
        "<text class=\"id\" x=\"{centre:.0}\" y=\"{:.0}\">{}</text>",
        y + 16.0,
        xml(&head)
    );
    for (row, line) in wrap(&node.text, 32, 3).iter().enumerate() {
        let _ = write!(
            svg,
            "<text x=\"{centre:.0}\" y=\"{:.0}\">{}</text>",
            y + 33.0 + 14.0 * row as f64,
            xml(line)
        );
    }
    if node.undeveloped && matches!(node.kind, Kind::Goal | Kind::Strategy) {
        let _ =
            write!(svg, "<path class=\"diamond\" d=\"M{centre:.0} {bottom:.0}l7 7l-7 7l-7 -7z\"/>");
    }
    if node.kind == Kind::Goal && node.status == Some(Status::Defeated) {
        let _ = write!(
            svg,
            "<path class=\"cross\" d=\"M{x:.0} {y:.0}L{right:.0} {bottom:.0}M{right:.0} {y:.0}L{x:.0} {bottom:.0}\"/>"
        );
    }
    svg.push_str("</g>\n");
}

/// Lines of about so many characters, at most so many of them.
fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: String = word.chars().take(width).collect();
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            *line = word;
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else if lines.len() == most {
            lines[last].push_str(" ...");
            break;
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A picture of grey values between two ends, row by row.
pub(super) fn image(
    values: &[f64],
    columns: usize,
    (low, high): (f64, f64),
    caption: &str,
) -> String {
    let rows = values.len().div_ceil(columns.max(1));
    let size = (160.0 / columns.max(rows) as f64).max(1.0);
    let mut svg = format!(
        "<figure><svg class=\"image\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}\" \
         shape-rendering=\"crispEdges\">",
        size * columns as f64,
        size * rows as f64,
        xml(caption)
    );
    for (at, value) in values.iter().enumerate() {
        let share = ((value - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let level = (255.0 * share).round() as u8;
        let (x, y) = (size * (at % columns) as f64, size * (at / columns) as f64);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{size:.1}\" height=\"{size:.1}\" \
             fill=\"rgb({level},{level},{level})\"/>"
        );
    }
    let _ = write!(svg, "</svg><figcaption>{}</figcaption></figure>", xml(caption));
    svg
}
