//! From the trail of a search to a certificate, every step of which the checker's rules have accepted.
//!
//! The trail says how boxes were cut and what closed them; here each conclusion is drawn again by the
//! functions of `plimsoll_check::proof`. Where one fails, by a rounded slope or a bound that the prover
//! inherited and the checker did not, the box is cut further until it succeeds.

use crate::budget::Budget;
use crate::net::{Network, NodeIndex, Primitive};
use crate::search::{Cut, Evidence, STEPS, Trail};
use plimsoll_check::proof::{
    Bounding, Bounds, Choice, Conclusion, Face, Form, MAX_DEPTH, Node, Open, Program, Rest, Scene,
    Scratch, Signs, Split, Step, Target, refutes_exactly,
};
use plimsoll_check::query::Query;
use plimsoll_check::{Error, Kind};
use rayon::prelude::*;
use std::collections::HashMap;

/// Cuts below a box of the trail that did not close, before the proof is given up.
const REPAIRS: usize = 24;

/// Sub-trees with at least so many boxes are worth tighter bounds at their root.
const WORTH: usize = 6;

/// The trees of a proof that a query holds, one a region.
///
/// # Errors
/// If a box cannot be closed by the checker's rules, or the time is up.
pub fn certify(
    network: &Network,
    program: &Program,
    query: &Query,
    trail: &Trail,
    budget: &Budget,
) -> Result<Vec<Node>, Error> {
    let places = Places::new(network, program);
    let sizes = sizes(trail);
    let mut trees = Vec::with_capacity(query.regions.len());
    for region in 0..query.regions.len() {
        if query.regions[region].is_empty() {
            trees.push(Node::default());
            continue;
        }
        let scene = Scene::new(program, query, region);
        let builder = Builder { scene: &scene, trail, sizes: &sizes, places: &places, budget };
        let cut = match trail.marks.get(region) {
            Some(_) => Cut::Box(region),
            None => Cut::Nothing,
        };
        trees.push(builder.node(scene.all(), None, &cut, &[], Depth::default())?);
    }
    Ok(trees)
}

/// How deep a node is: in the tree, and below what the trail knows.
#[derive(Clone, Copy, Default)]
struct Depth {
    tree: usize,
    repairs: usize,
}

/// The place in the program of each relu of the network.
struct Places(HashMap<NodeIndex, Vec<u32>>);

impl Places {
    fn new(network: &Network, program: &Program) -> Places {
        let places = program.places();
        let mut all = HashMap::new();
        for (index, node) in network.nodes.iter().enumerate() {
            let named = program.named.get(&node.name);
            let Some(variables) = named.filter(|named| named.len() == node.len) else { continue };
            let mine: Option<Vec<u32>> = variables.iter().map(|v| places.get(v).copied()).collect();
            if let (Primitive::Relu { .. }, Some(mine)) = (&node.primitive, mine) {
                all.insert(index, mine);
            }
        }
        Places(all)
    }

    /// Slopes as a certificate has them: sorted by place.
    fn codes(&self, slopes: &[(NodeIndex, u32, f32)]) -> Vec<(u32, u8)> {
        let code = |(node, element, slope): &(NodeIndex, u32, f32)| {
            let place = self.0.get(node)?.get(*element as usize)?;
            Some((*place, (slope.clamp(0.0, 1.0) * 255.0).round() as u8))
        };
        let mut codes: Vec<(u32, u8)> = slopes.iter().filter_map(code).collect();
        codes.sort_unstable();
        codes.dedup_by_key(|code| code.0);
        codes
    }
}

/// Boxes at and below each mark.
fn sizes(trail: &Trail) -> Vec<usize> {
    fn children(cut: &Cut, visit: &mut impl FnMut(usize)) {
        match cut {
            Cut::Nothing => {}
            Cut::Box(child) => visit(*child),
            Cut::Split { halves, .. } | Cut::Sign { halves, .. } => {
                halves.iter().for_each(|half| children(half, visit));
            }
            Cut::Cases(cases) => cases.iter().for_each(|(_, cut)| children(cut, visit)),
        }
    }
    let mut sizes = vec![1; trail.marks.len()];
    // Children come behind their parents.
    for mark in (0..trail.marks.len()).rev() {
        let mut below = 0;
        children(&trail.marks[mark].cut, &mut |child| below += sizes[child]);
        sizes[mark] += below;
    }
    sizes
}

