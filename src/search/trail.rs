//! What a search did, box by box: what a proof is built from.

use crate::bound::Relaxation;
use crate::net::NodeIndex;

/// All bounded boxes of a search; those of the regions come first.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// What happened on each box.
    pub marks: Vec<Mark>,
}

/// What happened on one box.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// How disjuncts were excluded.
    pub closed: Vec<Evidence>,
    /// What is known of those that were not.
    pub open: Vec<Evidence>,
    /// How the box was cut.
    pub cut: Cut,
}

/// How a disjunct was bounded.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The disjunct.
    pub disjunct: u32,
    /// Multipliers of its rows; empty if the rows alone did it.
    pub multipliers: Vec<f64>,
    /// Slopes below unstable relus: node, element, slope.
    pub slopes: Vec<(NodeIndex, u32, f32)>,
    /// Multipliers of the signs that were assumed, from the root on.
    pub signs: Vec<f32>,
    /// Whether exact arithmetic was needed.
    pub exact: bool,
}

/// How a box was cut.
#[derive(Debug, Clone, Default)]
pub enum Cut {
    /// Not at all.
    #[default]
    Nothing,
    /// What is left of it is the box of this mark (while a box is handled: of this child).
    Box(usize),
    /// In two.
    Split {
        /// The input.
        input: usize,
        /// Where.
        at: f64,
        /// What became of the two halves.
        halves: Box<[Cut; 2]>,
    },
    /// By the sign of the pre-activation that an element of a relu node reads.
    Sign {
        /// The relu node.
        relu: NodeIndex,
        /// The element.
        element: u32,
        /// What became of it where it is not negative, and where it is not positive.
        halves: Box<[Cut; 2]>,
    },
    /// By disjuncts.
    Cases(Vec<(u32, Cut)>),
}

impl Cut {
    /// The cut with every child's number replaced.
    pub fn renumber(self, by: &impl Fn(usize) -> usize) -> Cut {
        match self {
            Cut::Nothing => Cut::Nothing,
            Cut::Box(child) => Cut::Box(by(child)),
            Cut::Split { input, at, halves } => {
                let halves = Box::new(halves.map(|half| half.renumber(by)));
                Cut::Split { input, at, halves }
            }
            Cut::Sign { relu, element, halves } => {
                let halves = Box::new(halves.map(|half| half.renumber(by)));
                Cut::Sign { relu, element, halves }
            }
            Cut::Cases(cases) => {
                let renumber = |(disjunct, cut): (u32, Cut)| (disjunct, cut.renumber(by));
                Cut::Cases(cases.into_iter().map(renumber).collect())
            }
        }
    }
}

impl Evidence {
    /// Evidence without slopes.
    pub fn plain(disjunct: u32, multipliers: Vec<f64>) -> Evidence {
        Evidence { disjunct, multipliers, slopes: Vec::new(), signs: Vec::new(), exact: false }
    }

    /// Takes down the slopes of a row that are not those that a relaxation begins with.
    pub fn slopes_of(
        relaxations: &[Relaxation],
        row: usize,
        rows: usize,
    ) -> Vec<(NodeIndex, u32, f32)> {
        let mut slopes = Vec::new();
        for (node, relaxation) in relaxations.iter().enumerate() {
            let Relaxation::Relu(lines) = relaxation else { continue };
            let len = lines.lower.len() / rows.max(1);
            for k in 0..len {
                let at = row * len + k;
                let (l, u) = (lines.l[at], lines.u[at]);
                let usual = if u > -l { 1.0 } else { 0.0 };
                // The checker's own ends may be a little apart from these.
                let close = (u + l).abs() < 1.0e-6 * (u - l);
                if u != 0.0 && (lines.lower[at] != usual || close) {
                    slopes.push((node, k as u32, lines.lower[at] as f32));
                }
            }
        }
        slopes
    }
}
