//! Doubts that a reviewer should have, with what answers each.

use super::evidence::Evidence;
use super::{Assumption, Doubt};
use crate::gate::results::Results;
use crate::spec::lint::witness;
use crate::spec::{Claim, World};

/// The list, in a fixed order. What is computed says so; the rest is left to people, and open.
pub(super) fn list(
    world: &World,
    results: &Results,
    evidence: &[Evidence],
    assumptions: &[Assumption],
) -> Vec<Doubt> {
    let spec = &world.spec;
    let mut list = Vec::new();
    let mut add = |id, text, status, answer: String| list.push(Doubt { id, text, status, answer });
    let declared = |id: &str| assumptions.iter().any(|a| a.id == id && a.status != "open");
    let people = || "left to people; nothing in this document answers it".to_string();

    let meaning = if declared("A-MEANING") { "assumed" } else { "open" };
    add(
        "D-SPEC",
        "A property is weaker than its requirement",
        meaning,
        "assumption A-MEANING; `encoding_note` and `rationale` of each property are printed".into(),
    );
    let vacuous: Vec<&str> =
        results.properties.iter().filter(|p| p.vacuous).map(|p| p.id.as_str()).collect();
    match vacuous.as_slice() {
        [] => add("D-NEG", "The unwanted was written as the wanted, or nothing is unwanted", "residual",
            "every query has an unwanted set that some outputs would meet; whether it is the right one \
             is a matter of reading the formulas".into()),
        ids => add("D-NEG", "The unwanted was written as the wanted, or nothing is unwanted", "sustained",
            format!("true whatever the network computes: {}", ids.join(", "))),
    }
    let regions: Vec<&crate::spec::Property> =
        spec.properties.iter().filter(|p| !matches!(p.claim, Claim::VnnLib { .. })).collect();
    let without: Vec<&str> = regions
        .iter()
        .filter(|property| witness(world, property).is_none())
        .map(|property| property.id.as_str())
        .collect();
    match without.as_slice() {
        [] => add(
            "D-EMPTY",
            "A region is empty, so that its property says nothing",
            "refuted",
            format!("an exact point was found in each of {} regions", regions.len()),
        ),
        ids => add(
            "D-EMPTY",
            "A region is empty, so that its property says nothing",
            "open",
            format!("no exact point was found for {}", ids.join(", ")),
        ),
    }
    let scaled = spec.inputs.iter().all(|input| !input.assume.is_empty());
    add(
        "D-NORM",
        "The deployed pre-processing is not the one that is written here",
        if scaled { "assumed" } else { "open" },
        match scaled {
            true => "assumptions are attached to every input".into(),
            false => "some input has no assumption about its pre-processing".into(),
        },
    );
    add(
        "D-UNIT",
        "A unit or an axis is mistaken",
        "open",
        "units and scaled ranges are printed side by side; people compare".into(),
    );
    let uncovered = spec.domain.uncovered.as_ref().is_some_and(|text| !text.is_empty());
    add(
        "D-ODD",
        "The operational domain is larger than the regions",
        if uncovered { "residual" } else { "open" },
        spec.domain
            .uncovered
            .clone()
            .filter(|_| uncovered)
            .unwrap_or_else(|| "what the domain leaves out is not stated".into()),
    );
    add(
        "D-JOINT",
        "Correlated inputs: a region has impossible points, or lacks possible ones",
        "open",
        people(),
    );
    add("D-EXPORT", "The file differs from the network that was trained", "open", people());
    let deployed = if declared("A-DEPLOYED") { "assumed" } else { "open" };
    add(
        "D-DEPLOY",
        "The target runs a quantised, compiled or pruned variant",
        deployed,
        "assumption A-DEPLOYED".into(),
    );
    let near: usize =
        results.properties.iter().flat_map(|p| &p.parts).map(|part| part.near_misses.len()).sum();
    match near {
        0 => add("D-FLOAT", "Rounding at run time changes an output", "open",
            "verdicts are about the function over the reals; margins are the only answer given here".into()),
        count => add("D-FLOAT", "Rounding at run time changes an output", "sustained",
            format!("{count} points are known where an execution in the model's float type violates a \
                     property that holds there over the reals")),
    }
    add(
        "D-OP",
        "Our reading of an operator differs from the runtime's",
        "open",
        "two decoders agreed on the file; replay it in the target's runtime".into(),
    );
    add("D-POST", "Post-processing is not in the model", "open", people());
    add(
        "D-LOOP",
        "A property of one step does not bound the hazard of the closed loop",
        "open",
        people(),
    );
    add("D-DATA", "The points are not representative, or their labels are wrong", "open", people());
    add("D-SENSOR", "Perturbations that sensors cause are no boxes", "open", people());
    let accepted: usize = evidence.iter().map(|evidence| evidence.accepted).sum();
    let unchecked = results.count("unchecked");
    add(
        "D-TOOL",
        "The prover is wrong",
        if unchecked > 0 || accepted == 0 { "open" } else { "refuted" },
        match unchecked {
            0 => format!(
                "{accepted} certificates were accepted by {}; what remains to be trusted is that \
                          checker and the two readers of the files",
                results.checker
            ),
            count => {
                format!("{count} properties hold without a certificate and rest on the prover")
            }
        },
    );
    let stale: Vec<&str> =
        evidence.iter().filter(|e| !e.stale.is_empty()).map(|e| e.id.as_str()).collect();
    match stale.as_slice() {
        [] => add(
            "D-INTEG",
            "The evidence does not belong to these files",
            "refuted",
            "all digests were computed again when this document was made".into(),
        ),
        ids => add(
            "D-INTEG",
            "The evidence does not belong to these files",
            "sustained",
            format!("stale: {}", ids.join(", ")),
        ),
    }
    let bare = spec
        .requirements
        .iter()
        .filter(|r| !spec.properties.iter().any(|p| p.requirements.contains(&r.id)))
        .count();
    let free = spec.properties.iter().filter(|p| p.requirements.is_empty()).count();
    add(
        "D-COVER",
        "A requirement has no property, or a property no requirement",
        if bare + free == 0 { "refuted" } else { "open" },
        format!("{bare} requirements without a property, {free} properties without a requirement"),
    );
    let missing = evidence.iter().filter(|e| e.found.is_none()).count();
    let unknown = results.count("unknown") + unchecked + results.count("error") + missing;
    let signed = results.properties.iter().filter(|p| p.gate == "allowed").count();
    add(
        "D-UNKNOWN",
        "Undecided parts are overlooked",
        match (unknown, unknown == signed) {
            (0, _) => "refuted",
            (_, true) => "residual",
            _ => "open",
        },
        format!(
            "{unknown} of {} properties are not shown; somebody signed for {signed}",
            spec.properties.len()
        ),
    );
    add(
        "D-DRIFT",
        "The model is updated in the field",
        "open",
        "`plimsoll status` tells when files change".into(),
    );
    add("D-ADV", "An attacker leaves the regions", "open", people());
    add("D-TIME", "Memory or latency faults of the target", "open", "not addressed here".into());
    list
}
