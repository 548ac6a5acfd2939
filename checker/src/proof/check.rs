//! The check of a certificate: a walk through its trees in which every conclusion is drawn anew.

use super::bound::{Bounds, Choice, Form, LANES, Scratch, Sign};
use super::certificate::{Bounding, Certificate, Conclusion, Face, Node, Rest, Step, slope};
use super::exact;
use super::frame::Frame;
use super::program::{Definition, Program, Variable};
use crate::number::Rational;
use crate::query::{Disjunct, Query, Region};
use std::collections::BTreeMap;
use std::fmt;

/// Why a certificate is not believed: where, which rule, and what is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// The region, by its place in the query.
    pub region: usize,
    /// Which way the walk had gone: `b` below a split, `a` above, `.` bounded anew,
    /// `+` and `-` by the sign of a pre-activation, `|` to one disjunct.
    pub path: String,
    /// The rule that does not apply.
    pub rule: &'static str,
    /// Why.
    pub cause: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { region, path, rule, cause } = self;
        write!(
            f,
            "region {region}, node {}: {rule}: {cause}",
            if path.is_empty() { "root" } else { path }
        )
    }
}

/// What a valid certificate consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// Nodes of all trees.
    pub nodes: usize,
    /// Those behind which there is none.
    pub leaves: usize,
    /// Conclusions.
    pub steps: usize,
    /// Conclusions by exact arithmetic.
    pub exact: usize,
}

/// A disjunct that is open on a box.
#[derive(Debug, Clone)]
pub struct Open {
    /// The disjunct, by its place in the query.
    pub disjunct: u32,
    /// Lower faces.
    pub lower: Vec<f64>,
    /// Upper faces.
    pub upper: Vec<f64>,
}

/// One region of a query over a program: what the rules need to know.
pub struct Scene<'q> {
    /// The query.
    pub query: &'q Query,
    /// The region, by its place.
    pub region: usize,
    /// Magnitudes over the region.
    pub frame: Frame<'q>,
    /// The pre-activations of all relus, by place.
    pre_activations: Vec<Variable>,
}

/// A combination of rows, ready to be swept.
pub struct Target {
    /// Coefficients of variables.
    seed: Vec<(Variable, f64)>,
    /// The constant, less what the rounding of coefficients can cost.
    constant: f64,
    /// Whether equality does not satisfy the combination.
    strict: bool,
}

/// Checks a certificate of these trees for a query.
///
/// # Errors
/// The first conclusion that does not follow.
pub fn check(
    program: &Program,
    query: &Query,
    certificate: &Certificate,
) -> Result<Summary, Rejection> {
    let mut summary = Summary::default();
    if certificate.trees.len() != query.regions.len() {
        return Err(Rejection {
            region: 0,
            path: String::new(),
            rule: "COVER",
            cause: format!(
                "there are {} trees for {} regions",
                certificate.trees.len(),
                query.regions.len()
            ),
        });
    }
    for (region, tree) in certificate.trees.iter().enumerate() {
        let mut walk = Walk { region, summary, ..Walk::default() };
        if query.regions[region].is_empty() {
            // Rule EMPTY: there is nothing to prove.
            continue;
        }
        let scene = Scene::new(program, query, region);
        let open = scene.all();
        walk.node(&scene, open, None, tree)?;
        summary = walk.summary;
    }
    Ok(summary)
}

/// Depth down to which both sides of a node are checked side by side: eight threads at most.
const PARALLEL: usize = 3;

impl Summary {
    fn add(&mut self, other: &Summary) {
        self.nodes += other.nodes;
        self.leaves += other.leaves;
        self.steps += other.steps;
        self.exact += other.exact;
    }
}

