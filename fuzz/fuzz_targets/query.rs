//! A text in either version of VNN-LIB to a query, which written out reads back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_check::vnnlib;

fuzz_target!(|data: &[u8]| {
    let Ok(query) = vnnlib::read(data) else { return };
    let faces = query.regions.len() * query.input_count();
    if faces > 1 << 12 || query.disjuncts.len() > 1 << 8 {
        return;
    }
    let again = vnnlib::read(query.to_vnnlib().as_bytes()).expect("its own text is read");
    assert_eq!(again.regions, query.regions);
    assert_eq!(again.disjuncts, query.disjuncts);
    assert_eq!(again.inputs, query.inputs);
    assert_eq!(again.outputs, query.outputs);
});
