//! The formula of a text as flat arrays: a tree in pre-order over box faces and linear rows.
//!
//! A text of a hundred megabytes holds millions of atoms, so an atom is 8 bytes of tree and 32 bytes of
//! face, or an interned row; nothing is allocated per node. Pre-order with the end of every inner node
//! makes `and` transparent: its children simply follow.
//!
//! Every inner node knows how many disjuncts its disjunctive normal form has and how many steps the
//! expansion takes, so that an expansion beyond the limits is refused before it begins.

use super::by_hash::ByHash;
use super::lexer::Lexer;
use crate::error::{Error, Kind};
use crate::number::Rational;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Marks a flat output among the variables; without it the number is a flat input.
pub(super) const OUTPUT: u32 = 1 << 31;

/// A node of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// A conjunction; index into [`Formula::inner`].
    And(u32),
    /// A disjunction; index into [`Formula::inner`].
    Or(u32),
    /// A face of the input box; index into [`Formula::bounds`].
    Bound(u32),
    /// A linear row; index into [`Formula::rows`].
    Row(u32),
    /// An atom without variables that holds.
    True,
    /// An atom without variables that does not hold.
    False,
}

/// What is known of an `and` or `or`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    /// The node after its last descendant.
    pub(super) end: u32,
    /// Number of disjuncts; an `or` of nothing has none. Saturates.
    pub(super) count: u32,
    /// How many children have a disjunct at all.
    pub(super) live: u32,
}

/// `input <= value` or `input >= value`, or the strict forms.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) value: Rational,
    pub(super) input: u32,
    pub(super) upper: bool,
    pub(super) strict: bool,
}

/// `sum of terms + constant <= 0`, or `< 0`; the terms are `Formula::terms[start..][..len]`.
#[derive(Debug, Clone)]
pub(super) struct FlatRow {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) constant: Rational,
    pub(super) strict: bool,
}

/// A variable, an output when [`OUTPUT`] is set, with its coefficient.
pub(super) type Term = (u32, Rational);

/// How an atom compares its left-hand side with zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    LessEqual,
    Less,
    GreaterEqual,
    Greater,
    Equal,
    NotEqual,
}

/// A complete formula.
#[derive(Debug, Default)]
pub(super) struct Formula {
    /// The tree; node 0 is the conjunction of all assertions.
    pub(super) nodes: Vec<Node>,
    pub(super) inner: Vec<Inner>,
    pub(super) bounds: Vec<Bound>,
    /// Distinct rows in order of first use.
    pub(super) rows: Vec<FlatRow>,
    pub(super) terms: Vec<Term>,
    /// Steps that the expansion takes at most.
    pub(super) work: u64,
}

impl Formula {
    /// The terms of a row.
    pub(super) fn row_terms(&self, row: &FlatRow) -> &[Term] {
        &self.terms[row.start as usize..][..row.len as usize]
    }

    /// Number of disjuncts below a node.
    pub(super) fn count(&self, node: u32) -> u64 {
        match self.nodes[node as usize] {
            Node::And(id) | Node::Or(id) => self.inner[id as usize].count as u64,
            Node::Bound(_) | Node::Row(_) | Node::True | Node::False => 1,
        }
    }

    /// The node after a node's last descendant.
    pub(super) fn end(&self, node: u32) -> u32 {
        match self.nodes[node as usize] {
            Node::And(id) | Node::Or(id) => self.inner[id as usize].end,
            Node::Bound(_) | Node::Row(_) | Node::True | Node::False => node + 1,
        }
    }
}

/// The size of a node's expansion: conjuncts taken once, steps below its disjunctions, disjuncts.
#[derive(Debug, Clone, Copy)]
struct Size {
    once: u64,
    branching: u64,
    count: u64,
}

impl Size {
    const LEAF: Size = Size { once: 1, branching: 0, count: 1 };
    const NOTHING: Size = Size { once: 0, branching: 0, count: 0 };