impl<'q> Scene<'q> {
    /// Bounds the program over a region.
    pub fn new(program: &'q Program, query: &'q Query, region: usize) -> Scene<'q> {
        let (lower, upper) = outward(&query.regions[region]);
        let frame = Bounds::frame(program, &lower, &upper);
        let pre_activation = |definition: &Definition| match definition {
            Definition::Relu { of } => Some(*of),
            _ => None,
        };
        let pre_activations = program.definitions.iter().filter_map(pre_activation).collect();
        Scene { query, region, frame, pre_activations }
    }

    /// All disjuncts of the region, each on the whole of it.
    pub fn all(&self) -> Vec<Open> {
        let (lower, upper) = outward(&self.query.regions[self.region]);
        let mine = |(_, disjunct): &(usize, &Disjunct)| disjunct.region as usize == self.region;
        let open = |(place, _): (usize, &Disjunct)| Open {
            disjunct: place as u32,
            lower: lower.clone(),
            upper: upper.clone(),
        };
        self.query.disjuncts.iter().enumerate().filter(mine).map(open).collect()
    }

    /// Rule COMBINE: where a disjunct holds, so does any combination of its rows with multipliers that
    /// are not negative. `None` if the number of multipliers is not that of rows, or all are zero.
    pub fn combine(&self, disjunct: u32, multipliers: &[u16]) -> Option<Target> {
        let rows = &self.query.disjuncts[disjunct as usize].rows;
        if rows.len() != multipliers.len() || multipliers.iter().all(|m| *m == 0) {
            return None;
        }
        let mut terms: BTreeMap<Variable, Rational> = BTreeMap::new();
        let mut constant = Rational::ZERO;
        let mut strict = false;
        for (row, multiplier) in rows.iter().zip(multipliers).filter(|(_, m)| **m > 0) {
            let multiplier = Rational::from(i64::from(*multiplier));
            strict |= row.strict;
            constant += &(&multiplier * &row.constant);
            for (index, coefficient) in &row.outputs {
                let variable = self.frame.program.outputs[*index as usize];
                *terms.entry(variable).or_insert(Rational::ZERO) += &(&multiplier * coefficient);
            }
            for (index, coefficient) in &row.inputs {
                *terms.entry(*index).or_insert(Rational::ZERO) += &(&multiplier * coefficient);
            }
        }
        let mut charge = 0.0;
        let mut seed = Vec::with_capacity(terms.len());
        for (variable, coefficient) in terms {
            let near = coefficient.to_f64();
            if coefficient.to_f64_exact() != Some(near) {
                // The nearest float is one unit in the last place away at most.
                let unit = (near.next_up() - near).max(near - near.next_down());
                charge += unit * self.frame.magnitude[variable as usize];
            }
            seed.push((variable, near));
        }
        let mut constant = constant.to_f64_down();
        if charge != 0.0 {
            constant = (constant - super::frame::inflate(charge)).next_down();
        }
        Some(Target { seed, constant, strict })
    }

    /// Rule SIGN: multiples of assumed signs join a combination, as where `z >= 0`, `-b z` with `b >= 0` makes it
    /// no greater, and `b z` where `z <= 0`. `None` if there is no such assumption.
    pub fn with_signs(
        &self,
        mut target: Target,
        assumed: &[(u32, bool)],
        multipliers: &[(u32, f32)],
    ) -> Option<Target> {
        for (at, multiplier) in multipliers {
            let (place, active) = assumed.get(*at as usize)?;
            let variable = *self.pre_activations.get(*place as usize)?;
            let multiplier = f64::from(*multiplier);
            // The error of coefficients is argued for two seeds of a variable.
            let seeds = target.seed.iter().filter(|(seeded, _)| *seeded == variable).count();
            if !(multiplier >= 0.0) || seeds > 1 {
                return None;
            }
            target.seed.push((variable, if *active { -multiplier } else { multiplier }));
        }
        Some(target)
    }

    /// Assumed signs by place of the relu; `None` if there is no such relu.
    pub fn signs(&self, assumed: &[(u32, bool)]) -> Option<Vec<Sign>> {
        if assumed.is_empty() {
            return Some(Vec::new());
        }
        let mut signs = vec![Sign::Free; self.pre_activations.len()];
        for (place, active) in assumed {
            *signs.get_mut(*place as usize)? = if *active { Sign::Active } else { Sign::Inactive };
        }
        Some(signs)
    }

    /// Rule BACKWARD for several combinations, with the same choices at relus.
    pub fn forms(
        &self,
        bounds: &Bounds,
        targets: &[Target],
        choice: Choice<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Form> {
        let mut forms = Vec::with_capacity(targets.len());
        for targets in targets.chunks(LANES) {
            let seeds: Vec<&[(Variable, f64)]> =
                targets.iter().map(|t| t.seed.as_slice()).collect();
            let swept = self.frame.backward(bounds, &seeds, choice, scratch);
            for (form, target) in swept.into_iter().zip(targets) {
                // Rounded once, to below.
                let constant = (form.constant + target.constant).next_down();
                forms.push(Form { constant, ..form });
            }
        }
        forms
    }

    /// Slopes by place of the relu from their codes; `None` if there is no such relu.
    pub fn slopes(&self, codes: &[(u32, u8)]) -> Option<Vec<f64>> {
        if codes.is_empty() {
            return Some(Vec::new());
        }
        let mut slopes = vec![f64::NAN; self.pre_activations.len()];
        for (place, code) in codes {
            *slopes.get_mut(*place as usize)? = slope(*code);
        }
        Some(slopes)
    }

    /// The smallest box around all open ones.
    pub fn hull(open: &[Open]) -> Option<(Vec<f64>, Vec<f64>)> {
        let (first, rest) = open.split_first()?;
        let (mut lower, mut upper) = (first.lower.clone(), first.upper.clone());
        for other in rest {
            for d in 0..lower.len() {
                lower[d] = lower[d].min(other.lower[d]);
                upper[d] = upper[d].max(other.upper[d]);
            }
        }
        Some((lower, upper))
    }

    /// Rule SPLIT: what is open on both sides of a cut through a box.
    pub fn halves(open: &[Open], input: usize, at: f64) -> [Vec<Open>; 2] {
        let below = open.iter().filter(|o| o.lower[input] <= at).map(|o| {
            let mut half = o.clone();
            half.upper[input] = half.upper[input].min(at);
            half
        });
        let above = open.iter().filter(|o| o.upper[input] >= at).map(|o| {
            let mut half = o.clone();
            half.lower[input] = half.lower[input].max(at);
            half
        });
        [below.collect(), above.collect()]
    }
}

