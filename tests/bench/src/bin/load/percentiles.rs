//! Times of answers.

use std::time::Duration;

/// Times, of which one asks for percentiles.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Sorts; milliseconds below which so many of a thousand are.
    pub(crate) fn below(&mut self, of_thousand: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * of_thousand).div_ceil(1_000).max(1) - 1;
        self.0.get(place).map_or(0.0, Duration::as_secs_f64) * 1_000.0
    }

    /// Requests a second, one after the other.
    pub(crate) fn a_second(&self) -> f64 {
        let all: Duration = self.0.iter().sum();
        if self.0.is_empty() {
            0.0
        } else {
            f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX)) / all.as_secs_f64()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let mut times = Times::default();
        (1..=1_000).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        let texts = [500, 990, 999].map(|of_thousand| format!("{:.0}", times.below(of_thousand)));
        assert_eq!(texts, ["500", "990", "999"]);
    }
}