    /// Both hold: the second one's branches are walked for each disjunct of the first.
    fn and(self, other: Size) -> Size {
        Size {
            once: self.once.saturating_add(other.once),
            branching: self.branching.saturating_add(self.count.saturating_mul(other.branching)),
            count: self.count.saturating_mul(other.count),
        }
    }

    /// One of both holds.
    fn or(self, other: Size) -> Size {
        let step = other.once.saturating_add(other.branching).saturating_add(1);
        Size {
            once: self.once,
            branching: self.branching.saturating_add(step),
            count: self.count.saturating_add(other.count),
        }
    }
}

/// An inner node whose children are being read.
#[derive(Debug)]
struct OpenNode {
    id: u32,
    disjunction: bool,
    children: u32,
    live: u32,
    size: Size,
    /// The last child that has a disjunct.
    last_live: Size,
}

/// Builds a [`Formula`] in one pass over the text.
#[derive(Debug)]
pub(super) struct Builder {
    formula: Formula,
    open: Vec<OpenNode>,
    rows_by_hash: ByHash,
}

impl Builder {
    /// A formula without assertions yet.
    pub(super) fn new() -> Builder {
        let mut builder = Builder {
            formula: Formula::default(),
            open: Vec::new(),
            rows_by_hash: ByHash::default(),
        };
        builder.push_inner(false);
        builder
    }

    /// How many `and` and `or` are open inside the current assertion.
    pub(super) fn depth(&self) -> usize {
        self.open.len() - 1
    }

    /// Number of bytes of text can exceed what 32-bit indices address; refuse by name then.
    pub(super) fn check_room(&self, lexer: &Lexer<'_>) -> Result<(), Error> {
        const MOST: usize = 1 << 31;
        let formula = &self.formula;
        if formula.nodes.len() >= MOST || formula.terms.len() >= MOST {
            let message = "the text has more than 2147483648 atoms";
            return Err(lexer.error(Kind::TooLarge, lexer.start(), message));
        }
        Ok(())
    }

    fn push_inner(&mut self, disjunction: bool) {
        let id = self.formula.inner.len() as u32;
        self.formula.nodes.push(if disjunction { Node::Or(id) } else { Node::And(id) });
        self.formula.inner.push(Inner { end: 0, count: 0, live: 0 });
        let size = if disjunction { Size::NOTHING } else { Size::LEAF };
        self.open.push(OpenNode { id, disjunction, children: 0, live: 0, size, last_live: size });
    }

    /// Opens a conjunction.
    pub(super) fn open_and(&mut self) {
        self.push_inner(false);
    }

    /// Opens a disjunction.
    pub(super) fn open_or(&mut self) {
        self.push_inner(true);
    }

    /// Closes the innermost open node and says how many children it has.
    pub(super) fn close(&mut self) -> u32 {
        let Some(node) = self.open.pop() else {
            return 0;
        };
        self.formula.inner[node.id as usize] = Inner {
            end: self.formula.nodes.len() as u32,
            count: node.size.count.min(u32::MAX as u64) as u32,
            live: node.live,
        };
        let mut size = node.size;
        if node.disjunction && node.live == 1 {
            // The expansion steps into the only child that counts, as into a conjunction.
            size = node.last_live;
            size.once = size.once.saturating_add(node.children as u64);
        }
        match self.open.last_mut() {
            Some(parent) => parent.add(size),
            None => self.formula.work = size.once.saturating_add(size.branching),
        }
        node.children
    }

    fn leaf(&mut self, node: Node) {
        self.sized_leaf(node, Size::LEAF);
    }

    fn sized_leaf(&mut self, node: Node, size: Size) {
        self.formula.nodes.push(node);
        if let Some(parent) = self.open.last_mut() {
            parent.add(size);
        }
    }

    /// The finished formula.
    pub(super) fn finish(mut self) -> Formula {
        self.close();
        self.formula
    }