impl Target {
    /// Rule CLOSE: whether the combination holds nowhere on a box where the form is below it.
    pub fn is_refuted(&self, form: &Form, lower: &[f64], upper: &[f64]) -> bool {
        let least = form.minimum(lower, upper);
        // NaN compares false.
        least > 0.0 || (self.strict && least >= 0.0)
    }

    /// Rule CLIP: whether the combination holds nowhere between a face of a box and a new one.
    pub fn may_clip(&self, form: &Form, open: &Open, face: &Face) -> bool {
        let input = face.input as usize;
        let (mut lower, mut upper) = (open.lower.clone(), open.upper.clone());
        if face.upper {
            lower[input] = face.at;
        } else {
            upper[input] = face.at;
        }
        self.is_refuted(form, &lower, &upper)
    }
}

/// The faces of a region, rounded outward.
fn outward(region: &Region) -> (Vec<f64>, Vec<f64>) {
    let lower = region.lower.iter().map(|face| face.value.to_f64_down()).collect();
    let upper = region.upper.iter().map(|face| face.value.to_f64_up()).collect();
    (lower, upper)
}

#[derive(Default)]
struct Walk {
    region: usize,
    path: String,
    /// Assumed signs on the way from the root.
    assumed: Vec<(u32, bool)>,
    summary: Summary,
    scratch: Scratch,
}

impl Walk {
    fn reject<T>(&self, rule: &'static str, cause: impl Into<String>) -> Result<T, Rejection> {
        Err(Rejection { region: self.region, path: self.path.clone(), rule, cause: cause.into() })
    }

