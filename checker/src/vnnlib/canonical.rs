//! From a formula to the canonical query: disjunctive normal form with a box per disjunct.
//!
//! A walk in source order takes every conjunct that stands beside an `or` into account before it
//! branches, so what stands outside reaches every disjunct wherever it is written, and what stands in
//! one disjunct is undone before the next. The size of the normal form is known beforehand
//! ([`Formula::work`] and the counts of its nodes); what shares boxes cannot be known, so the number of
//! stored faces is watched during the walk.
//!
//! A disjunct that contradicts itself on its box, or has a false atom without variables, is dropped; any
//! other disjunct must bound every input on both sides.

use super::by_hash::ByHash;
use super::formula::{Formula, Node, OUTPUT};
use crate::error::{Error, Kind};
use crate::query::{Disjunct, Face, Region, Row};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Most disjuncts of a normal form.
pub(super) const MAX_DISJUNCTS: u64 = 4_000_000;
/// Most steps that building a normal form may take.
pub(super) const MAX_WORK: u64 = 250_000_000;
/// Most faces of distinct boxes, besides four for every face that the text writes.
pub(super) const MAX_FACES: usize = 8_000_000;
/// Most terms of all rows of all disjuncts, each row counted as three terms more; besides four for every
/// term and atom that the text writes.
pub(super) const MAX_TERMS: usize = 8_000_000;

/// What the formula came to.
#[derive(Debug, Default)]
pub(super) struct Canonical {
    pub(super) regions: Vec<Region>,
    pub(super) disjuncts: Vec<Disjunct>,
    pub(super) dropped: usize,
}

/// Expands a formula over this many inputs; `name` names an input in an error.
pub(super) fn expand(
    formula: &Formula,
    inputs: usize,
    name: &dyn Fn(usize) -> String,
) -> Result<Canonical, Error> {
    let count = formula.count(0);
    if count > MAX_DISJUNCTS {
        let amount = if count == u32::MAX as u64 {
            "more than 4294967294".to_string()
        } else {
            count.to_string()
        };
        return Err(too_large(format!(
            "the formula has {amount} disjuncts when multiplied out; {MAX_DISJUNCTS} are read"
        )));
    }
    if formula.work > MAX_WORK {
        return Err(too_large(format!(
            "multiplying the formula out takes {} steps; {MAX_WORK} are allowed",
            formula.work
        )));
    }
    if count == 0 {
        return Ok(Canonical::default());
    }
    let mut walk = Walk::new(formula, inputs, name);
    if walk.assume(0, formula.end(0)) {
        walk.recording = true;
        walk.branch()?;
    } else {
        walk.result.dropped = count as usize;
    }
    Ok(walk.result)
}

const NONE: u32 = u32::MAX;

fn too_large(message: String) -> Error {
    Error::new(Kind::TooLarge, message)
        .help("split the query into several texts, one for each part of an `or`")
}

/// The state of the walk: the conjuncts taken so far, and how to undo the last of them.
struct Walk<'f> {
    formula: &'f Formula,
    name: &'f dyn Fn(usize) -> String,
    lower: Vec<Option<Face>>,
    upper: Vec<Option<Face>>,
    /// Faces not set yet.
    missing: usize,
    /// Faces as they were, innermost last; kept once the walk has branched.
    trail: Vec<Undo>,
    recording: bool,
    /// Rows taken, as node and row.
    rows: Vec<(u32, u32)>,
    /// Disjunctions still to be branched on, the next one last.
    pending: Vec<u32>,
    /// The region of the faces as they are, once looked up.
    region: Option<u32>,
    regions_by_hash: ByHash,
    /// The disjuncts all of whose rows had been used before; `hashed` has their numbers.
    disjuncts_by_hash: ByHash,
    hashed: Vec<u32>,
    /// For every row of the formula the first disjunct that uses it.
    first_user: Vec<u32>,
    /// Row numbers of all disjuncts kept, one disjunct after the other.
    kept_rows: Vec<u32>,
    /// Where the rows of each disjunct kept end in there.
    ends: Vec<usize>,
    /// Rows taken, while they are sorted.
    sorted: Vec<(u32, u32)>,
    terms: usize,
    /// Faces and rows looked at for complete disjuncts.
    steps: u64,
    /// How many steps it takes to look at a face: more where numbers are long.
    face_steps: u64,
    most_faces: usize,
    most_terms: usize,
    result: Canonical,
}

