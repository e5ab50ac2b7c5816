//! gpiod beside other programs that own GPIO lines: the same chip, the same measurements, one program at a time, taking
//! turns over several rounds, so that what disturbs the machine for a while disturbs all of them.

pub(crate) mod arguments;
mod programs;
mod report;
mod turn;

use crate::Fallible;
use crate::chip::Chip;
use crate::process::keep_on_one_processor;
use arguments::Arguments;
use programs::Program;
use report::Report;

/// How many turns of a program may be in vain, because it tells of no edge from the beginning.
const DEAF: u32 = 20;

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    if !wanted.spread {
        keep_on_one_processor(0)?;
    }
    let chip = Chip::new()?;
    let programs = Program::all(wanted);
    let mut report = Report::new(wanted, &programs)?;
    for round in 1..=wanted.rounds {
        for program in programs.iter().filter(|program| program.is_given()) {
            eprintln!("round {round} of {}: {}", wanted.rounds, program.name());
            let failed = |error| format!("{}: {error}", program.name());
            loop {
                match turn::measure(|| program.start(&chip), &chip, wanted).map_err(failed)? {
                    Some(outcome) => break report.add(program, outcome),
                    None if report.deaf(program) < DEAF => {}
                    None => return Err(failed("its watch is deaf".into()).into()),
                }
            }
        }
    }
    let report = report.conclude();
    print!("{}", report.markdown());
    if let Some(path) = &wanted.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    Ok(())
}