    fn node(
        &mut self,
        scene: &Scene<'_>,
        mut open: Vec<Open>,
        outer: Option<&Bounds>,
        node: &Node,
    ) -> Result<(), Rejection> {
        self.summary.nodes += 1;
        self.summary.steps += node.steps.len();
        let Some((lower, upper)) = Scene::hull(&open) else {
            // Nothing is open on this side of a cut.
            self.summary.leaves += 1;
            return match node.steps.is_empty() && node.rest == Rest::Nothing {
                true => Ok(()),
                false => self.reject("CLOSE", "no disjunct is open here"),
            };
        };
        let own = match node.bounding {
            Bounding::Interval => Some(scene.frame.interval(&lower, &upper, outer)),
            Bounding::Tighten => {
                Some(scene.frame.tightened(&lower, &upper, outer, &mut self.scratch))
            }
            Bounding::Keep => None,
        };
        let Some(bounds) = own.as_ref().or(outer) else {
            return self.reject("INTERVAL", "there are no bounds to be kept at a root");
        };
        let Some(signs) = scene.signs(&self.assumed) else {
            return self.reject("SIGN", "a sign is assumed at a relu that does not exist");
        };
        let mut steps = node.steps.as_slice();
        while !steps.is_empty() {
            // Steps with the default slopes are swept side by side.
            let plain = steps.iter().take_while(|step| step.slopes.is_empty()).count();
            let (now, rest) = steps.split_at(plain.clamp(1, LANES));
            steps = rest;
            self.steps(scene, bounds, &signs, now, &mut open)?;
        }
        match &node.rest {
            Rest::Nothing if open.is_empty() => {
                self.summary.leaves += 1;
                Ok(())
            }
            Rest::Nothing => {
                let disjunct = open[0].disjunct;
                self.reject("COVER", format!("disjunct {disjunct} is open on a leaf"))
            }
            _ if open.is_empty() => self.reject("SPLIT", "nothing is open to be split"),
            Rest::Again(node) => self.below('.', None, scene, open, bounds, node),
            Rest::Cases(cases) => {
                if cases.len() != open.len() {
                    return self.reject("CASES", "not every open disjunct has a node of its own");
                }
                for (disjunct, node) in cases {
                    let Some(at) = open.iter().position(|o| o.disjunct == *disjunct) else {
                        return self.reject("CASES", format!("disjunct {disjunct} is not open"));
                    };
                    let alone = vec![open.swap_remove(at)];
                    self.below('|', None, scene, alone, bounds, node)?;
                }
                Ok(())
            }
            Rest::Sign(signs) => {
                if signs.relu as usize >= scene.pre_activations.len() {
                    return self.reject("SIGN", format!("there is no relu {}", signs.relu));
                }
                self.sides(
                    |walk| {
                        let assumed = Some((signs.relu, true));
                        walk.below('+', assumed, scene, open.clone(), bounds, &signs.active)
                    },
                    |walk| {
                        let assumed = Some((signs.relu, false));
                        walk.below('-', assumed, scene, open.clone(), bounds, &signs.inactive)
                    },
                )
            }
            Rest::Split(split) => {
                let input = split.input as usize;
                if input >= lower.len() {
                    return self.reject("SPLIT", format!("there is no input {input}"));
                }
                let [below, above] = Scene::halves(&open, input, split.at);
                drop(open);
                self.sides(
                    |walk| walk.below('b', None, scene, below, bounds, &split.below),
                    |walk| walk.below('a', None, scene, above, bounds, &split.above),
                )
            }
        }
    }

    /// The walk through a node below this one.
    fn below(
        &mut self,
        letter: char,
        assumed: Option<(u32, bool)>,
        scene: &Scene<'_>,
        open: Vec<Open>,
        bounds: &Bounds,
        node: &Node,
    ) -> Result<(), Rejection> {
        self.path.push(letter);
        self.assumed.extend(assumed);
        self.node(scene, open, Some(bounds), node)?;
        self.assumed.truncate(self.assumed.len() - usize::from(assumed.is_some()));
        self.path.pop();
        Ok(())
    }

