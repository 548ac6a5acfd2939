//! From the verdicts of queries to what the gate says of a property.

use super::Gate;
use super::results::{self, Property};
use crate::Reason;
use crate::spec::{self, Allowance, Claim, OnUnknown, Profile};
use plimsoll_check::number::Rational;

impl Gate<'_> {
    /// What the queries of a property say together, and what that means to the gate.
    pub(super) fn conclude(&self, property: &spec::Property, found: &mut Property) {
        if found.verdict != "error" {
            aggregate(property, found);
        }
        let profile = self.settings.profile.as_ref().map(|(_, profile)| profile);
        let severity = self.world.spec.severity(property);
        let below = profile
            .and_then(|profile| profile.min_severity)
            .is_some_and(|least| severity.is_some_and(|severity| severity > least));
        let verdict = found.word().to_string();
        found.gate = match verdict.as_str() {
            "error" => "fail",
            _ if below => {
                found.why += "; below the severity that the profile asks for";
                "ignored"
            }
            "violated" if property.expect_violated => {
                found.why += ", as expected";
                "pass"
            }
            "violated" => "fail",
            "holds" | "unchecked" if property.expect_violated => {
                found.why = format!("{}, and a violation was expected", found.why);
                "fail"
            }
            "holds"
                if found.vacuous
                    && profile.and_then(|profile| profile.allow_vacuous) == Some(false) =>
            {
                found.why += "; the profile accepts no property that says nothing of the network";
                found.next = Some("state what must not come out".into());
                "fail"
            }
            "holds" => "pass",
            _ => self.undecided(property, found, profile, severity),
        }
        .to_string();
    }

    fn undecided(
        &self,
        property: &spec::Property,
        found: &mut Property,
        profile: Option<&Profile>,
        severity: Option<usize>,
    ) -> &'static str {
        let strict = profile.and_then(|profile| profile.strict_on_severe).unwrap_or(false)
            && severity.is_some_and(|severity| severity <= 1);
        let default = match profile.and_then(|profile| profile.warn_on_unknown) {
            Some(true) => OnUnknown::Warn,
            _ => OnUnknown::Fail,
        };
        let meaning = property.on_unknown.clone().unwrap_or(default);
        match meaning {
            OnUnknown::Allow(allowance) => {
                let covers = self.settings.today <= allowance.until;
                let Allowance { owner, until, reason, issue, .. } = allowance;
                found.why += &match (covers, strict) {
                    (false, _) => format!("; the allowance of {owner} ended on {until}"),
                    (true, true) => {
                        "; the profile accepts no allowance on this severity".to_string()
                    }
                    (true, false) => format!("; allowed by {owner} until {until}: {reason}"),
                };
                found.allowance = Some(results::Allowance { owner, until, reason, issue, covers });
                if covers && !strict { "allowed" } else { "fail" }
            }
            OnUnknown::Warn if strict => {
                found.why += "; the profile refuses `warn` on this severity";
                "fail"
            }
            OnUnknown::Warn => "warn",
            OnUnknown::Fail => "fail",
        }
    }

    /// What a property contributes to the exit code.
    pub(super) fn code(&self, found: &Property) -> u8 {
        let interrupted =
            found.parts.iter().any(|part| part.reason.as_deref() == Some("interrupted"));
        if interrupted {
            return 5;
        }
        match (found.gate.as_str(), found.word()) {
            ("fail", "error") => 2,
            ("fail", "holds") if found.vacuous => 3,
            ("fail", "violated" | "holds") => 1,
            ("fail", _) => 3,
            _ => 0,
        }
    }
}

/// What the queries of a property say together: sets verdict, proof and the words for them.
pub fn aggregate(property: &spec::Property, found: &mut Property) {
    let total = found.parts.len() + found.skipped.len();
    let count = |word: &str| found.parts.iter().filter(|part| part.verdict == word).count();
    let (holds, violated, unknown) = (count("holds"), count("violated"), count("unknown"));
    let require = match &property.claim {
        Claim::Robustness { require, .. } => require.clone(),
        _ => Rational::ONE,
    };
    // A share of the points that are decided at all or left out; with "all", what is left out does
    // not count.
    let all = require == Rational::ONE;
    let needed = &require * &Rational::from(total as i64);
    let reaches = |count: usize| Rational::from(count as i64) >= needed;
    let (verdict, proof) = if all && violated > 0 || !all && !reaches(holds + unknown) {
        ("violated", "none")
    } else if all && unknown == 0 && holds > 0 || !all && reaches(holds) {
        let checked = found
            .parts
            .iter()
            .filter(|part| part.verdict == "holds" && part.proof == "valid")
            .count();
        let enough = if all { checked == holds } else { reaches(checked) };
        ("holds", if enough { "valid" } else { "none" })
    } else {
        ("unknown", "none")
    };
    found.verdict = verdict.into();
    found.proof = proof.into();
    found.vacuous = !found.parts.is_empty() && found.parts.iter().all(|part| part.vacuous);
    let worst = |word: &str| found.parts.iter().find(|part| part.verdict == word);
    let mut why = match (found.word(), found.parts.len()) {
        ("holds", 1) => "proved, and the certificate was accepted".to_string(),
        ("unchecked", 1) => {
            let why = found.parts[0].unchecked.clone().unwrap_or_default();
            format!("holds, unchecked: {why}")
        }
        ("violated", 1) => "a counterexample was proved".to_string(),
        (_, 0) => "there was nothing to verify".to_string(),
        ("unknown", 1) => found.parts[0].message.clone().unwrap_or_default(),
        (_, parts) => {
            let unchecked =
                found.parts.iter().filter(|p| p.verdict == "holds" && p.proof != "valid").count();
            let mut words = format!("{holds} of {parts} hold");
            if unchecked > 0 {
                words += &format!(" ({unchecked} of them without a certificate)");
            }
            if violated > 0 {
                words += &format!(", {violated} violated");
            }
            if unknown > 0 {
                words += &format!(", {unknown} undecided");
            }
            words
        }
    };
    if !all {
        why += &format!("; a share of {require} is required");
    }
    if !found.skipped.is_empty() {
        why += &format!(", {} left out", found.skipped.len());
    }
    if found.vacuous {
        why += " (whatever the network computes)";
    }
    let open = found.parts.iter().find(|part| part.verdict == "holds" && part.proof == "none");
    found.next = worst("unknown").or(open).and_then(|part| part.next.clone());
    found.why = why;
}

/// What to try after a search without a verdict.
pub(super) fn advice(reason: &Reason) -> &'static str {
    match reason {
        Reason::Timeout => "raise `timeout`, narrow the region, or split the property in two",
        Reason::Boxes => "raise the limit on boxes",
        Reason::Interrupted => "run again: what is proved is kept",
        Reason::FloatSemantics => "state the property over the reals",
        Reason::Overflow => "narrow the region; a value may exceed the range of float64",
        Reason::Boundary => "the margin is next to zero: relax the bound a little, or exclude ties",
        Reason::Solver(_) => "let another back-end decide: --backend auto",
        Reason::Arithmetic => "use a processor in its default floating-point mode",
    }
}
