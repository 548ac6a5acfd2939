//! Backward bounds in exact rationals, for boxes that no rounded bound can close.
