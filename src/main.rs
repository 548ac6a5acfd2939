//! The command line of Plimsoll.
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let model = plimsoll::read::model(&args[2]).unwrap();
    let text = plimsoll::read::file(&args[3]).unwrap();
    let query = plimsoll::read::query(&text).unwrap();
    let mut options = plimsoll::Options::default();
    if let Some(i) = args.iter().position(|a| a == "--timeout") {
        options.timeout = Some(std::time::Duration::from_secs_f64(args[i + 1].parse().unwrap()));
    }
    let outcome = plimsoll::Verifier::new(options).verify(&model, &query).unwrap();
    let mut extra = String::new();
    let word = match &outcome.verdict {
        plimsoll::Verdict::Holds => "holds",
        plimsoll::Verdict::Violated(c) => {
            extra = format!(
                ",\"counterexample\":{{\"inputs\":[{}]}}",
                c.inputs.iter().map(|x| format!("\"{x}\"")).collect::<Vec<_>>().join(",")
            );
            "violated"
        }
        plimsoll::Verdict::Unknown(_) => "unknown",
    };
    eprintln!("{:?} {:?} {:?}", outcome.progress, outcome.elapsed, outcome.strategy);
    println!("{{\"verdict\":\"{word}\"{extra}}}");
}