struct Undo {
    input: u32,
    upper: bool,
    before: Option<Face>,
}

struct Mark {
    trail: usize,
    rows: usize,
    pending: usize,
    region: Option<u32>,
}

impl<'f> Walk<'f> {
    fn new(formula: &'f Formula, inputs: usize, name: &'f dyn Fn(usize) -> String) -> Walk<'f> {
        let longest = formula.bounds.iter().map(|bound| bound.value.heap_bits()).max();
        Walk {
            formula,
            name,
            lower: vec![None; inputs],
            upper: vec![None; inputs],
            missing: 2 * inputs,
            trail: Vec::new(),
            recording: false,
            rows: Vec::new(),
            pending: Vec::new(),
            region: None,
            regions_by_hash: ByHash::default(),
            disjuncts_by_hash: ByHash::default(),
            hashed: Vec::new(),
            first_user: vec![NONE; formula.rows.len()],
            kept_rows: Vec::new(),
            ends: Vec::new(),
            sorted: Vec::new(),
            terms: 0,
            steps: 0,
            face_steps: 1 + longest.unwrap_or(0) as u64 / 512,
            most_faces: MAX_FACES + 4 * formula.bounds.len(),
            most_terms: MAX_TERMS + 4 * (formula.terms.len() + formula.nodes.len()),
            result: Canonical::default(),
        }
    }

    /// Takes the conjuncts of a stretch of nodes; disjunctions wait. False when they contradict.
    fn assume(&mut self, begin: u32, end: u32) -> bool {
        let first_pending = self.pending.len();
        let mut at = begin;
        while at < end {
            let holds = match self.formula.nodes[at as usize] {
                Node::And(id) | Node::Or(id) if self.formula.inner[id as usize].count == 0 => {
                    // Only a disjunction with one live child is stepped into, past the dead ones.
                    at = self.formula.inner[id as usize].end;
                    continue;
                }
                Node::Or(id) if self.formula.inner[id as usize].live > 1 => {
                    self.pending.push(at);
                    at = self.formula.inner[id as usize].end;
                    continue;
                }
                Node::And(_) | Node::Or(_) | Node::True => true,
                Node::False => false,
                Node::Bound(bound) => self.tighten(bound),
                Node::Row(row) => {
                    self.rows.push((at, row));
                    true
                }
            };
            if !holds {
                return false;
            }
            at += 1;
        }
        self.pending[first_pending..].reverse();
        true
    }

    /// Moves a face inwards, if the bound is tighter. False when nothing is left between the two.
    fn tighten(&mut self, bound: u32) -> bool {
        let bound = &self.formula.bounds[bound as usize];
        let input = bound.input as usize;
        let (side, other) = if bound.upper {
            (&mut self.upper[input], &self.lower[input])
        } else {
            (&mut self.lower[input], &self.upper[input])
        };
        if let Some(face) = side {
            let order = bound.value.cmp(&face.value);
            let inwards = if bound.upper { order.is_lt() } else { order.is_gt() };
            let stricter = order.is_eq() && bound.strict && !face.strict;
            if !inwards && !stricter {
                return true;
            }
        } else {
            self.missing -= 1;
        }
        self.region = None;
        let face = Face { value: bound.value.clone(), strict: bound.strict };
        let open = match other {
            None => true,
            Some(other) => {
                let order = face.value.cmp(&other.value);
                let outwards = if bound.upper { order.is_gt() } else { order.is_lt() };
                outwards || (order.is_eq() && !face.strict && !other.strict)
            }
        };
        let before = side.replace(face);
        if self.recording {
            self.trail.push(Undo { input: bound.input, upper: bound.upper, before });
        }
        open
    }

    fn mark(&self) -> Mark {
        Mark {
            trail: self.trail.len(),
            rows: self.rows.len(),
            pending: self.pending.len(),
            region: self.region,
        }
    }

    fn undo(&mut self, mark: &Mark) {
        // Where no face moved, the region that was looked up serves the siblings too.
        if self.trail.len() > mark.trail {
            self.region = mark.region;
        }
        for undo in self.trail.drain(mark.trail..).rev() {
            let side = if undo.upper { &mut self.upper } else { &mut self.lower };
            if undo.before.is_none() {
                self.missing += 1;
            }
            side[undo.input as usize] = undo.before;
        }
        self.rows.truncate(mark.rows);
        self.pending.truncate(mark.pending);
    }

    /// Takes each child of the next disjunction in turn; with none left, a disjunct is complete.
    ///
    /// Recursion is as deep as disjunctions with two live children stand inside or beside each other
    /// on one path; nesting is limited, and each one beside another at least doubles the count.
    fn branch(&mut self) -> Result<(), Error> {
        let Some(disjunction) = self.pending.pop() else {
            return self.complete();
        };
        let end = self.formula.end(disjunction);
        let mut child = disjunction + 1;
        while child < end {
            let count = self.formula.count(child);
            let next = self.formula.end(child);
            if count == 0 {
                child = next;
                continue;
            }
            if let Node::Or(_) = self.formula.nodes[child as usize] {
                child += 1;
                continue;
            }
            let mark = self.mark();
            if self.assume(child, next) {
                self.branch()?;
            } else {
                self.pending.truncate(mark.pending);
                let rest = self.pending.iter().map(|node| self.formula.count(*node));
                self.result.dropped += rest.product::<u64>().saturating_mul(count) as usize;
            }
            self.undo(&mark);
            child = next;
        }
        self.pending.push(disjunction);
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.steps += self.rows.len() as u64;
        if self.region.is_none() {
            self.steps += 2 * self.face_steps * self.lower.len() as u64;
        }
        if self.steps > MAX_WORK {
            return Err(too_large(format!(
                "comparing the boxes and rows of all disjuncts takes more than {MAX_WORK} steps"
            )));
        }
        let region = match self.region {
            Some(region) => region,
            None => self.look_up_region()?,
        };
        self.region = Some(region);
        let begin = self.kept_rows.len();
        self.collect_rows();
        if self.is_known(region, begin) {
            self.kept_rows.truncate(begin);
            return Ok(());
        }
        let rows = &self.kept_rows[begin..];
        self.ends.push(self.kept_rows.len());
        for row in rows {
            self.terms += self.formula.rows[*row as usize].len as usize + 3;
        }
        if self.terms > self.most_terms {
            return Err(too_large(format!(
                "the rows of all disjuncts have more than {} terms",
                self.most_terms
            )));
        }
        let rows = rows.iter().map(|row| self.row(*row)).collect();
        self.result.disjuncts.push(Disjunct { region, rows });
        Ok(())
    }

    /// Whether an earlier disjunct has this region and the rows from `begin` on; else they are filed.
    ///
    /// Most disjuncts of a long text have a row of their own and need no search: an equal one has that
    /// row, too, of which this disjunct is the first user.
    fn is_known(&mut self, region: u32, begin: usize) -> bool {
        let rows = &self.kept_rows[begin..];
        let id = self.result.disjuncts.len() as u32;
        let is_same = |other: u32| {
            let other = other as usize;
            let from = if other == 0 { 0 } else { self.ends[other - 1] };
            self.result.disjuncts[other].region == region
                && self.kept_rows[from..self.ends[other]] == *rows
        };
        let mut fresh = false;
        for row in rows {
            let user = &mut self.first_user[*row as usize];
            if *user == NONE {
                *user = id;
                fresh = true;
            }
        }
        if fresh {
            return false;
        }
        if rows.iter().any(|row| is_same(self.first_user[*row as usize])) {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        (region, rows).hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.disjuncts_by_hash.find(hash, |at| is_same(self.hashed[at as usize]));
        if known.is_none() {
            self.disjuncts_by_hash.insert(hash);
            self.hashed.push(id);
        }
        known.is_some()
    }

    /// Appends the rows taken to `kept_rows`: in source order, each one once.
    fn collect_rows(&mut self) {
        let begin = self.kept_rows.len();
        let taken = &mut self.sorted;
        taken.clear();
        taken.extend_from_slice(&self.rows);
        taken.sort_unstable();
        let rows = taken.iter().map(|(_, row)| *row);
        if taken.len() <= 32 {
            for row in rows {
                if !self.kept_rows[begin..].contains(&row) {
                    self.kept_rows.push(row);
                }
            }
            return;
        }
        let mut known = HashSet::with_capacity(taken.len());
        self.kept_rows.extend(rows.filter(|row| known.insert(*row)));
    }

    fn row(&self, row: u32) -> Row {
        let flat = &self.formula.rows[row as usize];
        let terms = self.formula.row_terms(flat);
        let split = terms.partition_point(|term| term.0 & OUTPUT == 0);
        Row {
            outputs: terms[split..].iter().map(|(y, c)| (y & !OUTPUT, c.clone())).collect(),
            inputs: terms[..split].to_vec(),
            constant: flat.constant.clone(),
            strict: flat.strict,
        }
    }

    /// The region of the faces as they are, new or known.
    fn look_up_region(&mut self) -> Result<u32, Error> {
        if self.missing > 0 {
            return Err(self.unbounded());
        }
        let mut hasher = DefaultHasher::new();
        for face in self.lower.iter().chain(&self.upper).flatten() {
            face.hash(&mut hasher);
        }
        let hash = hasher.finish();
        let regions = &mut self.result.regions;
        let known = self.regions_by_hash.find(hash, |id| {
            let region = &regions[id as usize];
            region.lower.iter().eq(self.lower.iter().flatten())
                && region.upper.iter().eq(self.upper.iter().flatten())
        });
        if let Some(id) = known {
            return Ok(id);
        }
        if (regions.len() + 1).saturating_mul(2 * self.lower.len()) > self.most_faces {
            return Err(too_large(format!(
                "the boxes of all disjuncts have more than {} faces ({} boxes of {} inputs)",
                self.most_faces,
                regions.len() + 1,
                self.lower.len()
            )));
        }
        let id = self.regions_by_hash.insert(hash);
        regions.push(Region {
            lower: self.lower.iter().flatten().cloned().collect(),
            upper: self.upper.iter().flatten().cloned().collect(),
        });
        Ok(id)
    }

    fn unbounded(&self) -> Error {
        let lacks = |side: &[Option<Face>]| side.iter().position(Option::is_none);
        let (lower, upper) = (lacks(&self.lower), lacks(&self.upper));
        let input = [lower, upper].into_iter().flatten().min().unwrap_or(0);
        let name = (self.name)(input);
        let which = match (lower == Some(input), upper == Some(input)) {
            (true, true) => "no bounds",
            (true, false) => "no lower bound",
            (false, _) => "no upper bound",
        };
        let nth = self.result.disjuncts.len() + self.result.dropped + 1;
        let message = if self.formula.count(0) > 1 {
            format!("the input {name} has {which} in disjunct {nth}")
        } else {
            format!("the input {name} has {which}")
        };
        Error::new(Kind::UnboundedInput, message)
            .help("every disjunct must bound every input on both sides by a constant")
    }
}