    /// Both sides of a node; near the root side by side, since what one concludes does not depend on the
    /// other. The first side's rejection counts.
    fn sides(
        &mut self,
        first: impl FnOnce(&mut Walk) -> Result<(), Rejection>,
        second: impl FnOnce(&mut Walk) -> Result<(), Rejection> + Send,
    ) -> Result<(), Rejection> {
        if self.path.len() >= PARALLEL {
            first(self)?;
            return second(self);
        }
        let mut other = Walk {
            region: self.region,
            path: self.path.clone(),
            assumed: self.assumed.clone(),
            ..Walk::default()
        };
        let (one, two) = std::thread::scope(|scope| {
            let two = scope.spawn(|| second(&mut other));
            (first(self), two.join())
        });
        one?;
        // A panic of the other thread goes on in this one.
        two.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        self.summary.add(&other.summary);
        Ok(())
    }

    /// Conclusions with the same slopes.
    fn steps(
        &mut self,
        scene: &Scene<'_>,
        bounds: &Bounds,
        signs: &[Sign],
        steps: &[Step],
        open: &mut Vec<Open>,
    ) -> Result<(), Rejection> {
        let Some(slopes) = scene.slopes(&steps[0].slopes) else {
            return self.reject("RELU", "a slope is given for a relu that does not exist");
        };
        let mut targets = Vec::with_capacity(steps.len());
        for step in steps {
            if !open.iter().any(|o| o.disjunct == step.disjunct) {
                let cause = format!("disjunct {} is not open here", step.disjunct);
                return self.reject("CLOSE", cause);
            }
            let Some(target) = scene.combine(step.disjunct, &step.multipliers) else {
                let cause = format!("{} multipliers do not fit", step.multipliers.len());
                return self.reject("COMBINE", cause);
            };
            match scene.with_signs(target, &self.assumed, &step.signs) {
                Some(target) => targets.push(target),
                None => return self.reject("SIGN", "a multiplier is of no assumed sign"),
            }
        }
        let choice = Choice { slopes: &slopes, signs };
        let forms = scene.forms(bounds, &targets, choice, &mut self.scratch);
        for ((step, target), form) in steps.iter().zip(&targets).zip(&forms) {
            let Some(at) = open.iter().position(|o| o.disjunct == step.disjunct) else {
                let cause = format!("disjunct {} is closed already", step.disjunct);
                return self.reject("CLOSE", cause);
            };
            match &step.conclusion {
                Conclusion::Close => {
                    if !target.is_refuted(form, &open[at].lower, &open[at].upper) {
                        let least = form.minimum(&open[at].lower, &open[at].upper);
                        return self.reject("CLOSE", format!("the lower bound is {least}"));
                    }
                    open.swap_remove(at);
                }
                Conclusion::CloseExactly => {
                    self.summary.exact += 1;
                    let case = &scene.query.disjuncts[step.disjunct as usize];
                    let region = &scene.query.regions[scene.region];
                    let faces = (open[at].lower.as_slice(), open[at].upper.as_slice());
                    let program = scene.frame.program;
                    if !exact::refutes(program, region, faces, &case.rows, &step.multipliers) {
                        return self.reject("EXACT", "the exact lower bound does not exclude it");
                    }
                    open.swap_remove(at);
                }
                // A clip holds where the signs hold, and the box below stays with them.
                Conclusion::Clip(faces) => {
                    for face in faces {
                        let input = face.input as usize;
                        if input >= open[at].lower.len() {
                            return self.reject("CLIP", format!("there is no input {input}"));
                        }
                        if !target.may_clip(form, &open[at], face) {
                            let cause = format!("input {input} cannot be cut at {}", face.at);
                            return self.reject("CLIP", cause);
                        }
                        let o = &mut open[at];
                        if face.upper {
                            o.upper[input] = o.upper[input].min(face.at);
                        } else {
                            o.lower[input] = o.lower[input].max(face.at);
                        }
                        if o.lower[input] > o.upper[input] {
                            return self.reject("CLIP", "nothing is left, which is to be closed");
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