struct Builder<'b> {
    scene: &'b Scene<'b>,
    trail: &'b Trail,
    sizes: &'b [usize],
    places: &'b Places,
    budget: &'b Budget,
}

impl Builder<'_> {
    /// The node for what is open, as the cut says; `evidence` is what a box above had for disjuncts that
    /// it could not close.
    fn node(
        &self,
        mut open: Vec<Open>,
        outer: Option<&Bounds>,
        cut: &Cut,
        evidence: &[Evidence],
        depth: Depth,
    ) -> Result<Node, Error> {
        if self.budget.is_exhausted() {
            return Err(late());
        }
        let Some((lower, upper)) = Scene::hull(&open) else { return Ok(Node::default()) };
        if depth.tree >= MAX_DEPTH {
            return Err(Error::new(Kind::Certificate, "the proof is too deep"));
        }
        let mut scratch = Scratch::default();
        // A box of the trail, a half between two of them, or one that the trail does not know.
        let (mark, inner) = match cut {
            Cut::Box(mark) => (Some(&self.trail.marks[*mark]), &self.trail.marks[*mark].cut),
            other => (None, other),
        };
        let carried: Vec<&Evidence> =
            evidence.iter().filter(|e| open.iter().any(|o| o.disjunct == e.disjunct)).collect();
        let closed = mark.map_or(&[][..], |mark| &mark.closed[..]);
        let between = mark.is_none() && matches!(cut, Cut::Split { .. });
        let mut node = Node::default();
        let worth = match cut {
            Cut::Box(mark) => self.sizes[*mark] >= WORTH,
            _ => false,
        };
        let mut bounds = match worth {
            true => self.scene.frame.tightened(&lower, &upper, outer, &mut scratch),
            false => self.scene.frame.interval(&lower, &upper, outer),
        };
        node.bounding = if worth { Bounding::Tighten } else { Bounding::Interval };
        let wanted: Vec<&Evidence> = closed.iter().chain(carried.iter().copied()).collect();
        let cases = matches!(inner, Cut::Cases(_));
        if cases {
            // One bounding of the region serves all trees of its disjuncts.
            bounds = self.scene.frame.tightened(&lower, &upper, outer, &mut scratch);
            node.bounding = Bounding::Tighten;
        }
        if !between && !cases {
            let before = open.clone();
            self.close(&bounds, &wanted, &mut open, &mut node.steps, &mut scratch);
            let leaf = matches!(inner, Cut::Nothing);
            let missing = closed.iter().any(|e| open.iter().any(|o| o.disjunct == e.disjunct));
            if !worth && (missing || (leaf && !open.is_empty())) {
                bounds = self.scene.frame.tightened(&lower, &upper, outer, &mut scratch);
                node.bounding = Bounding::Tighten;
                node.steps.clear();
                open = before;
                self.close(&bounds, &wanted, &mut open, &mut node.steps, &mut scratch);
            }
            let rest: Vec<&Evidence> = mark.iter().flat_map(|mark| &mark.open).collect();
            self.clip(&bounds, &rest, &mut open, &mut node.steps, &mut scratch);
        }
        if open.is_empty() {
            return Ok(node);
        }
        let deeper = Depth { tree: depth.tree + 1, ..depth };
        // What was to be closed here and was not goes along.
        let along: Vec<Evidence> = wanted
            .into_iter()
            .chain(mark.iter().flat_map(|mark| &mark.open))
            .filter(|e| open.iter().any(|o| o.disjunct == e.disjunct))
            .cloned()
            .collect();
        node.rest = match inner {
            Cut::Split { input, at, halves } => {
                let [left, right] = Scene::halves(&open, *input, *at);
                let [below, above] = &**halves;
                let (below, above) = rayon::join(
                    || self.node(left, Some(&bounds), below, &along, deeper),
                    || self.node(right, Some(&bounds), above, &along, deeper),
                );
                let (below, above) = (below?, above?);
                Rest::Split(Box::new(Split { input: *input as u32, at: *at, below, above }))
            }
            Cut::Box(_) => {
                Rest::Again(Box::new(self.node(open, Some(&bounds), inner, &along, deeper)?))
            }
            Cut::Cases(cases) => self.cases(&open, &bounds, cases, deeper)?,
            Cut::Sign { .. } | Cut::Nothing => {
                self.repair(open, &bounds, &along, deeper, &mut scratch)?
            }
        };
        Ok(node)
    }

    /// A node for each disjunct, whose trees assume signs.
    fn cases(
        &self,
        open: &[Open],
        bounds: &Bounds,
        cases: &[(u32, Cut)],
        depth: Depth,
    ) -> Result<Rest, Error> {
        let one = |o: &Open| {
            let cut = cases.iter().find(|(disjunct, _)| *disjunct == o.disjunct);
            let cut = cut.map_or(&Cut::Nothing, |(_, cut)| cut);
            let deeper = Depth { tree: depth.tree + 1, ..depth };
            Ok((o.disjunct, self.sign(o, bounds, cut, &mut Vec::new(), deeper)?))
        };
        Ok(Rest::Cases(open.par_iter().map(one).collect::<Result<_, Error>>()?))
    }

    /// The node of a subproblem of one disjunct, where these signs are assumed.
    fn sign(
        &self,
        open: &Open,
        bounds: &Bounds,
        cut: &Cut,
        assumed: &mut Vec<(u32, bool)>,
        depth: Depth,
    ) -> Result<Node, Error> {
        if self.budget.is_exhausted() {
            return Err(late());
        }
        let Cut::Box(mark) = cut else { return Err(stuck()) };
        let mark = &self.trail.marks[*mark];
        let mut node = Node { bounding: Bounding::Keep, ..Node::default() };
        if depth.tree >= MAX_DEPTH {
            return Err(Error::new(Kind::Certificate, "the proof is too deep"));
        }
        if let Cut::Sign { relu, element, halves } = &mark.cut {
            let place = self.places.0.get(relu).and_then(|all| all.get(*element as usize));
            let Some(place) = place else { return Err(stuck()) };
            let deeper = Depth { tree: depth.tree + 1, ..depth };
            let [active, inactive] = &**halves;
            let mut other = assumed.clone();
            assumed.push((*place, true));
            other.push((*place, false));
            let (active, inactive) = rayon::join(
                || self.sign(open, bounds, active, assumed, deeper),
                || self.sign(open, bounds, inactive, &mut other, deeper),
            );
            let (active, inactive) = (active?, inactive?);
            node.rest = Rest::Sign(Box::new(Signs { relu: *place, active, inactive }));
            return Ok(node);
        }
        let evidence = mark.closed.first().ok_or_else(stuck)?;
        let weights = self.weights(open.disjunct, Some(evidence));
        let codes = self.places.codes(&evidence.slopes);
        let multipliers: Vec<(u32, f32)> =
            (0..).zip(evidence.signs.iter().copied()).filter(|(_, m)| *m > 0.0).collect();
        // The combination is scaled to the certificate's multipliers, and so are those of signs.
        let most = evidence.multipliers.iter().fold(0.0f64, |m, v| m.max(*v));
        let factor = if weights[0].len() > 1 { STEPS / most } else { 1.0 / most };
        let multipliers: Vec<(u32, f32)> =
            multipliers.into_iter().map(|(at, m)| (at, (f64::from(m) * factor) as f32)).collect();
        let (slopes, signs) = (self.scene.slopes(&codes), self.scene.signs(assumed));
        let target = self.scene.combine(open.disjunct, &weights[0]);
        let target = target.and_then(|t| self.scene.with_signs(t, assumed, &multipliers));
        let (Some(slopes), Some(signs), Some(target)) = (slopes, signs, target) else {
            return Err(stuck());
        };
        let mut scratch = Scratch::default();
        let choice = Choice { slopes: &slopes, signs: &signs };
        let forms = self.scene.forms(bounds, std::slice::from_ref(&target), choice, &mut scratch);
        if !target.is_refuted(&forms[0], &open.lower, &open.upper) {
            return Err(stuck());
        }
        node.steps.push(Step {
            disjunct: open.disjunct,
            multipliers: weights[0].clone(),
            slopes: codes,
            signs: multipliers,
            conclusion: Conclusion::Close,
        });
        Ok(node)
    }

    /// Cuts a box that the trail thought closed, where the best form is steepest.
    fn repair(
        &self,
        open: Vec<Open>,
        bounds: &Bounds,
        evidence: &[Evidence],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<Rest, Error> {
        let Some((lower, upper)) = Scene::hull(&open).filter(|_| depth.repairs < REPAIRS) else {
            return Err(stuck());
        };
        let targets: Vec<Target> = open
            .iter()
            .flat_map(|o| {
                let mine = evidence.iter().find(|e| e.disjunct == o.disjunct);
                let weights = self.weights(o.disjunct, mine);
                weights.into_iter().filter_map(|w| self.scene.combine(o.disjunct, &w))
            })
            .collect();
        let forms = self.scene.forms(bounds, &targets, Choice::default(), scratch);
        let mut score = vec![0.0; lower.len()];
        for form in &forms {
            for (s, c) in score.iter_mut().zip(&form.coefficients) {
                *s += c.abs();
            }
        }
        let steepest = score.iter().fold(0.0f64, |m, s| m.max(*s));
        let floor = if steepest > 0.0 { 0.15 * steepest } else { 1.0 };
        let width = |d: usize| (upper[d] - lower[d]) * score[d].max(floor);
        let middle = |d: usize| 0.5 * lower[d] + 0.5 * upper[d];
        let input = (0..lower.len())
            .filter(|d| lower[*d] < middle(*d) && middle(*d) < upper[*d])
            .max_by(|a, b| width(*a).total_cmp(&width(*b)))
            .ok_or_else(stuck)?;
        let at = middle(input);
        let [left, right] = Scene::halves(&open, input, at);
        let deeper = Depth { repairs: depth.repairs + 1, ..depth };
        let below = self.node(left, Some(bounds), &Cut::Nothing, evidence, deeper)?;
        let above = self.node(right, Some(bounds), &Cut::Nothing, evidence, deeper)?;
        Ok(Rest::Split(Box::new(Split { input: input as u32, at, below, above })))
    }

    /// Multipliers to try for a disjunct: each row alone, and the combination of the evidence.
    fn weights(&self, disjunct: u32, evidence: Option<&Evidence>) -> Vec<Vec<u16>> {
        let count = self.scene.query.disjuncts[disjunct as usize].rows.len();
        let combined = evidence.map_or(&[][..], |e| &e.multipliers[..]);
        let most = combined.iter().fold(0.0f64, |m, v| m.max(*v));
        let mut all = Vec::new();
        if count > 1 && combined.len() == count && most > 0.0 {
            all.push(combined.iter().map(|m| (m / most * STEPS).round() as u16).collect());
        }
        all.extend((0..count).map(|k| (0..count).map(|i| u16::from(i == k)).collect()));
        all
    }

    /// Draws the conclusions that close disjuncts, as far as they follow.
    fn close(
        &self,
        bounds: &Bounds,
        evidence: &[&Evidence],
        open: &mut Vec<Open>,
        steps: &mut Vec<Step>,
        scratch: &mut Scratch,
    ) {
        for evidence in evidence {
            let Some(at) = open.iter().position(|o| o.disjunct == evidence.disjunct) else {
                continue;
            };
            if self.close_one(bounds, evidence, &mut open[at], steps, scratch) {
                open.swap_remove(at);
            }
        }
    }

    fn close_one(
        &self,
        bounds: &Bounds,
        evidence: &Evidence,
        open: &mut Open,
        steps: &mut Vec<Step>,
        scratch: &mut Scratch,
    ) -> bool {
        let disjunct = evidence.disjunct;
        let weights = self.weights(disjunct, Some(evidence));
        let step = |multipliers: &[u16], slopes: &[(u32, u8)], conclusion| Step {
            disjunct,
            multipliers: multipliers.to_vec(),
            slopes: slopes.to_vec(),
            signs: Vec::new(),
            conclusion,
        };
        let codes = self.places.codes(&evidence.slopes);
        let slopes = self.scene.slopes(&codes).unwrap_or_default();
        let choice = Choice { slopes: &slopes, ..Choice::default() };
        for round in 0..2 {
            // With slopes of its own, the combination; then every row with the usual ones.
            if !codes.is_empty()
                && let Some(target) = self.scene.combine(disjunct, &weights[0])
            {
                let forms =
                    self.scene.forms(bounds, std::slice::from_ref(&target), choice, scratch);
                if target.is_refuted(&forms[0], &open.lower, &open.upper) {
                    steps.push(step(&weights[0], &codes, Conclusion::Close));
                    return true;
                }
            }
            let targets: Option<Vec<Target>> =
                weights.iter().map(|w| self.scene.combine(disjunct, w)).collect();
            let Some(targets) = targets else { return false };
            let forms = self.scene.forms(bounds, &targets, Choice::default(), scratch);
            for ((target, form), weights) in targets.iter().zip(&forms).zip(&weights) {
                if target.is_refuted(form, &open.lower, &open.upper) {
                    steps.push(step(weights, &[], Conclusion::Close));
                    return true;
                }
            }
            let mut moved = false;
            for ((target, form), weights) in targets.iter().zip(&forms).zip(&weights) {
                let faces = faces(target, form, open, 0.02);
                if faces.is_empty() {
                    continue;
                }
                moved = true;
                cut(open, &faces);
                steps.push(step(weights, &[], Conclusion::Clip(faces)));
                if target.is_refuted(form, &open.lower, &open.upper) {
                    steps.push(step(weights, &[], Conclusion::Close));
                    return true;
                }
            }
            if !moved || round == 1 {
                break;
            }
        }
        if evidence.exact {
            let (query, frame) = (self.scene.query, &self.scene.frame);
            let case = &query.disjuncts[disjunct as usize];
            let region = &query.regions[case.region as usize];
            let faces = (open.lower.as_slice(), open.upper.as_slice());
            let coarse = evidence.multipliers.iter().map(|m| (64.0 * m).round() as u16).collect();
            let equal = vec![1; case.rows.len()];
            for weights in weights.into_iter().chain([coarse, equal]) {
                if weights.len() == case.rows.len()
                    && refutes_exactly(frame.program, region, faces, &case.rows, &weights)
                {
                    steps.push(step(&weights, &[], Conclusion::CloseExactly));
                    return true;
                }
            }
        }
        false
    }

    /// Cuts the boxes of what stays open to where it can hold.
    fn clip(
        &self,
        bounds: &Bounds,
        evidence: &[&Evidence],
        open: &mut [Open],
        steps: &mut Vec<Step>,
        scratch: &mut Scratch,
    ) {
        for evidence in evidence {
            let Some(open) = open.iter_mut().find(|o| o.disjunct == evidence.disjunct) else {
                continue;
            };
            let weights = self.weights(evidence.disjunct, Some(evidence));
            let targets: Option<Vec<Target>> =
                weights.iter().map(|w| self.scene.combine(evidence.disjunct, w)).collect();
            let Some(targets) = targets else { continue };
            let forms = self.scene.forms(bounds, &targets, Choice::default(), scratch);
            for ((target, form), weights) in targets.iter().zip(&forms).zip(weights) {
                let faces = faces(target, form, open, 0.05);
                if !faces.is_empty() {
                    cut(open, &faces);
                    steps.push(Step {
                        disjunct: evidence.disjunct,
                        multipliers: weights,
                        slopes: Vec::new(),
                        signs: Vec::new(),
                        conclusion: Conclusion::Clip(faces),
                    });
                }
            }
        }
    }
}

