//! Exit codes.

/// What the process ends with, the same for all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Every property holds, or the command did its work.
    Fine = 0,
    /// A property is violated.
    Violated = 1,
    /// The input is wrong.
    Input = 2,
    /// At least one property is undecided.
    Undecided = 3,
    /// Evidence is about other files than the present ones.
    Stale = 4,
    /// The run was interrupted.
    Interrupted = 5,
    /// Plimsoll itself failed.
    Internal = 6,
}

impl Code {
    /// The code with this number.
    pub fn of(number: u8) -> Code {
        match number {
            0 => Code::Fine,
            1 => Code::Violated,
            2 => Code::Input,
            3 => Code::Undecided,
            4 => Code::Stale,
            5 => Code::Interrupted,
            _ => Code::Internal,
        }
    }

    /// The code of two runs together: an error outranks a finding.
    pub fn and(self, other: Code) -> Code {
        let order = [
            Code::Internal,
            Code::Input,
            Code::Interrupted,
            Code::Violated,
            Code::Undecided,
            Code::Stale,
            Code::Fine,
        ];
        let rank = |code| order.iter().position(|known| *known == code);
        if rank(self) <= rank(other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_outrank_findings() {
        assert_eq!(Code::Fine.and(Code::Undecided), Code::Undecided);
        assert_eq!(Code::Undecided.and(Code::Violated), Code::Violated);
        assert_eq!(Code::Violated.and(Code::Interrupted), Code::Interrupted);
        assert_eq!(Code::Input.and(Code::Interrupted), Code::Input);
        assert_eq!(Code::Input.and(Code::Internal), Code::Internal);
    }
}
