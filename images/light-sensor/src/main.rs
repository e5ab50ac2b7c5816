//! light-sensor
fn main() {}