fn late() -> Error {
    Error::new(Kind::Certificate, "the time limit was reached while the proof was written")
        .help("the verdict is the prover's own; a longer --timeout leaves time for the proof")
}

fn stuck() -> Error {
    let message = "a part of the region could not be closed by the checker's rules";
    Error::new(Kind::Certificate, message)
        .help("the verdict is the prover's own; a longer time limit does not help here")
}

/// Faces that a form allows to cut away at least this share of a width each; nearer ones than the form says, so
/// that the checker's rounding does not matter.
fn faces(target: &Target, form: &Form, open: &Open, share: f64) -> Vec<Face> {
    let least = form.minimum(&open.lower, &open.upper);
    let mut faces = Vec::new();
    if !(least.is_finite() && least < 0.0) {
        return faces;
    }
    let mut now = open.clone();
    for (d, c) in form.coefficients.iter().enumerate() {
        let width = now.upper[d] - now.lower[d];
        // Where the form can be zero on the way from its least value.
        let reach = -least / c.abs() + 1.0e-4 * width;
        if !(reach < (1.0 - share) * width) {
            continue;
        }
        let upper = *c > 0.0;
        let at = if upper { now.lower[d] + reach } else { now.upper[d] - reach };
        let face = Face { input: d as u32, upper, at };
        if now.lower[d] < at && at < now.upper[d] && target.may_clip(form, &now, &face) {
            cut(&mut now, &[face]);
            faces.push(face);
        }
    }
    faces
}

fn cut(open: &mut Open, faces: &[Face]) {
    for face in faces {
        let input = face.input as usize;
        if face.upper {
            open.upper[input] = face.at;
        } else {
            open.lower[input] = face.at;
        }
    }
}
