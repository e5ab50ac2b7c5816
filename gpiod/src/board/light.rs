//! Light over time: steady, or a curve of points between which its logarithm goes in a straight line, as eyes and
//! photoresistors see a day pass.

/// The darkest light that is modelled, lux: a moonless night.
pub const DARKEST: f64 = 0.001;
/// The brightest light that is modelled, lux: the sun itself.
pub const BRIGHTEST: f64 = 200_000.0;

/// What light falls on a sensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Light {
    /// Always so many lux.
    Steady(f64),
    /// As the curve says.
    Curve(Curve),
}

/// Light that changes by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// At least one, the first at 0, each later than the one before.
    pub points: Vec<Point>,
    /// Whether it begins again after its last point; else its last light stays.
    pub repeat: bool,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When, in ns since power-on.
    pub at_ns: u64,
    /// How much light, from [`DARKEST`] to [`BRIGHTEST`].
    pub lux: f64,
}

/// A time in which the logarithm of the light goes in a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    /// When it begins, in ns since power-on.
    pub start_ns: u64,
    /// When it is over; `u64::MAX` if never.
    pub end_ns: u64,
    /// ln(lux) at its beginning.
    pub ln_lux: f64,
    /// How much ln(lux) grows in each ns.
    pub per_ns: f64,
}

impl Span {
    fn steady(start_ns: u64, lux: f64) -> Self {
        Self { start_ns, end_ns: u64::MAX, ln_lux: lux.ln(), per_ns: 0.0 }
    }

    /// ln(lux) at this moment, in ns since power-on.
    pub(super) fn ln_lux_at(&self, at_ns: u64) -> f64 {
        self.ln_lux + self.per_ns * at_ns.saturating_sub(self.start_ns) as f64
    }
}

impl Light {
    /// The span that this moment, in ns since power-on, lies in.
    pub(super) fn span(&self, at_ns: u64) -> Span {
        match self {
            Self::Steady(lux) => Span::steady(0, *lux),
            Self::Curve(curve) => curve.span(at_ns),
        }
    }

    /// Lux at this moment, in ns since power-on.
    pub fn lux(&self, at_ns: u64) -> f64 {
        self.span(at_ns).ln_lux_at(at_ns).exp()
    }
}

impl Curve {
    fn span(&self, at_ns: u64) -> Span {
        let Some(last) = self.points.last() else { return Span::steady(0, DARKEST) };
        let round_ns = if self.repeat { at_ns.checked_div(last.at_ns).unwrap_or(0) * last.at_ns } else { 0 };
        let within_ns = at_ns - round_ns;
        let later = self.points.partition_point(|point| point.at_ns <= within_ns);
        let (Some(to), Some(from)) =
            (self.points.get(later), later.checked_sub(1).and_then(|i| self.points.get(i)))
        else {
            return Span::steady(round_ns + last.at_ns, last.lux);
        };
        let length_ns = (to.at_ns - from.at_ns) as f64;
        Span {
            start_ns: round_ns + from.at_ns,
            end_ns: round_ns + to.at_ns,
            ln_lux: from.lux.ln(),
            per_ns: (to.lux.ln() - from.lux.ln()) / length_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(repeat: bool) -> Light {
        let point = |at_ns, lux| Point { at_ns, lux };
        Light::Curve(Curve { points: vec![point(0, 1.0), point(100, 100.0), point(200, 1.0)], repeat })
    }

    #[test]
    fn between_two_points_the_logarithm_goes_in_a_straight_line() {
        assert!((day(false).lux(50) - 10.0).abs() < 1e-9);
        assert!((day(false).lux(100) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_curve_that_does_not_repeat_keeps_its_last_light() {
        assert!((day(false).lux(1_000) - 1.0).abs() < 1e-9);
        assert_eq!(day(false).span(200).end_ns, u64::MAX);
    }

    #[test]
    fn a_curve_that_repeats_begins_again() {
        assert!((day(true).lux(300) - 100.0).abs() < 1e-9);
        assert_eq!((day(true).span(310).start_ns, day(true).span(310).end_ns), (300, 400));
    }
}