    /// Adds the atom `sum of terms + constant RELATION 0`; `terms` is put in order and emptied.
    pub(super) fn atom(&mut self, terms: &mut Vec<Term>, constant: Rational, relation: Relation) {
        merge(terms);
        match relation {
            Relation::LessEqual => self.below(terms, constant, false),
            Relation::Less => self.below(terms, constant, true),
            Relation::GreaterEqual => {
                let constant = negate(terms, constant);
                self.below(terms, constant, false);
            }
            Relation::Greater => {
                let constant = negate(terms, constant);
                self.below(terms, constant, true);
            }
            Relation::Equal | Relation::NotEqual => {
                let strict = relation == Relation::NotEqual;
                self.push_inner(strict);
                self.below(terms, constant.clone(), strict);
                let constant = negate(terms, constant);
                self.below(terms, constant, strict);
                self.close();
            }
        }
        terms.clear();
    }

    /// Adds the leaf `sum of terms + constant <= 0`, or `< 0`; the terms are merged.
    fn below(&mut self, terms: &[Term], constant: Rational, strict: bool) {
        match terms {
            [] => {
                let sign = constant.signum();
                let holds = if strict { sign < 0 } else { sign <= 0 };
                self.leaf(if holds { Node::True } else { Node::False });
            }
            [(variable, coefficient)] if variable & OUTPUT == 0 => {
                let id = self.formula.bounds.len() as u32;
                let bound = face(*variable, coefficient, constant, strict);
                // Long numbers are compared by multiplying them.
                let words = bound.value.heap_bits() as u64 / 64;
                let once = 1 + words * words / 16;
                self.formula.bounds.push(bound);
                self.sized_leaf(Node::Bound(id), Size { once, ..Size::LEAF });
            }
            _ => {
                let row = self.intern(terms, constant, strict);
                self.leaf(Node::Row(row));
            }
        }
    }

    fn intern(&mut self, terms: &[Term], constant: Rational, strict: bool) -> u32 {
        let mut hasher = DefaultHasher::new();
        (terms, &constant, strict).hash(&mut hasher);
        let hash = hasher.finish();
        let formula = &self.formula;
        let known = self.rows_by_hash.find(hash, |id| {
            let row = &formula.rows[id as usize];
            row.strict == strict && row.constant == constant && formula.row_terms(row) == terms
        });
        if let Some(id) = known {
            return id;
        }
        let id = self.rows_by_hash.insert(hash);
        let start = self.formula.terms.len() as u32;
        self.formula.terms.extend_from_slice(terms);
        self.formula.rows.push(FlatRow { start, len: terms.len() as u32, constant, strict });
        id
    }
}

impl OpenNode {
    fn add(&mut self, child: Size) {
        self.children += 1;
        if child.count > 0 {
            self.live += 1;
            self.last_live = child;
        }
        self.size = if self.disjunction { self.size.or(child) } else { self.size.and(child) };
    }
}

/// The face that `coefficient * input + constant <= 0` puts on the input's range.
fn face(input: u32, coefficient: &Rational, constant: Rational, strict: bool) -> Bound {
    let upper = coefficient.signum() > 0;
    let value = if *coefficient == Rational::ONE {
        -&constant
    } else if -coefficient == Rational::ONE {
        constant
    } else {
        let value = (-&constant).checked_div(coefficient);
        value.expect("merged terms have coefficients other than zero")
    };
    Bound { value, input, upper, strict }
}

/// Sorts the terms by variable, adds up those of one variable, removes zeros.
fn merge(terms: &mut Vec<Term>) {
    if let [(_, coefficient)] = terms.as_slice() {
        if coefficient.is_zero() {
            terms.clear();
        }
        return;
    }
    if !terms.is_sorted_by(|a, b| a.0 < b.0) {
        terms.sort_by_key(|term| term.0);
        terms.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += &later.1;
            }
            same
        });
    }
    terms.retain(|term| !term.1.is_zero());
}

/// Negates the terms in place and returns the negated constant.
fn negate(terms: &mut [Term], constant: Rational) -> Rational {
    for (_, coefficient) in terms {
        *coefficient = -&*coefficient;
    }
    -&constant
}
