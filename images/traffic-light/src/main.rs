//! traffic-light
fn main() {}
